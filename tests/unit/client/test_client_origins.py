"""Where a run came from: its code package and what set it off."""

from __future__ import annotations

import io
import json
import os
import tarfile

import pytest

from metaflow.client import MetaflowCode, Run, Task
from metaflow.client.trigger import Trigger


@pytest.fixture
def package(tmp_path):
    path = tmp_path / "package.tgz"
    members = {
        ".mf_code/metaflow/x.py": "ours",
        ".mf_meta/INFO": json.dumps({"script": "flow.py", "python_version": "3.11"}),
        ".mf_install": "",
        "flow.py": "class F: pass\n",
        "lib/part.py": "part = 1\n",
    }
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content.encode()))
    return str(path)


def test_a_code_package(world, package):
    fact = json.dumps({"location": package, "sha": "0"})
    world.small_run(metadata={"code-package": fact})
    world.small_run(run_id="2")
    code = Run("F/1").code
    assert isinstance(code, MetaflowCode)
    assert code.path == package
    assert code.info["python_version"] == "3.11"
    assert code.script_name == "flow.py"
    assert code.flowspec == "class F: pass\n"
    with code.tarball as tar:
        assert len(tar.getnames()) == 5
    with code.extract() as directory:
        found = {
            os.path.relpath(os.path.join(at, name), directory)
            for at, _, names in os.walk(directory)
            for name in names
        }
    assert found == {"flow.py", "lib/part.py"}
    assert repr(code) == "<MetaflowCode: flow.py>"
    assert Task("F/1/end/3").code.path == package
    assert Task("F/1/end/3").environment_info == code.info
    assert Run("F/2").code is None


def test_a_run_set_off_by_another(world):
    world.small_run("Up", "1")
    trigger = Trigger.from_runs([Run("Up/1")])
    world.small_run("Down", "1", metadata={"execution-triggers": trigger.to_json()})
    found = Run("Down/1").trigger
    assert found.event == found["metaflow.Up.end"] == found["Up/1"]
    assert found.event.type == "run"
    assert found.event.timestamp == Run("Up/1").finished_at
    assert found.run.pathspec == "Up/1"
    assert [run.pathspec for run in trigger.runs] == ["Up/1"]
    assert list(found) == found.events
    assert len(found) == 1
    assert "metaflow.Up.end" in found
    assert "other" not in found
    with pytest.raises(KeyError):
        found["other"]
    assert repr(found) == "<Trigger: metaflow.Up.end>"
    assert Run("Up/1").trigger is None


def test_events_that_are_no_runs(world):
    fact = json.dumps([{"name": "news", "id": "e1", "timestamp": None}])
    world.small_run(metadata={"execution-triggers": fact})
    trigger = Run("F/1").trigger
    assert trigger.event.name == "news"
    assert trigger.event.type == "event"
    assert (trigger.run, trigger.runs) == (None, [])
