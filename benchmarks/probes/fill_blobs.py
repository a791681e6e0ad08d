"""Fill a local store with very many blobs, and the facts of the runs that refer to them.

    fill_blobs.py BLOBS

Each task refers to a hundred blobs, each run has ten tasks; one blob in ten is shared with the run
before, and one in twenty belongs to nobody. The blobs hold no bytes: only their names count.
"""

import hashlib
import json
import os
import sys

from metaflow.metadata_store.sqlite.store import SqliteMetadataStore
from metaflow.model.records import AttemptDone, NewRun, RunDone, TaskCreated

TASKS, BLOBS = 10, 100
SHARED, STRAY = 10, 20
SIZE = 70_000


def main():
    blobs = int(sys.argv[1])
    root = os.path.abspath(".metaflow")
    for shard in range(256):
        os.makedirs(f"{root}/blobs/{shard:02x}")
    store = SqliteMetadataStore(f"{root}/metadata.db")
    made, run = 0, 0
    while made < blobs:
        made += fill_run(root, store, run, min(blobs - made, TASKS * BLOBS))
        run += 1
    store.close()
    print(run)


def fill_run(root, store, run, blobs):
    key = store.begin_run(
        NewRun("Filled", str(run), 1e9 + run, "ann", (), (), {}, None, f"packs/Filled/{run}")
    )
    changes = []
    for task in range(TASKS):
        names = [digest(run, number) for number in range(blobs) if number % TASKS == task]
        for name in names:
            os.close(os.open(f"{root}/blobs/{name[:2]}/{name}", os.O_CREAT | os.O_WRONLY))
        used = [name for number, name in enumerate(names) if number % STRAY]
        if run:
            used += [digest(run - 1, number) for number in range(task, len(names) // SHARED, TASKS)]
        refs = {
            f"artifact_{number}": [
                name,
                "builtins.bytes",
                70_000,
                "bytes",
                1,
                [[name, 70_000, 0, 70_000]],
            ]
            for number, name in enumerate(used)
        }
        changes.append(TaskCreated(str(task), f"step_{task}", 1e9 + run, (), ()))
        changes.append(AttemptDone(str(task), 0, 1e9 + run, True, False, json.dumps(refs), None))
    store.write(key, [*changes, RunDone(1e9 + run, True)])
    return blobs


def digest(run, number):
    return hashlib.blake2b(b"%d/%d" % (run, number), digest_size=32).hexdigest()


if __name__ == "__main__":
    main()
