"""Steps that misbehave: each run ends, says what happened, and keeps what was made."""

from __future__ import annotations

import textwrap

import pytest
from faults_lab import Done, Lab


def failed(done: Done, *says: str) -> None:
    """The run ended because its step failed, and tells why without frames of ours."""
    assert done.code == 1, done.all
    assert "] Task failed." in done.out
    assert "Workflow failed." in done.out
    assert "Step failure:" in done.err
    assert "Step start (task-id 1) failed." in done.err
    assert "end has run" not in done.out
    for text in says:
        assert text in done.all, done.all
    assert "/src/metaflow/" not in done.all, done.all
    assert "Internal error" not in done.all


def succeeded(done: Done) -> None:
    assert done.code == 0, done.all
    assert "] end has run" in done.out
    assert "Done!" in done.out
    assert "Traceback" not in done.all, done.all


# --- artifacts ---


def test_an_artifact_that_cannot_be_pickled_is_named_and_the_others_are_kept(lab: Lab) -> None:
    lab.write_step(
        """
        import threading
        self.before = 1
        self.model = {"weights": [1, 2], "lock": threading.Lock()}
        self.zebra = list(range(1000))
        self.next(self.end)
        """
    )
    done = lab.run()
    failed(done, "Cannot pickle artifact", "`model`", "self.model['lock']")
    task = lab.only_task(done)
    assert not task.successful
    assert not task.finished
    assert task.data.before == 1
    assert task.data.zebra == list(range(1000))
    assert "model" not in task
    assert task.metadata_dict["attempt_ok"] == "False"


def test_a_failed_attempt_keeps_artifacts_and_exception(lab: Lab) -> None:
    lab.write_step("self.kept = [1]\nraise ValueError('no luck')\nself.next(self.end)")
    done = lab.run()
    failed(done, "ValueError: no luck", "flow.py")
    task = lab.only_task(done)
    assert task.data.kept == [1]
    assert task.metadata_dict["attempt_ok"] == "False"
    assert task.exception.type == "builtins.ValueError" or "ValueError" in str(task.exception.type)
    assert "no luck" in task.stderr


# --- ways to end a process ---


@pytest.mark.parametrize("code", ["0", "", "None"])
def test_exit_without_failure_after_next_is_a_success(lab: Lab, code: str) -> None:
    lab.write_step("self.kept = 1\nself.next(self.end)", after=f"sys.exit({code})")
    done = lab.run()
    succeeded(done)
    assert lab.only_task(done).data.kept == 1


def test_exit_before_next_fails(lab: Lab) -> None:
    lab.write_step("self.kept = 1\nif self.kept:\n    sys.exit(0)\nself.next(self.end)")
    done = lab.run()
    failed(done, "sys.exit(0)", "flow.py")
    assert lab.only_task(done).data.kept == 1


def test_exit_with_a_code_fails(lab: Lab) -> None:
    lab.write_step("self.kept = 1\nself.next(self.end)", after="sys.exit(3)")
    done = lab.run()
    failed(done, "sys.exit(3)", "flow.py")
    assert lab.only_task(done).data.kept == 1


@pytest.mark.parametrize("leave", ["sys.exit(202)", "os._exit(202)"])
def test_exit_code_202_is_never_tried_again(lab: Lab, leave: str) -> None:
    lab.write_step(f"did('start')\n{leave}\nself.next(self.end)", decorator="@retry(times=3)")
    done = lab.run()
    failed(done)
    assert lab.did(done.run_id) == ["start"]
    assert "(retry)" not in done.out


@pytest.mark.parametrize("leave", ["sys.exit(3)", "os._exit(0)", "os.abort()"])
def test_other_ways_to_end_are_tried_again(lab: Lab, leave: str) -> None:
    lab.write_step(
        "did('start')\nself.next(self.end)",
        after=f"if current.retry_count < 2 and current.step_name == 'start':\n    {leave}",
        decorator="@retry(times=2)",
    )
    done = lab.run()
    succeeded(done)
    assert lab.did(done.run_id) == ["start"] * 3
    assert done.out.count("Task is starting (retry).") == 2


