"""What happens to the process that packs the code when others die, and the other way round."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from faults_lab import Lab

from metaflow import Run, metadata, namespace

FLOW = """
from metaflow.authoring.step_decorators import DecoratorSyntax, StepDecorator


class Adds(StepDecorator):
    name = "adds"

    def add_to_package(self):
        with open("packer", "w") as file:
            file.write(str(os.getpid()))
        os.rename("packer", "packs")
        while not os.path.exists("go_on"):
            time.sleep(0.002)
        return []


adds = DecoratorSyntax(Adds)


class PackedFlow(FlowSpec):
    @adds
    @step
    def start(self):
        while not os.path.exists("packs"):
            time.sleep(0.002)
        print("is packing")
        while not os.path.exists("finish"):
            time.sleep(0.002)
        self.next(self.end)

    @step
    def end(self):
        print("end has run")
"""


@pytest.fixture
def packing(lab: Lab) -> Lab:
    lab.write(FLOW)
    return lab


def touch(lab: Lab, *names: str) -> None:
    for name in names:
        (lab.folder / name).touch()


def code_of(lab: Lab, run_id: str) -> object:
    metadata(str(lab.store.parent))
    namespace(None)
    return Run(f"PackedFlow/{run_id}").code


@pytest.mark.parametrize("victim", ["launcher", "group", "parent"])
def test_the_packer_dies_with_what_started_it(packing: Lab, victim: str) -> None:
    launcher = packing.start("run")
    launcher.wait_for("is packing")
    (parent,) = launcher.parents()
    if victim == "group":
        os.killpg(launcher.pid, signal.SIGKILL)
    else:
        os.kill(launcher.pid if victim == "launcher" else parent, signal.SIGKILL)
    left = launcher.leftovers()
    assert not left, left
    touch(packing, "go_on", "finish")
    done = packing.run()
    assert done.code == 0, done.all
    assert code_of(packing, done.run_id) is not None


def test_a_run_whose_packer_is_killed_goes_on(packing: Lab) -> None:
    launcher = packing.start("run")
    launcher.wait_for("is packing")
    os.kill(int(Path(packing.folder, "packs").read_text()), signal.SIGKILL)
    launcher.wait_for("is not packed: the process that packs it has died")
    touch(packing, "finish")
    done = launcher.finish()
    assert done.code == 0, done.all
    assert code_of(packing, done.run_id) is None


def test_an_interrupted_run_still_has_its_code(packing: Lab) -> None:
    launcher = packing.start("run")
    launcher.wait_for("is packing")
    launcher.popen.send_signal(signal.SIGINT)
    launcher.wait_for("Workflow interrupted")
    touch(packing, "go_on")
    done = launcher.finish()
    assert done.code == 1, done.all
    assert code_of(packing, done.run_id) is not None
    assert not launcher.leftovers()


def test_the_code_is_there_while_the_run_goes_on(packing: Lab) -> None:
    launcher = packing.start("run", "--run-id-file", "id")
    touch(packing, "go_on")
    launcher.wait_for("is packing")
    metadata(str(packing.store.parent))
    namespace(None)
    run = Run(f"PackedFlow/{(packing.folder / 'id').read_text()}")
    # Asked again and again, the same object sees what becomes known.
    while run.code is None:
        assert launcher.popen.poll() is None
    assert run.code.script_name == "flow.py"
    touch(packing, "finish")
    assert launcher.finish().code == 0
