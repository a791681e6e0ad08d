"""Random histories of several processes on one store, each checked against what they have said.

    python tests/histories/histories.py --count 5000
    python tests/histories/histories.py --seed 1234 --count 1

A seed settles what each process does and what strikes it; how the processes take turns is up to the
machine, so a history that fails is worth repeating.
"""

from __future__ import annotations

import argparse
import os
import selectors
import shutil
import sys
import tempfile
import time
import traceback
from random import Random

from histories_actor import Actor
from histories_model import Said, violations
from histories_stores import Stores

MOST = 5
"""After so many histories that failed, more would tell nothing new."""
LONGEST_S = 60.0


def live(seed: int, root: str, *, objects: bool) -> list[Said]:
    """Let the processes of a history live and die; return what they have said."""
    rng = Random(seed)
    pipes: dict[int, int] = {}
    said: list[bytearray] = []
    pids = []
    for number in range(rng.choice((1, 2, 2, 3))):
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.close(reader)
                Actor(seed, number, root, objects, writer).live()
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        os.close(writer)
        pipes[reader] = number
        said.append(bytearray())
        pids.append(pid)
    _listen(pipes, said)
    failed = [os.WEXITSTATUS(status) for _, status in (os.waitpid(pid, 0) for pid in pids)
              if os.WIFEXITED(status)]  # fmt: skip
    stories = [Said(heard.decode().splitlines()) for heard in said]
    if any(failed):
        stories[0].complaints.append("a process has ended with an exception; it is above")
    return stories


def _listen(pipes: dict[int, int], said: list[bytearray]) -> None:
    deadline = time.monotonic() + LONGEST_S
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            selector.register(pipe, selectors.EVENT_READ)
        while pipes:
            if time.monotonic() > deadline:
                raise TimeoutError(said)
            for key, _ in selector.select(LONGEST_S):
                data = os.read(key.fd, 1 << 16)
                if data:
                    said[pipes[key.fd]] += data
                else:
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    del pipes[key.fd]


def run_history(seed: int, folder: str, *, objects: bool = False) -> tuple[list[str], list[Said]]:
    """Live one history and check it; return what must not be, and what was said."""
    root = tempfile.mkdtemp(dir=folder)
    try:
        said = live(seed, root, objects=objects)
        stores = Stores(root, objects=objects)
        try:
            return list(violations(seed, stores, said)), said
        finally:
            stores.close()
    finally:
        shutil.rmtree(root)


def main(arguments: list[str]) -> int:
    """Run histories, and tell of those that fail."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=None, help="of the first history")
    parser.add_argument("--objects", action="store_true", help="artifacts in an object store")
    options = parser.parse_args(arguments)
    first = options.seed if options.seed is not None else int(time.time()) % 10**6 * 1000
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    begun, bad, acknowledged, refused, unfinished = time.perf_counter(), 0, 0, 0, 0
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        for seed in range(first, first + options.count):
            found, said = run_history(seed, folder, objects=options.objects)
            acknowledged += sum(ok for one in said for _, ok in one.operations)
            refused += sum(sum(one.refused.values()) for one in said)
            unfinished += sum(not one.operations[-1][1] for one in said if one.operations)
            for text in found:
                print(f"seed {seed}: {text}", flush=True)
            bad += bool(found)
            if bad == MOST:
                break
    print(
        f"{options.count} histories from seed {first} in {time.perf_counter() - begun:.1f} s: "
        f"{acknowledged} operations acknowledged, {refused} refused, {unfinished} processes "
        f"struck within one; {bad} histories failed."
    )
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