@pytest.mark.parametrize(
    ("leave", "says"),
    [
        ("os._exit(0)", "its process ended with exit code 0 before its results were stored"),
        ("os._exit(7)", "its process ended with exit code 7 before its results were stored"),
        ("os.abort()", "its process was killed by SIGABRT"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "its process was killed by SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGTERM)", "its process was killed by SIGTERM"),
        ("import ctypes; ctypes.string_at(0)", "Task failed with a segmentation fault."),
    ],
)
def test_a_process_that_dies_is_told_of_and_its_output_kept(
    lab: Lab, leave: str, says: str
) -> None:
    lab.write_step(
        f"print('a last word')\nsys.stdout.write('cut off')\n{leave}\nself.next(self.end)"
    )
    done = lab.run()
    failed(done, says, "] a last word\n", "] cut off\n")
    task = lab.only_task(done)
    assert not task.finished
    assert task.stdout == "a last word\ncut off"
    assert says in task.stderr


@pytest.mark.parametrize("leave", ["os.abort()", "sys.exit(3)", "self.bad = (x for x in ())"])
def test_catch_handles_an_end_without_an_exception(lab: Lab, leave: str) -> None:
    lab.write_step(f"did('start')\n{leave}\nself.next(self.end)", decorator="@catch(var='why')")
    done = lab.run()
    assert done.code == 0, done.all
    assert "Task fallback is starting to handle the failure." in done.out
    assert lab.did(done.run_id) == ["start"]
    task = lab.only_task(done)
    assert task.finished
    assert not task.successful
    assert "FailureHandledByCatch" in str(task.data.why.type)


@pytest.mark.parametrize("leave", ["sys.exit(202)", "os._exit(202)"])
def test_catch_leaves_an_end_with_202_alone(lab: Lab, leave: str) -> None:
    lab.write_step(f"{leave}\nself.next(self.end)", decorator="@catch(var='why')")
    done = lab.run()
    failed(done)
    assert "fallback" not in done.out


# --- input and output ---


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_a_step_that_reads_finds_the_end_of_input(lab: Lab, start: str) -> None:
    lab.write_step("self.read = sys.stdin.read()\nself.raw = os.read(0, 9)\nself.next(self.end)")
    done = lab.run(METAFLOW_TASK_START=start)
    succeeded(done)
    assert lab.only_task(done).data.read == ""
    assert lab.only_task(done).data.raw == b""


def test_a_step_that_asks_fails_instead_of_hanging(lab: Lab) -> None:
    lab.write_step("self.name = input('name? ')\nself.next(self.end)")
    failed(lab.run(), "EOFError", "name? ")


def test_a_million_lines_all_arrive_in_order(lab: Lab) -> None:
    lab.write_step(
        """
        for first in range(0, 1_000_000, 1000):
            sys.stdout.write("".join(f"{number}\\n" for number in range(first, first + 1000)))
        self.next(self.end)
        """
    )
    done = lab.run()
    succeeded(done)
    expected = [str(number) for number in range(1_000_000)]
    shown = [line.rpartition(" ")[2] for line in done.out.splitlines() if "/start/1 " in line]
    assert [line for line in shown if line.isdigit()] == expected
    assert lab.only_task(done).stdout.splitlines() == expected


def test_bytes_that_are_not_utf_8_are_kept_as_they_are(lab: Lab) -> None:
    lab.write_step(
        "os.write(1, b'\\xff\\xfe\\x00 raw\\n')\nprint('caf\\udce9')\nself.next(self.end)"
    )
    done = lab.run()
    succeeded(done)
    (first, second) = (line for _, line in lab.only_task(done).loglines("stdout", as_unicode=False))
    assert first == b"\xff\xfe\x00 raw"
    assert second == b"caf\xe9"


