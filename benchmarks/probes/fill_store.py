"""Fill a local store with the facts of very many runs, as the engine would have written them.

    fill_store.py RUNS

Five flows share the runs, from most of them down to one in a thousand. So do users and tags:
some have half of all runs, some a handful. One run in ten is wide, one in a thousand has a
thousand tasks; some have failed, some are still going on, some have resumed others. What the tasks
stored is only named: these runs have no artifacts to load.
"""

import os
import random
import sys
import time

from metaflow.metadata_store.sqlite.store import SqliteMetadataStore
from metaflow.model.records import AttemptDone, AttemptStarted, NewRun, RunDone, TaskCreated
from metaflow.model.task import Frame, Transition

FLOWS = {"Nightly": 60, "Train": 25, "Report": 10, "Backfill": 4.9, "Rare": 0.1}
USERS = {
    "scheduler": 50,
    "ann": 20,
    "bob": 10,
    "cy": 10,
    "dee": 5,
    "eve": 4,
    "fay": 0.9,
    "gus": 0.1,
}
TAGS = {"nightly": 30, "staging": 10, "candidate": 1, "released": 0.1, "incident": 0.02}
"""Per cent of the runs that have them."""
WIDTHS = {1: 90, 10: 9, 100: 0.9, 1000: 0.1}
FAILED, UNFINISHED, RESUMED = 0.08, 0.01, 0.03
"""Shares of the runs."""
EVERY_S = 300
"""A run begins so often."""
MANIFEST = (
    '{"value":["8dd2af9a1a2c1d4a0c2f2b0b4f7f3b9a6b6c1f5be2a0cbb4a1f7c5d2e3f4a5b6","builtins.int",'
    '5,"p5",1,[["8dd2af9a1a2c1d4a0c2f2b0b4f7f3b9a6b6c1f5be2a0cbb4a1f7c5d2e3f4a5b6",5,0,5,"pack",7]]]}'
)


def main():
    runs = int(sys.argv[1])
    os.makedirs(".metaflow", exist_ok=True)
    store = SqliteMetadataStore(os.path.abspath(".metaflow/metadata.db"))
    chance = random.Random(1)
    began = time.time() - EVERY_S * (runs + 1)
    for number in range(runs):
        flow = choose(chance, FLOWS)
        key = store.begin_run(new_run(chance, flow, number, began + EVERY_S * number))
        store.write(key, list(facts(chance, began + EVERY_S * number)))
    store.close()


def choose(chance, shares):
    return chance.choices(list(shares), list(shares.values()))[0]


def new_run(chance, flow, number, at):
    user = choose(chance, USERS)
    tags = [tag for tag, share in TAGS.items() if chance.random() * 100 < share]
    return NewRun(
        flow,
        str(1_000_000 + number),
        at,
        user,
        (*tags, f"batch:{number // 50}"),
        (f"user:{user}", "runtime:dev", "python_version:3.11.7", "metaflow_version:0.1.0"),
        {"end_step": "end", "start_step": "start", "runtime": "dev", "user": user},
        str(1_000_000 + chance.randrange(number)) if number and chance.random() < RESUMED else None,
        f"packs/{flow}/{number}",
    )


def facts(chance, at):
    width = choose(chance, WIDTHS)
    fate = chance.random()
    yield from task("0", "_parameters", at, (), (), None)
    yield from task("1", "start", at, (), ("0",), Transition(("work",), "items", width))
    for index in range(width):
        frames = (Frame("start", "1", "items", index, width),)
        yield from task(str(2 + index), "work", at + 1, frames, ("1",), Transition(("join",)))
    if fate < UNFINISHED:
        return
    ok = fate > UNFINISHED + FAILED
    if ok:
        inputs = tuple(str(2 + index) for index in range(width))
        join, end = str(2 + width), str(3 + width)
        yield from task(join, "join", at + 2, (), inputs, Transition(("end",)))
        yield from task(end, "end", at + 3, (), (join,), None)
    yield RunDone(at + 3, ok)


def task(task_id, step, at, frames, parents, transition):
    yield TaskCreated(task_id, step, at, frames, parents)
    yield AttemptStarted(task_id, 0, at, 4711)
    yield AttemptDone(task_id, 0, at + 0.5, True, False, MANIFEST, transition)


main()
