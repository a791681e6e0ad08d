"""The older path of parallel work: `metaflow.multicore_utils`."""

from metaflow.errors.multicore import MulticoreException
from metaflow.multicore import parallel_imap_unordered, parallel_map

__all__ = ["MulticoreException", "parallel_imap_unordered", "parallel_map"]
