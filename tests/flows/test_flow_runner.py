"""`Runner`: runs of a flow's file from a program, in threads and event loops, and their ends."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading

import pytest

from metaflow.client import Flow, Run
from metaflow.errors.base import MetaflowException
from metaflow.errors.runner import (
    ArgumentTypeWrong,
    FlowNotUnique,
    LogsRemoved,
    MissingArgument,
    RunNotStarted,
    UnknownArgument,
)
from metaflow.errors.storage import ArtifactsNotKept
from metaflow.runner.metaflow_runner import ExecutingRun, ExecutingTask, Runner

FLOW = """
import os
import signal
from metaflow import FlowSpec, JSONType, Parameter, current, step

class DrivenFlow(FlowSpec):
    alpha = Parameter("alpha", default=1)
    my_rate = Parameter("my-rate", default=0.5)
    flag = Parameter("flag", default=False)
    grid = Parameter("grid", type=JSONType, default="{}")
    names = Parameter("names", separator=",", default="a")

    @step
    def start(self):
        print("one\\ntwo")
        self.cwd = os.getcwd()
        self.word = os.environ.get("A_WORD")
        self.next(self.end)

    @step
    def end(self):
        if self.alpha == 13:
            raise ValueError("unlucky")
        if self.alpha == 7:
            signal.pause()

if __name__ == "__main__":
    DrivenFlow()
"""

MAIN = 'if __name__ == "__main__":'
SLOW_TO_START = FLOW.replace(MAIN, f"{MAIN}\n    signal.pause()")


@pytest.fixture
def driven(workspace, monkeypatch):
    """A workspace with the flow; this process is its user, and stands in it."""
    workspace.write(FLOW)
    monkeypatch.chdir(workspace.folder)
    for name in [name for name in os.environ if name.startswith("METAFLOW")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("METAFLOW_USER", "ann")
    monkeypatch.setenv("METAFLOW_HOME", str(workspace.folder / "home"))
    return workspace


def runner(**options):
    return Runner("flow.py", show_output=False, pylint=False, **options)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pid):
    """Wait for the end of a process that is no child of this one."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        import select

        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        assert poller.poll(10_000), "the process has not ended"
    finally:
        os.close(descriptor)


def test_a_run_is_returned_with_its_result(driven):
    with runner().run(
        alpha=3,
        my_rate=2,
        flag=True,
        grid={"deep": [1, None]},
        names=["x", "y"],
        tags=["nightly", "try"],
        max_workers=2,
    ) as running:
        assert isinstance(running, ExecutingRun)
        assert (running.status, running.returncode) == ("successful", 0)
        data = running.run.data
        assert (data.alpha, data.my_rate, data.flag) == (3, 2.0, True)
        assert (data.grid, data.names) == ({"deep": [1, None]}, ["x", "y"])
        assert running.run.user_tags == {"nightly", "try"}
        assert "Done!" in running.stdout
        assert "Validating your flow" in running.stderr
        files = running.command_obj.log_files
        assert all(os.path.exists(file) for file in files.values())
        assert running.command_obj.command[-1].startswith("--")
        assert running.command_obj.process.returncode == 0
    assert not any(os.path.exists(file) for file in files.values())
    with pytest.raises(LogsRemoved):
        _ = running.stdout


def test_a_failing_flow_does_not_raise_and_can_be_resumed(driven):
    with runner() as used:
        failed = used.run(alpha=13)
        assert (failed.status, failed.returncode) == ("failed", 1)
        assert not failed.run.successful
        driven.write(FLOW.replace("== 13", "== 14"))
        resumed = runner().resume(origin_run_id=failed.run.id)
        assert resumed.status == "successful"
        assert resumed.run.origin_pathspec == failed.run.pathspec
        again = runner().resume(step_to_rerun="start", origin_run_id=failed.run.id)
        assert again.run["start"].task.origin_pathspec is None


def test_the_output_is_shown(driven, capsys):
    Runner("flow.py", pylint=False).run()
    shown = capsys.readouterr()
    assert [line[-3:] for line in shown.out.splitlines()].count("two") == 1
    assert shown.out.endswith("Done!\n")
    assert "The graph looks good!" in shown.err
    runner().run()
    assert capsys.readouterr() == ("", "")