def test_a_step_may_close_its_output(lab: Lab) -> None:
    lab.write_step("print('before')\nos.close(1)\nself.kept = 1\nself.next(self.end)")
    done = lab.run()
    succeeded(done)
    assert lab.only_task(done).data.kept == 1
    assert lab.only_task(done).stdout == "before\n"


def test_a_step_that_fails_with_closed_streams_still_fails(lab: Lab) -> None:
    lab.write_step(
        """
        self.kept = 1
        sys.stdout.close()
        sys.stderr.close()
        os.close(1)
        os.close(2)
        if self.kept:
            raise ValueError("nobody hears this")
        self.next(self.end)
        """
    )
    done = lab.run()
    failed(done)
    task = lab.only_task(done)
    assert task.data.kept == 1
    assert task.metadata_dict["attempt_ok"] == "False"


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_a_process_that_outlives_its_step_holds_nobody_up(lab: Lab, start: str) -> None:
    lab.write_step(
        """
        os.posix_spawn("/bin/sleep", ["sleep", "30"], os.environ)
        if os.fork() == 0:
            os.write(1, b"from a child\\n")
            time.sleep(30)
            os._exit(0)
        self.next(self.end)
        """
    )
    launcher = lab.start("run", METAFLOW_TASK_START=start)
    succeeded(launcher.finish(10))


def test_a_flood_from_a_process_that_outlives_its_step_ends(lab: Lab) -> None:
    lab.write_step(
        """
        if os.fork() == 0:
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            while True:
                os.write(1, b"flood " * 1000 + b"\\n")
        time.sleep(0.05)
        self.next(self.end)
        """
    )
    launcher = lab.start("run")
    succeeded(launcher.finish(20))
    assert not launcher.leftovers()


def test_what_runs_at_exit_belongs_to_the_task(lab: Lab) -> None:
    lab.write_step(
        """
        import atexit
        import threading

        atexit.register(print, "printed at exit")

        def slowly():
            time.sleep(0.2)
            print("printed by a thread")
            open("by-thread", "w").close()

        threading.Thread(target=slowly).start()
        self.next(self.end)
        """
    )
    done = lab.run()
    succeeded(done)
    assert (lab.folder / "by-thread").exists()
    assert lab.only_task(done).stdout == "printed by a thread\nprinted at exit\n"
    lines = done.lines_of("start")
    assert lines.index("printed at exit") < lines.index("Task finished successfully.")


def test_a_thread_that_fails_at_the_end_does_not_undo_the_step(lab: Lab) -> None:
    lab.write_step(
        """
        import atexit
        import threading
        self.kept = 1
        atexit.register(lambda: 1 // 0)
        threading.Thread(target=lambda: time.sleep(0.05) or 1 // 0).start()
        self.next(self.end)
        """
    )
    done = lab.run()
    assert done.code == 0, done.all
    assert done.out.count("ZeroDivisionError") == 2
    assert lab.only_task(done).data.kept == 1


# --- what one task must not do to another ---


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_the_next_task_sees_nothing_of_what_a_step_changed(lab: Lab, start: str) -> None:
    lab.write(
        """
        import decimal
        import random

        NUMBERS = [1]

        class LeakFlow(FlowSpec):
            shared = []

            @step
            def start(self):
                NUMBERS.append(2)
                os.environ["LEAKED"] = "yes"
                os.environ.pop("FAULTS_FOLDER")
                sys.path.insert(0, "/leaked")
                sys.setrecursionlimit(1234)
                sys.modules["leaked"] = sys
                decimal.getcontext().prec = 3
                LeakFlow.leaked = True
                LeakFlow.shared.append(1)
                os.chdir("/")
                os.umask(0o077)
                signal.signal(signal.SIGUSR1, signal.SIG_IGN)
                sys.stdout = sys.stderr
                self.next(self.end)

            @step
            def end(self):
                assert NUMBERS == [1]
                assert "LEAKED" not in os.environ
                assert os.path.samefile(os.getcwd(), os.environ["FAULTS_FOLDER"])
                assert "/leaked" not in sys.path
                assert sys.getrecursionlimit() != 1234
                assert "leaked" not in sys.modules
                assert decimal.getcontext().prec == 28
                assert not hasattr(self, "leaked")
                assert self.shared == []
                assert os.umask(0o022) == 0o022
                assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
                print("end has run")
        """
    )
    succeeded(lab.run(METAFLOW_TASK_START=start))


