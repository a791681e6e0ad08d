"""What a warm parent and the launcher say to each other besides frames."""

import struct

RECORD = struct.Struct(">cii")
"""From the parent to the launcher: a kind, a process id, a number."""
NEW_WORKER, EXITED, PACKER = b"W", b"X", b"P"
"""A new worker, the end of one, and the process that packs the code."""
MORE, BYE = b"+", b"."
"""From the launcher to the parent: one byte per worker that it wants, and one at the end."""
SAVE, CONTEXT = "save", "context"
"""First words of the frames that come before that: values to store, then the run's context."""
