"""Ends what fresh interpreters have started when the launcher dies before it can do so.

Run as a program of its own: it reads `+PID` and `-PID` lines, process groups to keep in mind
and to forget, and at the end of its input kills those that are left. It imports nothing
beyond what every interpreter has loaded.
"""

import os
import sys

SIGKILL = 9


def main() -> None:
    """Keep watch until the launcher closes the pipe or dies."""
    groups = set()
    for line in sys.stdin:
        if line.startswith("+"):
            groups.add(int(line[1:]))
        else:
            groups.discard(int(line[1:]))
    for group in groups:
        try:
            os.killpg(group, SIGKILL)
        except OSError:
            continue


if __name__ == "__main__":
    main()
