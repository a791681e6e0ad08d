"""Floor of a task: fork this process, call an empty function in the child, exit, reap.

    fork_and_reap.py COUNT [MODULES_FILE]

MODULES_FILE names modules to import first, one a line, so that the forked process is as large
as the one it is compared with. Prints wall and processor seconds of the forks alone, as JSON.
"""

import importlib
import json
import os
import resource
import sys
import time


def task():
    """Do nothing."""


def cpu_s():
    """Processor time of this process and all children it has reaped."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def main():
    count = int(sys.argv[1])
    if len(sys.argv) > 2:
        with open(sys.argv[2], encoding="utf-8") as names:
            for name in names.read().split():
                try:
                    importlib.import_module(name)
                except Exception:
                    continue
    cpu, wall = cpu_s(), time.perf_counter()
    for _ in range(count):
        child = os.fork()
        if child == 0:
            task()
            os._exit(0)
        os.waitpid(child, 0)
    print(json.dumps({"wall_s": time.perf_counter() - wall, "cpu_s": cpu_s() - cpu}))


main()