def test_the_objects_ignore_the_namespace_and_find_their_store(driven, tmp_path):
    from metaflow.client import namespace

    namespace("user:somebody-else")
    root = tmp_path / "elsewhere" / "store"
    made = runner(datastore_root=str(root)).run()
    assert made.run.successful
    assert made.run["start"].task.data.alpha == 1
    assert root.is_dir()


def test_environment_profile_and_directory(driven, tmp_path, monkeypatch):
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "home" / "config_mine.json").write_text('{"METAFLOW_USER": "profiled"}')
    (tmp_path / "sub").mkdir()
    monkeypatch.delenv("METAFLOW_USER")
    env = {"A_WORD": "here"}
    made = runner(env=env, profile="mine", cwd=str(tmp_path / "sub")).run()
    assert made.run.data.word == "here"
    assert made.run.data.cwd == str(tmp_path / "sub")
    assert Runner("../flow.py", cwd=str(tmp_path / "sub")).flow_file == str(tmp_path / "flow.py")


@pytest.mark.parametrize(
    ("given", "error", "kind", "text"),
    [
        ({"alhpa": 1}, UnknownArgument, ValueError, "Unknown argument: 'alhpa'"),
        ({"alpha": "1"}, ArgumentTypeWrong, TypeError, "'alpha'"),
        ({"alpha": True}, ArgumentTypeWrong, TypeError, "not `int`"),
        ({"flag": 1}, ArgumentTypeWrong, TypeError, "not `bool`"),
        ({"tags": "one"}, ArgumentTypeWrong, TypeError, "a list"),
        ({"names": [1]}, ArgumentTypeWrong, TypeError, "a list of `str`"),
        ({"grid": {1, 2}}, ArgumentTypeWrong, TypeError, "JSON"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_runs(driven, given, error, kind, text):
    with pytest.raises(error, match=text) as refused:
        runner().run(**given)
    assert isinstance(refused.value, kind)
    assert not (driven.folder / ".metaflow").exists()


def test_top_level_options_are_checked(driven):
    with pytest.raises(ValueError, match="Unknown argument: 'pilint'"):
        Runner("flow.py", pilint=False)
    with pytest.raises(TypeError, match="pylint"):
        Runner("flow.py", pylint="no")


def test_a_required_parameter_must_be_given(driven, monkeypatch):
    driven.write(FLOW.replace('"alpha", default=1', '"alpha", type=int, required=True'))
    with pytest.raises(MissingArgument, match="'alpha'") as refused:
        runner().run()
    assert isinstance(refused.value, ValueError)
    assert runner(env={"METAFLOW_RUN_ALPHA": "5"}).run().run.data.alpha == 5


def test_what_is_no_flow_file_is_refused(driven):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.py"):
        Runner("nowhere.py")
    driven.write("x = 1", "empty.py")
    with pytest.raises(MetaflowException, match="no class"):
        Runner("empty.py")
    driven.write(FLOW + "\nclass OtherFlow(FlowSpec): pass\n", "two.py")
    with pytest.raises(FlowNotUnique, match="`DrivenFlow`, `OtherFlow`"):
        Runner("two.py")
    driven.write(FLOW + "\nclass Derived(DrivenFlow): pass\n", "derived.py")
    assert Runner("derived.py").api.flow.__name__ == "Derived"


def test_a_changed_file_is_read_again_and_folders_do_not_mix(driven, tmp_path):
    for name in ("left", "right"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "neighbour.py").write_text(f"NAME = {name!r}\n")
        driven.write(
            FLOW.replace('"alpha"', "neighbour.NAME").replace("import os", "import os, neighbour"),
            f"{name}/flow.py",
        )
    found = [Runner(f"{name}/flow.py").api.command("run") for name in ("left", "right")]
    assert [command.params[0].name for command in found] == ["left", "right"]
    assert "neighbour" not in sys.modules
    driven.write(FLOW.replace('"alpha"', '"omega"'))
    assert Runner("flow.py").api.command("run").params[0].name == "omega"


def test_failing_before_the_run_is_registered_raises(driven):
    driven.write(FLOW.replace("self.next(self.end)", "self.next(self.nowhere)"))
    with pytest.raises(RunNotStarted, match="nowhere") as failure:
        runner().run()
    assert isinstance(failure.value, RuntimeError)
    assert "flow.py" in str(failure.value)
    assert "Validity checker" in failure.value.stderr
    with pytest.raises(RuntimeError, match="exit code 1"):
        asyncio.run(runner().async_run())
    driven.write(FLOW)
    with pytest.raises(RuntimeError, match="could not find run id 12"):
        runner().resume(origin_run_id="12")


async def _lines(running, stream, position=None):
    return [pair async for pair in running.stream_log(stream, position)]


def test_asynchronous_runs(driven):
    async def drive():
        async with runner() as used:
            first, second = await asyncio.gather(used.async_run(), used.async_run(alpha=13))
            assert first.run.pathspec != second.run.pathspec
            await asyncio.gather(first.wait(), second.wait())
            assert (first.status, second.status) == ("successful", "failed")
            pairs = await _lines(first, "stdout")
            assert "\n".join(line for _, line in pairs) + "\n" == first.stdout
            assert await _lines(first, "stdout", pairs[1][0]) == pairs[2:]
            resumed = await used.async_resume(origin_run_id=second.run.id)
            await resumed.wait()
            assert resumed.status == "failed"

    asyncio.run(drive())


def test_lines_come_while_the_run_goes_on(driven, capsys):
    async def drive():
        async with await runner().async_run(alpha=7) as running:
            assert (running.status, running.returncode) == ("running", None)
            async for _, line in running.stream_log("stdout"):
                if line.endswith("two"):
                    break
            assert running.status == "running"
            await running.wait(timeout=0.05, stream="stdout")
            assert running.status == "timeout"
            assert running.returncode != 0
            assert running.stdout == capsys.readouterr().out
            return running.command_obj.process.pid

    wait_until_gone(asyncio.run(drive()))


def test_a_blocking_run_works_inside_a_running_event_loop(driven):
    async def drive():
        return runner().run().status

    assert asyncio.run(drive()) == "successful"


def test_runs_in_threads(driven):
    statuses = []
    used = runner()

    def drive():
        statuses.append(used.run().status)

    threads = [threading.Thread(target=drive) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == ["successful"] * 3


def test_what_is_forgotten_is_ended(driven):
    async def drive():
        running = await runner().async_run(alpha=7)
        return running.command_obj.process.pid, Run(running.run.pathspec, _namespace_check=False)

    pid, run = asyncio.run(drive())
    gc.collect()
    wait_until_gone(pid)
    assert not run.successful


def test_cancelling_a_start_ends_the_process(driven):
    driven.write(SLOW_TO_START)

    async def drive():
        used = runner()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(used.async_run(), 0.3)
        (command,) = used._commands
        assert command.child.ended
        return command.child.process.pid

    wait_until_gone(asyncio.run(drive()))


def test_a_run_that_takes_too_long_to_register_is_ended(driven):
    driven.write(SLOW_TO_START)
    with pytest.raises(RunNotStarted, match=r"within 0\.2 seconds"):
        runner(file_read_timeout=0.2).run()


CONFIGURED = """
from metaflow import Config, FlowSpec, Parameter, step

class ConfiguredFlow(FlowSpec):
    cfg = Config("cfg", default="cfg.json")
    rounds = Parameter("rounds", default=cfg.rounds)

    @step
    def start(self):
        self.seen = self.cfg.to_dict()
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    ConfiguredFlow()
"""


def test_one_step_is_spun(driven):
    made = runner().run(alpha=4)
    spun = runner().spin(f"{made.run.pathspec}/start", persist=True)
    assert isinstance(spun, ExecutingTask)
    assert (spun.status, spun.task.data.alpha, spun.task.id) == ("successful", 4, "0")
    assert spun.pathspec == spun.task.pathspec
    with pytest.raises(ValueError, match="Unknown argument: 'alpha'"):
        runner().spin("start", alpha=5)
    dropped = runner().spin("start").task
    assert (dropped.successful, dropped.metadata_dict["spin-origin"]) == (
        True,
        f"{made.run.pathspec}/start/1",
    )
    with pytest.raises(ArtifactsNotKept, match="persist=True"):
        _ = dropped.data.word

    async def drive():
        async with await runner().async_spin("end", persist=True) as spinning:
            await spinning.wait()
            return spinning.status, spinning.task.pathspec.split("/")[2]

    assert asyncio.run(drive()) == ("successful", "end")


def test_configs_decide_what_parameters_are(driven, tmp_path, monkeypatch):
    driven.write(CONFIGURED)
    (tmp_path / "cfg.json").write_text('{"rounds": 3}')
    (tmp_path / "text.json").write_text('{"rounds": "three"}')
    assert runner().run().run.data.rounds == 3
    assert runner(config=[("cfg", "text.json")]).run(rounds="4").run.data.rounds == "4"
    by_value = runner(config_value=[("cfg", {"rounds": 1.5, "deep": {"x": [1]}})])
    assert by_value.run().run.data.seen == {"rounds": 1.5, "deep": {"x": [1]}}
    with pytest.raises(TypeError, match="`float`"):
        by_value.run(rounds="4")
    assert by_value.run(rounds=4).run.data.rounds == 4.0
    with pytest.raises(MetaflowException, match=r"nothing\.json"):
        runner(config={"cfg": "nothing.json"}).run()
    # The command itself settles configs when this process shall not, or can't from here.
    (tmp_path / "sub").mkdir()
    (tmp_path / "cfg.json").rename(tmp_path / "sub" / "cfg.json")
    below = runner(cwd=str(tmp_path / "sub")).run(rounds=5, tags=["a"])
    assert (below.run.data.rounds, below.run.user_tags) == (5, {"a"})
    monkeypatch.setenv("METAFLOW_CLICK_API_PROCESS_CONFIG", "0")
    with pytest.raises(RuntimeError, match=r"cfg\.json"):
        runner().run(rounds=5)
    assert runner(config_value=[("cfg", {"rounds": 1})]).run(rounds=5).run.data.rounds == 5


PROGRAM = """
import sys
from metaflow.runner.metaflow_runner import Runner
Runner("flow.py", pylint=False).run(alpha=7)
"""


FORGETFUL = """
import asyncio
from metaflow.runner.metaflow_runner import Runner

async def drive():
    return await Runner("flow.py", pylint=False).async_run(alpha=7)

kept = asyncio.run(drive())
print(kept.command_obj.process.pid)
"""


def _start_program(driven, source):
    driven.write(source, "program.py")
    program = subprocess.Popen(
        [sys.executable, "-u", "program.py"],
        cwd=driven.folder,
        env=driven.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in program.stdout:
        if line.endswith("two\n"):
            break
    with open(f"/proc/{program.pid}/task/{program.pid}/children") as file:
        children = [int(pid) for pid in file.read().split()]
    # One of them is the launcher; the other keeps watch.
    (launcher,) = [pid for pid in children if b"run" in _cmdline(pid)]
    return program, launcher


def _cmdline(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read().split(b"\0")


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_program_that_ends_takes_its_runs_along(driven, number):
    program, launcher = _start_program(driven, PROGRAM)
    program.send_signal(number)
    _, err = program.communicate(timeout=30)
    wait_until_gone(launcher)
    assert program.returncode != 0
    if number == signal.SIGINT:
        assert "KeyboardInterrupt" in err
        driven.look()
        (run,) = list(Flow("DrivenFlow"))
        assert run.status == "killed"


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_program_that_ends_in_order_ends_its_runs(driven):
    done = driven.python("-c", FORGETFUL)
    assert done.code == 0, done.err
    wait_until_gone(int(done.out))
    driven.look()
    (run,) = list(Flow("DrivenFlow"))
    assert not run.successful


def test_the_commands_of_a_flow_as_functions(driven):
    from metaflow.runner.click_api import (
        MetaflowAPI,
        click_to_python_types,
        extract_all_params,
        loaded_modules,
    )

    api = MetaflowAPI.from_cli("flow.py")
    assert str(driven.folder / "flow.py") in loaded_modules
    words = api(quiet=True).run(alpha=3, decospecs=["retry:times=1"], user_namespace="")
    assert words[-5:] == [
        "--quiet",
        "run",
        "--alpha=3",
        "--with=retry:times=1",
        "--namespace=",
    ]
    assert api().tag().add(tags=["t"], run_id="12")[-5:] == ["tag", "add", "--run-id=12", "--", "t"]
    _, options, by_keyword, _, _ = extract_all_params(api.command("run"))
    assert by_keyword["max_workers"].opts == ["--max-workers"]
    assert click_to_python_types[type(by_keyword["max_workers"].type)] is int
    assert click_to_python_types[type(api._group.params[1].type)] is str
    assert options.keys() == by_keyword.keys()
    described = extract_all_params(api.command("run"))
    assert described.annotations["alpha"] is int
    assert described.defaults["alpha"] == 1
    assert described.defaults["run_id_file"] is None
    assert described.options["run_id_file"].default is None
    assert "user_namespace" in described.options
    assert str in click_to_python_types.values()
    with pytest.raises(AttributeError, match="no command `walk`"):
        api.walk()
