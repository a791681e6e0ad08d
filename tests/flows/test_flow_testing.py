"""The tools for tests of flows, used as the tests of a project use them."""

from __future__ import annotations

import textwrap

FLOW = """
from metaflow import FlowSpec, Parameter, step


class ScoredFlow(FlowSpec):
    alpha = Parameter("alpha", default=1)

    @step
    def start(self):
        self.score = self.alpha * 2
        self.next(self.end)

    @step
    def end(self):
        if self.alpha < 0:
            raise ValueError("negative")


if __name__ == "__main__":
    ScoredFlow()
"""

TESTS = """
import os
import pytest
from metaflow import Flow, Metaflow, get_metadata, get_namespace
from metaflow.exception import MetaflowException
from scored import ScoredFlow


def test_a_step(run_step):
    assert run_step(ScoredFlow, "start", parameters={"alpha": 3}).score == 6


@pytest.mark.parametrize("alpha", [1, 4])
def test_a_run(run_flow, metaflow_store, alpha):
    assert list(Metaflow()) == []
    run = run_flow(ScoredFlow, alpha=alpha)
    assert run.data.score == 2 * alpha
    assert Flow("ScoredFlow").latest_run.pathspec == run.pathspec
    assert get_metadata() == "local@" + metaflow_store.folder
    assert get_namespace() == "user:tester"
    assert os.environ["METAFLOW_USER"] == "tester"


def test_a_failure(run_flow):
    with pytest.raises(MetaflowException, match="negative"):
        run_flow(ScoredFlow, alpha=-1)


def test_nothing_is_left():
    assert os.environ["METAFLOW_USER"] == "ann"
    assert not os.path.exists(".metaflow")
"""


def test_a_project_tests_its_flow_with_the_plug_in(workspace):
    workspace.write(FLOW, "scored.py")
    workspace.write(TESTS, "test_scored.py")
    arguments = ("-q", "-p", "metaflow.testing.pytest_plugin", "-p", "no:cacheprovider")
    done = workspace.python("-m", "pytest", *arguments, "-W", "error")
    assert "5 passed" in done.out, done.out + done.err


def test_the_plug_in_loads_nothing_before_it_is_used(workspace):
    workspace.write(
        """
        import sys

        def test_what_is_loaded():
            loaded = {name for name in sys.modules if name.startswith("metaflow")}
            assert loaded == {"metaflow", "metaflow.testing", "metaflow.testing.pytest_plugin"}
            assert not loaded & {"click", "sqlite3", "asyncio"}
        """,
        "test_loaded.py",
    )
    arguments = ("-q", "-p", "metaflow.testing.pytest_plugin", "-p", "no:cacheprovider")
    done = workspace.python("-m", "pytest", *arguments)
    assert "1 passed" in done.out, done.out


def test_a_store_without_pytest(workspace):
    workspace.write(FLOW, "scored.py")
    workspace.write(
        textwrap.dedent("""
        import os
        from metaflow import Flow, get_metadata
        from metaflow.testing import run_in_temporary_store, temporary_store
        from scored import ScoredFlow

        if __name__ == "__main__":
            run = run_in_temporary_store(ScoredFlow, alpha=4)
            print(run.data.score, run["start"].task.data.alpha)
            with temporary_store() as store:
                store.run(ScoredFlow)
                print(len(list(Flow("ScoredFlow"))), os.path.isdir(store.root))
            print(os.path.exists(store.root), os.path.exists(".metaflow"))
            print(os.environ["METAFLOW_USER"])
        """),
        "program.py",
    )
    done = workspace.python("program.py", TMPDIR=str(workspace.folder))
    assert done.out == "8 4\n1 True\nFalse False\nann\n", done.err
    assert list(workspace.folder.glob("metaflow-*")) == []
