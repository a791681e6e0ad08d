"""What programs ask in vain for raises the error that is documented, with all its parts."""

from __future__ import annotations

import subprocess
import sys

import pytest
from flow_of_two_steps import two_steps

from metaflow import Flow, NBRunner, Run, Task, namespace
from metaflow.datastore.exceptions import DataException
from metaflow.exception import (
    MetaflowDataMissing,
    MetaflowException,
    MetaflowInvalidPathspec,
    MetaflowNamespaceMismatch,
    MetaflowNotFound,
    MetaflowTaggingError,
)
from metaflow.runner.nbrun import NBRunnerInitializationError


@pytest.fixture
def run(workspace):
    two_steps(workspace, start="self.large = os.urandom(300_000)")
    return workspace.run()


def test_not_found(run):
    with pytest.raises(MetaflowNotFound) as caught:
        Run(f"{run.parent.id}/1")
    assert "`StepsFlow` has no run `1`" in caught.value.message
    assert run.id in caught.value.hint
    with pytest.raises(MetaflowNotFound, match="StepsFlow"):
        Flow("StepFlow")
    with pytest.raises(MetaflowNotFound, match="attempt"):
        Task(run.end_task.pathspec, attempt=3)


def test_namespace_mismatch(run):
    namespace("user:eve")
    with pytest.raises(MetaflowNamespaceMismatch) as caught:
        Run(run.pathspec)
    assert run.pathspec in caught.value.message
    assert "user:eve" in caught.value.message
    assert "namespace(" in caught.value.hint


def test_invalid_pathspec(run):
    with pytest.raises(MetaflowInvalidPathspec) as caught:
        Run("StepsFlow/1/start")
    assert "`StepsFlow/1/start`" in caught.value.message
    assert caught.value.headline


def test_tagging_error(run):
    for wrong in ("", "x" * 501, 5):
        with pytest.raises(MetaflowTaggingError):
            run.add_tag(wrong)
    with pytest.raises(MetaflowTaggingError, match="user:ann") as caught:
        run.remove_tag("user:ann")
    assert caught.value.headline == "Tagging error"
    with pytest.raises(MetaflowTaggingError):
        run.add_tags([f"tag {number}" for number in range(51)])
    assert not run.user_tags


def test_data_missing(workspace, run):
    blobs = [f for f in (workspace.folder / ".metaflow" / "blobs").rglob("*") if f.is_file()]
    assert blobs
    for blob in blobs:
        blob.unlink()
    with pytest.raises(MetaflowDataMissing) as caught:
        _ = run["start"].task.data.large
    assert any(str(blob) in caught.value.message for blob in blobs)
    assert "`verify " in caught.value.hint


def test_data_exception(workspace, run):
    for blob in (workspace.folder / ".metaflow" / "blobs").rglob("*"):
        if blob.is_file():
            blob.chmod(0o600)
            blob.write_bytes(b"something else")
    with pytest.raises(DataException) as caught:
        _ = run["start"].task.data.large
    assert str(workspace.folder) in caught.value.message
    assert "restore" in caught.value.hint


def test_exception_wrapper(workspace):
    two_steps(workspace, start="raise KeyError('the key')")
    workspace.fail("run")
    found = workspace.latest()["start"].task.exception
    assert type(found).__name__ == "MetaflowExceptionWrapper"
    assert found.type == "builtins.KeyError"
    assert found.exception == "'the key'"
    assert "in start" in found.stacktrace
    assert "raise KeyError" in str(found)


def test_failure_handled_by_catch(workspace):
    two_steps(workspace, start="os._exit(9)", decorator="@catch(var='why')")
    workspace.succeed("run")
    why = workspace.latest()["start"].task.data.why
    assert why.type == "metaflow.plugins.catch_decorator.FailureHandledByCatch"
    assert "ended without an exception" in why.exception
    assert "look at the logs" in why.exception


def test_nb_runner_without_a_notebook():
    with pytest.raises(NBRunnerInitializationError, match="notebook") as caught:
        NBRunner(MetaflowException)
    assert caught.value.hint


def test_cards_have_not_come_yet():
    """`CardNotPresentException` comes with cards; then it needs a test here."""
    code = "import metaflow.plugins.cards.exception"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr
