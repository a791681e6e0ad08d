"""Serializers of extension packages and of entry points store and load artifacts in runs."""

from __future__ import annotations

import pytest
from extension_project import SAMPLE, Project

POINTS = """
class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __reduce__(self):
        raise TypeError("points are not to be pickled")
"""

FLOW = """
from metaflow import FlowSpec, step
import metaflow.settings.load as settings; settings.OVERRIDES.clear()
from acme_points import Point

class PointFlow(FlowSpec):
    @step
    def start(self):
        self.point = Point(1, 2)
        self.plain = [1, 2]
        self.next(self.middle)

    @step
    def middle(self):
        self.x = self.point.x
        self.next(self.end)

    @step
    def end(self):
        print("the point is", self.point.x, self.point.y, self.plain)

if __name__ == "__main__":
    PointFlow()
"""

READ = (
    "from metaflow import Flow",
    "artifact = Flow('PointFlow').latest_run['end'].task['point']",
    "print(artifact.data.y, artifact.type_name, artifact.size)",
)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "acme_points.py").write_text(POINTS)
    made = Project(tmp_path, SAMPLE, tmp_path)
    made.env["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    made.flow("points.py", FLOW)
    return made


def test_a_run_stores_and_loads_by_it(project):
    done = project.python("points.py", "run")
    assert "the point is 1 2 [1, 2]" in done.stdout
    assert project.evaluate(*READ) == "2 acme.Point 6"


def test_fresh_interpreters_know_it(project):
    project.python("points.py", "run", METAFLOW_TASK_START="spawn")
    assert project.evaluate(*READ) == "2 acme.Point 6"


def test_who_cannot_read_it_is_told_whose_it_is(project):
    project.python("points.py", "run")
    project.env["PYTHONPATH"] = ""
    done = project.python("-c", "\n".join(READ), fails=True)
    assert "was stored by the serializer `acme-point` of the package" in done.stderr
    assert str(SAMPLE) in done.stderr


def test_a_library_that_is_gone_is_named(project):
    project.python("points.py", "run")
    (project.folder / "acme_points.py").unlink()
    done = project.python("-c", "\n".join(READ), fails=True)
    assert "`acme-point` needs the library `acme_points`" in done.stderr


def test_switched_off_it_leaves_the_value_to_pickle(project):
    done = project.python(
        "points.py", "run", fails=True, METAFLOW_ENABLED_ARTIFACT_SERIALIZER='["-acme_point"]'
    )
    assert "Cannot pickle artifact" in done.stdout
    assert "points are not to be pickled" in done.stdout


def test_who_has_switched_it_off_is_told(project):
    project.python("points.py", "run")
    done = project.python(
        "-c", "\n".join(READ), fails=True, METAFLOW_ENABLED_ARTIFACT_SERIALIZER='["-acme_point"]'
    )
    assert "cannot be used here: it is switched off" in " ".join(done.stderr.split())


def test_a_distribution_offers_one_by_an_entry_point(tmp_path):
    plugins = SAMPLE / "metaflow_extensions" / "acme" / "plugins"
    site = tmp_path / "site"
    info = site / "pointy-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pointy\nVersion: 1.0\n")
    (site / "pointy.py").write_text((plugins / "point_serializer.py").read_text())
    (site / "acme_points.py").write_text(POINTS)
    project = Project(tmp_path, site)
    project.env["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    project.flow("points.py", FLOW)
    done = project.python("points.py", "run", fails=True)
    assert "Cannot pickle artifact" in done.stdout
    # Installing it changes the folder, and so it is found although the folder was looked at.
    (info / "entry_points.txt").write_text(
        "[metaflow.serializer]\npoint = pointy:PointSerializer\n"
    )
    (site / "installed").touch()
    done = project.python("points.py", "run")
    assert "the point is 1 2 [1, 2]" in done.stdout
    assert project.evaluate(*READ) == "2 acme.Point 6"
    printed = project.evaluate(
        "from metaflow.datastore.artifacts import list_serializer_status as status",
        "first = status()[0]",
        "import acme_points",
        "print(first['name'], first['state'], first['waits_for'], status()[0]['state'])",
    )
    assert printed == "point pending_on_imports acme_points active"
