"""Many processes, one function: order, closures, failures, deaths, and nothing left behind."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import subprocess
import sys
import threading

import pytest

from metaflow import parallel_imap_unordered, parallel_map, profile
from metaflow.multicore_utils import MulticoreException


def children() -> set[int]:
    """Processes that this one has, dead ones included."""
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return {int(pid) for pid in file.read().split()}


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture(autouse=True)
def nothing_is_left():
    gc.collect()  # what tests before this one have left is not closed while it runs
    before, opened = children(), descriptors()
    yield
    assert children() - before == set()
    assert descriptors() == opened


def test_results_come_in_the_order_of_the_items():
    base = 100
    lock = threading.Lock()  # cannot be pickled

    def add(number):
        with lock:
            return base + number

    assert parallel_map(add, range(20), max_parallel=3) == list(range(100, 120))


def test_nothing_to_do_is_an_empty_list():
    assert parallel_map(str, []) == []
    assert list(parallel_imap_unordered(str, iter(()))) == []


def test_each_item_has_a_process_of_its_own():
    pids = parallel_map(lambda _: os.getpid(), range(4), max_parallel=2)
    assert len({*pids, os.getpid()}) == 5


def test_no_more_processes_at_a_time_than_asked(tmp_path):
    def work(_):
        marker = tmp_path / str(os.getpid())
        marker.touch()
        count = len(list(tmp_path.iterdir()))
        marker.unlink()
        return count

    assert max(parallel_map(work, range(12), max_parallel=2)) <= 2


def test_items_are_taken_when_there_is_a_process_for_them():
    taken = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    results = parallel_imap_unordered(lambda number: number, items(), max_parallel=2)
    next(results)
    assert len(taken) <= 3
    results.close()


def test_the_earliest_result_comes_first(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    def work(number):
        if number == 0:
            fifo.read_text()  # until somebody writes
        return number

    results = parallel_imap_unordered(work, [0, 1], max_parallel=2)
    assert next(results) == 1
    fifo.write_text("go")
    assert list(results) == [0]


@pytest.mark.parametrize("in_folder", [False, True])
def test_results_may_be_large(tmp_path, in_folder):
    folder = str(tmp_path) if in_folder else None
    sizes = [len(made) for made in parallel_map(lambda n: b"x" * n, [10_000_000, 3], dir=folder)]
    assert sizes == [10_000_000, 3]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        parallel_map(str, [1], dir=str(tmp_path / "nowhere"))


def test_a_failure_tells_the_processes_traceback():
    def divide(number):
        return 1 / number

    with pytest.raises(MulticoreException) as caught:
        parallel_map(divide, [1, 0], max_parallel=1)
    error = caught.value
    assert error.position == 1
    assert "ZeroDivisionError" in error.reason
    assert "return 1 / number" in error.trace
    assert "multicore.py" not in error.trace.replace("test_multicore.py", "")
    assert "return 1 / number" in str(pickle.loads(pickle.dumps(error)))


def test_a_failure_ends_the_others(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    def work(number):
        if number:
            raise ValueError(number)
        fifo.read_text()  # forever

    with pytest.raises(MulticoreException, match="item 1 failed: ValueError: 1"):
        parallel_map(work, [0, 1], max_parallel=2)


def test_a_killed_process_is_noticed():
    with pytest.raises(MulticoreException, match="SIGKILL"):
        parallel_map(lambda _: os.kill(os.getpid(), signal.SIGKILL), [1])


def test_a_process_that_leaves_is_noticed():
    with pytest.raises(MulticoreException, match="exit code 3"):
        parallel_map(lambda _: os._exit(3), [1])


def test_a_result_that_cannot_be_pickled_is_an_error():
    with pytest.raises(MulticoreException, match=r"pickle.*lock"):
        parallel_map(lambda _: threading.Lock(), [1])


def test_no_process_at_all_is_an_error():
    with pytest.raises(ValueError, match="max_parallel is 0"):
        parallel_map(str, [1], max_parallel=0)


def printed_by(tmp_path, source):
    (tmp_path / "program.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "program.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_random_numbers_differ(tmp_path):
    told = printed_by(
        tmp_path,
        "import random\n"
        "from metaflow import parallel_map\n"
        "drawn = parallel_map(lambda _: random.random(), range(3))\n"
        "print(len(set(drawn)))\n",
    )
    assert told == "3\n"


@pytest.mark.parametrize(
    ("before", "different"),
    [
        ("", 4),
        ("numpy.random.seed(7)", 1),
        ("numpy.random.set_bit_generator(numpy.random.PCG64(7))", 1),
        ("numpy.random.set_bit_generator(numpy.random.PCG64())", 4),
    ],
)
def test_numbers_of_numpy_differ_at_each_depth_unless_they_are_seeded(tmp_path, before, different):
    pytest.importorskip("numpy")
    told = printed_by(
        tmp_path,
        # By itself `import numpy` loads no generator, and each process would make its own.
        "import numpy.random\n"
        "from metaflow import parallel_map\n"
        f"{before}\n"
        "def below(_):\n"
        "    return parallel_map(lambda _: numpy.random.random(), range(2))\n"
        "print(len({number for pair in parallel_map(below, range(2)) for number in pair}))\n",
    )
    assert told == f"{different}\n"


def test_what_was_printed_before_is_printed_once(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "from metaflow import parallel_map\n"
        "print('before')\n"
        "parallel_map(print, ['in'])\n"
        "print('after')\n"
    )
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["before", "in", "after"]


FLOW = """
from metaflow import FlowSpec, parallel_map, profile, step

class ManyFlow(FlowSpec):
    @step
    def start(self):
        factor = 2
        self.doubled = parallel_map(lambda x: x * factor, range(5))
        self.next(self.end)

    @step
    def end(self):
        print(self.doubled)
        parallel_map(lambda x: 1 / x, [0])

if __name__ == "__main__":
    ManyFlow()
"""


def test_it_works_inside_steps(tmp_path):
    (tmp_path / "many.py").write_text(FLOW)
    done = subprocess.run(
        [sys.executable, "many.py", "run"],
        cwd=tmp_path,
        env=os.environ | {"METAFLOW_USER": "ann"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "[0, 2, 4, 6, 8]" in done.stdout
    assert "The process for item 0 failed: ZeroDivisionError" in done.stdout


def test_a_block_is_measured(capsys):
    with profile("load"):
        pass
    assert capsys.readouterr().out.splitlines() == [
        "PROFILE: load starting",
        "PROFILE: load completed in 0ms",
    ]


def test_measures_add_up(capsys, monkeypatch):
    ticks = iter([1.0, 1.5, 2.0, 2.25])
    monkeypatch.setattr("metaflow.timing.time.perf_counter", lambda: next(ticks))
    stats = {"other": 1}
    for _ in range(2):
        with profile("load", stats_dict=stats):
            pass
    assert stats == {"other": 1, "load": 750}
    assert capsys.readouterr().out == ""