def test_a_step_may_change_its_directory_and_still_store(lab: Lab) -> None:
    lab.env.pop("METAFLOW_DATASTORE_SYSROOT_LOCAL")
    lab.write_step(
        """
        os.mkdir("elsewhere")
        os.chdir("elsewhere")
        os.rmdir("../elsewhere")
        self.kept = os.urandom(200_000)
        self.next(self.end)
        """
    )
    done = lab.run()
    succeeded(done)
    assert len(lab.only_task(done).data.kept) == 200_000


# --- limits ---


def test_running_out_of_memory_is_an_exception_of_the_step(lab: Lab) -> None:
    lab.write_step(
        """
        import resource
        self.kept = 1
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * os.sysconf("SC_PAGESIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), resource.RLIM_INFINITY))
        self.big = bytearray(512 << 20)
        self.next(self.end)
        """
    )
    done = lab.run()
    failed(done, "MemoryError", "flow.py")
    assert lab.only_task(done).data.kept == 1


def test_running_out_of_memory_bit_by_bit(lab: Lab) -> None:
    lab.write_step(
        """
        import resource
        self.kept = 1
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * os.sysconf("SC_PAGESIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + (32 << 20), resource.RLIM_INFINITY))
        hoard = []
        while True:
            hoard.append(bytearray(50_000))
        self.next(self.end)
        """
    )
    failed(lab.run(), "MemoryError")


def test_recursion_without_end_is_an_exception_of_the_step(lab: Lab) -> None:
    lab.write_step(
        "self.kept = 1\ndeeper(0)\nself.next(self.end)",
        before="def deeper(n):\n    return deeper(n + 1) + 1\n",
    )
    done = lab.run()
    failed(done, "RecursionError")
    assert lab.only_task(done).data.kept == 1


def test_an_artifact_nested_too_deep_is_named(lab: Lab) -> None:
    lab.write_step(
        """
        self.kept = 1
        self.deep = []
        for _ in range(100_000):
            self.deep = [self.deep]
        self.next(self.end)
        """
    )
    done = lab.run()
    failed(done, "`deep`")
    assert lab.only_task(done).data.kept == 1


def test_an_exception_that_cannot_be_pickled_or_printed_still_fails_the_step(lab: Lab) -> None:
    lab.write_step(
        "self.kept = 1\nif self.kept:\n    raise Awkward(1, 2)\nself.next(self.end)",
        before=textwrap.dedent(
            """
            class Awkward(Exception):
                def __init__(self, one, two):
                    self.lock = __import__("threading").Lock()

                def __str__(self):
                    raise RuntimeError("no words")

                __repr__ = __str__

            """
        ),
    )
    done = lab.run()
    failed(done, "Awkward")
    assert lab.only_task(done).data.kept == 1


@pytest.mark.parametrize(
    "what", ["KeyboardInterrupt()", "GeneratorExit()", "BaseException('base')"]
)
def test_exceptions_that_are_not_errors_fail_the_step(lab: Lab, what: str) -> None:
    lab.write_step("self.kept = 1\nself.next(self.end)", after=f"raise {what}")
    done = lab.run()
    failed(done, what.partition("(")[0])
    assert lab.only_task(done).data.kept == 1
