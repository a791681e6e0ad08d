"""Load the large array of the newest run where nothing of it is at hand, and touch all of it.

    load_artifact.py DIRECTORY

Prints the seconds until all of it was read, as JSON; imports do not count.
"""

import json
import sys
import time

import numpy as np  # noqa: F401 - part of reading is not importing it

from metaflow import Flow, metadata, namespace

metadata(sys.argv[1])
namespace(None)
task = Flow("ArrayFlow").latest_run["start"].task
begin = time.perf_counter()
array = task.data.array
total = float(array.sum())
print(json.dumps({"load_s": time.perf_counter() - begin, "total": total}))
