"""Flows that are defined in a notebook are run from it: a real kernel, `NBRunner` and `run_flow`."""

from __future__ import annotations

import pytest
from nbclient.exceptions import CellExecutionError
from test_notebook import notebook  # noqa: F401 - a fixture

SETUP = """
import math as maths
from dataclasses import dataclass
from metaflow import *

FACTOR = 3
TABLE = {"a": [1, 2]}

@dataclass
class Point:
    x: int
    def far(self):
        return helper(self.x)

def helper(value):
    return maths.floor(value * FACTOR)
"""

FLOW = """
print("this cell is executed once")
OFFSET = 100

class CellFlow(FlowSpec):
    alpha = Parameter("alpha", default=2)

    @step
    def start(self):
        self.point = Point(self.alpha)
        self.far = self.point.far() + OFFSET + TABLE["a"][1]
        self.next(self.end)

    @retry(times=0)
    @step
    def end(self):
        if self.alpha == 13:
            raise ValueError("unlucky")
        print("far:", self.far)

result = run_flow(CellFlow, alpha=5) if "run_flow" in globals() else None
"""


def test_a_flow_in_a_cell_is_run(notebook):  # noqa: F811 - the fixture
    told = notebook.execute(
        SETUP,
        FLOW,
        "(result.data.far, result.data.alpha, result.successful)",
        "result.data.point",
        "run = NBRunner(CellFlow, show_output=False).nbrun(alpha=1)\nrun.data.far",
        "NBRunner(CellFlow, pylint=False).nbrun().successful",
        "failed = NBRunner(CellFlow, show_output=False).nbrun(alpha=13)\nfailed.successful",
        "again = NBRunner(CellFlow, show_output=False).nbresume(origin_run_id=failed.id)\n"
        "again.origin_pathspec == failed.pathspec",
        "async with await NBRunner(CellFlow, show_output=False).async_run() as running:\n"
        "    await running.wait()\n"
        "running.status",
        "import glob\nglob.glob('CellFlow_*')",
    )
    assert told[1] == "this cell is executed once"
    assert told[2] == "(117, 5, True)"
    assert told[3] == "Point(x=5)"
    assert told[4] == "105"
    assert "far: 108" in told[5]
    assert told[5].endswith("True")
    assert told[6:9] == ["False", "True", "'successful'"]
    # The object of the last cell goes on to exist, and with it its file.
    assert told[9].count("CellFlow_") <= 1


def test_what_a_cell_can_not_hand_over_is_told(notebook):  # noqa: F811 - the fixture
    with pytest.raises(CellExecutionError) as failure:
        notebook.execute(
            "from metaflow import *\nopened = open('flow.py')",
            "class CellFlow(FlowSpec):\n"
            "    @step\n"
            "    def start(self):\n"
            "        self.text = opened.read()\n"
            "        self.next(self.end)\n\n"
            "    @step\n"
            "    def end(self):\n"
            "        pass",
            "run_flow(CellFlow)",
        )
    assert "uses `opened`, a `TextIOWrapper`" in str(failure.value)


def test_a_failed_flow_of_a_cell_names_its_step(notebook):  # noqa: F811 - the fixture
    with pytest.raises(CellExecutionError) as failure:
        notebook.execute(SETUP, FLOW, "run_flow(CellFlow, alpha=13)")
    assert "failed in step `end`" in str(failure.value)
    assert "ValueError: unlucky" in str(failure.value)


def test_nb_classes_need_ipython():
    from metaflow import FlowSpec, NBDeployer, NBRunner
    from metaflow.runner.nbdeploy import NBDeployerInitializationError
    from metaflow.runner.nbrun import NBRunnerInitializationError

    with pytest.raises(NBRunnerInitializationError, match="`NBRunner`"):
        NBRunner(FlowSpec)
    with pytest.raises(NBDeployerInitializationError, match="`NBDeployer`"):
        NBDeployer(FlowSpec)
