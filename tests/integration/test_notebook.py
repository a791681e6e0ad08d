"""Runs as a notebook sees them: a real kernel reads them back, and a flow in a cell is just a class."""

from __future__ import annotations

import os
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

FLOW = """
import numpy
from metaflow import FlowSpec, Parameter, step


class NotebookFlow(FlowSpec):
    alpha = Parameter("alpha", default=1)

    @step
    def start(self):
        self.items = ["x", "y", "z"]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        print("working on", self.input)
        self.mine = self.input * 2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.all = [one.mine for one in inputs]
        self.array = numpy.arange(6).reshape(2, 3)
        self.next(self.end)

    @step
    def end(self):
        if self.alpha == 13:
            raise ValueError("unlucky")


if __name__ == "__main__":
    NotebookFlow()
"""


class Notebook:
    """A folder with runs, and a kernel that works in it."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "flow.py").write_text(FLOW)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("METAFLOW", "COV"))}
        self.env = kept | {
            "METAFLOW_USER": "ann",
            "METAFLOW_HOME": str(folder / "home"),
            "IPYTHONDIR": str(folder / "ipython"),
            "JUPYTER_RUNTIME_DIR": str(folder / "jupyter"),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }

    def run(self, *arguments, user="ann", code=0):
        done = subprocess.run(
            [sys.executable, "flow.py", "run", "--run-id-file", "id", *arguments],
            cwd=self.folder,
            env=self.env | {"METAFLOW_USER": user},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return (self.folder / "id").read_text()

    def execute(self, *cells):
        """Execute cells one after the other and return what each has shown."""
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        client = NotebookClient(
            made, timeout=60, kernel_name="python3", resources={"metadata": {"path": self.folder}}
        )
        client.execute(env=self.env)
        return [shown(cell) for cell in made.cells]


def shown(cell):
    """Text that a cell has printed, and its value as the notebook shows it."""
    texts = []
    for output in cell.outputs:
        texts.append(output["text"] if "text" in output else output["data"]["text/plain"])
    return "".join(texts).rstrip("\n")


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "jupyter"))
    return Notebook(tmp_path)


def test_a_notebook_reads_runs_back(notebook):
    first = notebook.run("--tag", "early")
    others = notebook.run(user="eve")
    failed = notebook.run("--alpha", "13", code=1)
    told = notebook.execute(
        "from metaflow import Flow, Metaflow, Run, namespace, get_namespace\nlist(Metaflow())",
        "runs = list(Flow('NotebookFlow'))\n[run.id for run in runs]",
        "flow = Flow('NotebookFlow')\nflow.latest_run.successful, flow.latest_successful_run.id",
        "run = Run('NotebookFlow/" + first + "')\nsorted(run.user_tags), 'user:ann' in run.tags",
        "[(task.index, task.data.mine) for task in run['work']][::-1]",
        "run['work']['3'].stdout",
        "run['join'].task.data.array.sum().item(), run.data.all",
        "flow.latest_run['end'].task.exception",
        "run.add_tag('seen in a notebook')\nsorted(Run(run.pathspec).user_tags)",
        "namespace(None)\n[run.id for run in Flow('NotebookFlow')]",
        "[run.id for run in Flow('NotebookFlow').runs('early')]",
        "namespace('user:eve')\n[run.id for run in Flow('NotebookFlow')]",
        "run.is_in_namespace(), get_namespace()",
    )
    assert told[:7] == [
        "[Flow('NotebookFlow')]",
        repr([failed, first]),
        repr((False, first)),
        "(['early'], True)",
        "[(0, 'xx'), (1, 'yy'), (2, 'zz')]",
        repr("working on y\n"),
        "(15, ['xx', 'yy', 'zz'])",
    ]
    assert "ValueError" in told[7]
    assert "unlucky" in told[7]
    assert told[8:] == [
        "['early', 'seen in a notebook']",
        repr([failed, others, first]),
        repr([first]),
        repr([others]),
        "(False, 'user:eve')",
    ]


def test_a_notebook_sees_runs_that_end_while_it_is_open(notebook):
    told = notebook.execute(
        "from metaflow import Flow, Metaflow\nlist(Metaflow())",
        "import subprocess, sys\n"
        "done = subprocess.run([sys.executable, 'flow.py', 'run', '--tag', 'late'], "
        "capture_output=True)\ndone.returncode",
        "run = Flow('NotebookFlow').latest_run\nrun.finished, run.data.all, sorted(run.user_tags)",
        "subprocess.run([sys.executable, 'flow.py', 'run'], capture_output=True).returncode",
        "newer = Flow('NotebookFlow').latest_run\nnewer.id > run.id, newer in [run]",
    )
    assert told == ["[]", "0", "(True, ['xx', 'yy', 'zz'], ['late'])", "0", "(True, False)"]


def test_a_flow_in_a_cell_starts_no_command_line(notebook):
    cell = FLOW.split("if __name__", maxsplit=1)[0] + "\nmine = NotebookFlow()\n"
    told = notebook.execute(
        "a_value = 1",
        cell,
        "[step.name for step in mine], mine.name, str(mine)",
        FLOW + "\nprint(__name__)",
        "a_value",
    )
    assert told == [
        "",
        "",
        "(['start', 'work', 'join', 'end'], 'NotebookFlow', '<flow NotebookFlow>')",
        "__main__",
        "1",
    ]
    assert not (notebook.folder / ".metaflow").exists()


def test_an_error_in_a_cell_is_shown_with_its_hint(notebook):
    run_id = notebook.run()
    with pytest.raises(CellExecutionError) as failure:
        notebook.execute(
            f"from metaflow import Run\nRun('NotebookFlow/{run_id}')['end'].task.data.x"
        )
    assert "has no artifact `x`" in str(failure.value)
    with pytest.raises(CellExecutionError) as failure:
        notebook.execute("from metaflow import Run\nRun('NotebookFlow/1')")
    assert "`NotebookFlow` has no run `1`" in str(failure.value)
    assert run_id in str(failure.value)
