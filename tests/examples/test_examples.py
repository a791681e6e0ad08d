"""Every example runs for real, in a folder of its own, and left behind what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


class Project:
    """A folder in which examples run and leave their runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def python(self, *arguments: str, user: str = "ada") -> subprocess.CompletedProcess[str]:
        """Run Python here as this user, without anything configured elsewhere."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("METAFLOW", "COV"))}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=kept | {"METAFLOW_USER": user, "METAFLOW_HOME": str(self.folder / "home")},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    def example(self, name: str, *arguments: str, user: str = "ada") -> str:
        """Run an example; it must succeed. Returns all that it printed."""
        done = self.python(str(EXAMPLES / name), *arguments, user=user)
        printed = done.stdout + done.stderr
        assert done.returncode == 0, printed
        return printed

    def client(self, expression: str) -> Any:
        """Evaluate an expression over the client's `run` (the latest) and `flow`, as JSON."""
        done = self.python(
            "-c",
            "import json\n"
            "from metaflow import Flow, Metaflow, namespace\n"
            "namespace(None)\n"
            "flow = next(iter(Metaflow()))\n"
            "run = flow.latest_run\n"
            f"print(json.dumps({expression}))",
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


STEPS_OF_A_SPLIT = ["a", "b", "end", "join", "start"]


def test_structure_runs_every_step_once(project: Project) -> None:
    printed = project.example("structure.py", "run")
    assert "Done!" in printed
    assert project.client("run.successful") is True
    assert project.client("sorted(s.id for s in run)") == STEPS_OF_A_SPLIT
    assert project.client("[len(list(s)) for s in run]") == [1] * 5


def test_structure_shows_its_steps(project: Project) -> None:
    printed = project.example("structure.py", "show")
    assert [name for name in STEPS_OF_A_SPLIT if f"Step {name}" in printed] == STEPS_OF_A_SPLIT
    assert "=> a, b" in printed


def test_artifacts_of_branches_meet_in_the_join(project: Project) -> None:
    project.example("artifacts.py", "run")
    assert project.client("run.data.out") == 3
    assert project.client("[run[s].task.data.x for s in ('start', 'a', 'b')]") == [0, 2, 3]
    assert project.client("'x' in run['join'].task.data") is False


def test_resume_takes_a_step_in_the_wrong_letter_case(project: Project) -> None:
    project.example("artifacts.py", "run")
    first = project.client("run.id")
    printed = project.example("artifacts.py", "resume", "B")
    assert "Done!" in printed

    assert project.client("run.id") != first
    assert project.client("run.data.out") == 3
    origins = project.client("{s.id: s.task.metadata_dict.get('origin-task-id') for s in run}")
    cloned = {name for name, origin in origins.items() if origin not in (None, "None")}
    assert cloned == {"start", "a"}


def test_resume_of_a_step_that_does_not_exist_says_so(project: Project) -> None:
    project.example("artifacts.py", "run")
    done = project.python(str(EXAMPLES / "artifacts.py"), "resume", "C")
    assert done.returncode == 1
    assert "Invalid command" in done.stdout + done.stderr


def test_resources_are_facts_of_the_steps(project: Project) -> None:
    printed = project.example("resources.py", "run")
    assert "trained: weight 3.000" in printed
    assert "summed: 7 groups" in printed
    assert project.client("run.successful") is True

    shown = project.python(str(EXAMPLES / "resources.py"), "output-raw", "--json")
    raw = json.loads(shown.stdout)
    asked = {
        name: decorator["attributes"]
        for name, node in raw["graph"].items()
        for decorator in node["decorators"]
        if decorator["name"] == "resources"
    }
    assert int(asked["a"]["cpu"]) == 16
    assert int(asked["a"]["gpu"]) == 1
    assert int(asked["b"]["memory"]) == 200000


def test_grid_runs_one_task_per_item(project: Project) -> None:
    printed = project.example("grid.py", "run", "--max-workers", "2")
    assert "out is 122" in printed
    assert project.client("run.data.out") == 122
    letters = project.client("sorted((t.index, t.data.x) for t in run['a'])")
    assert letters == [[0, 120], [1, 121], [2, 122]]


def test_access_sees_the_runs_of_others(project: Project) -> None:
    project.example("structure.py", "run", "--tag", "unsampled_model", user="savin")
    project.example("structure.py", "run", "--tag", "sampled_model", user="david")
    newest, older = project.client("[r.id for r in flow]")

    lines = project.example("access.py", user="eve").splitlines()
    savin_run, savin_tags, david_run, david_tags, latest = lines
    assert (savin_run, david_run, latest) == (older, newest, newest)
    assert "'unsampled_model'" in savin_tags
    assert "'user:savin'" in savin_tags
    assert "'sampled_model'" in david_tags
    assert "'unsampled_model'" not in david_tags


def test_digits_keeps_the_best_of_the_grid_and_is_reported(project: Project) -> None:
    printed = project.example("digits.py", "run")
    assert "best: " in printed
    assert project.client("len(list(run['fit']))") == 12
    accuracies = project.client("[r['accuracy'] for r in run.data.results]")
    assert len(accuracies) == 12
    assert accuracies == sorted(accuracies, reverse=True)
    assert accuracies[0] > 0.95
    assert project.client("run.data.model.score(run.data.test_images, run.data.test_digits)") == (
        pytest.approx(accuracies[0])
    )
    assert project.client("int(run.data.confusion.sum())") == 450

    report = project.example("digits_report.py", "plot.png")
    assert f"{accuracies[0]:.2%}" in report
    picture = (project.folder / "plot.png").read_bytes()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(picture) > 20_000


def test_the_report_says_when_there_is_nothing_to_report(project: Project) -> None:
    done = project.python(str(EXAMPLES / "digits_report.py"))
    assert done.returncode == 1
    assert done.stderr == "You have no successful run of DigitsFlow here: python digits.py run\n"
