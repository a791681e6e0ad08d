"""What a warm parent and the launcher say to each other besides frames."""

import struct

RECORD = struct.Struct(">cii")
"""From the parent to the launcher: a kind, a process id, a number."""
NEW_WORKER, EXITED, PACKER = b"W", b"X", b"P"
"""A new worker, the end of one, and the process that packs the code."""
MORE, PACK_CODE, BYE = b"+", b"p", b"."
"""From the launcher to the parent: one byte per worker that it wants, one if the code is to be
packed as the run's context says, and one at the end."""
PACK, SAVE, CONTEXT = "pack", "save", "context"
"""First words of the frames that come before that: code to pack at once, values to store, and
last the run's context."""
