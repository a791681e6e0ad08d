"""What is wrong with a flow is told on the command line: what, where, and what to do next."""

from __future__ import annotations

import pytest
from errors_of_flows import FLOWS, source

NOBODY = dict.fromkeys(("METAFLOW_USER", "SUDO_USER", "USERNAME"), "") | {"USER": "root"}


@pytest.mark.parametrize("wrong", FLOWS, ids=lambda wrong: wrong.error)
def test_flow(workspace, wrong):
    text = source(wrong)
    workspace.write(text)
    if wrong.command[0] == "resume":
        workspace.succeed("run")
    env = NOBODY if wrong.error == "MetaflowUnknownUser" else {}
    done = workspace.flow(*wrong.command, **env)
    told = done.out + done.err
    assert done.code == 1, told
    for part in wrong.says:
        assert part in told
    assert wrong.hint is None or wrong.hint in told.partition("hint: ")[2]
    if wrong.at is not None:
        line = text[: text.index(wrong.at)].count("\n") + 1
        path = workspace.folder / "flow.py"
        assert f"in file {path} on line {line}:" in told or f'"{path}", line {line}' in told
