"""Floor of moving an array to and from an object store: the client library and the same bytes.

    object_transfer.py MB BUCKET

Sends the bytes in parts and reads them back in ranges, six at a time, as fast as the library
does it. Prints the seconds for each as JSON; making the array does not count.
"""

import json
import os
import sys
import time

import numpy as np
import obstore
from obstore.store import S3Store

PART = 16 << 20


def main():
    mb, bucket = int(sys.argv[1]), sys.argv[2]
    array = np.random.default_rng(os.getpid()).random(max(1, mb * 1_000_000 // 8))
    view = memoryview(array).cast("B")
    endpoint = os.environ["METAFLOW_S3_ENDPOINT_URL"]
    store = S3Store(bucket, endpoint=endpoint, client_options={"allow_http": True})
    key = f"floor/{os.getpid()}"
    begin = time.perf_counter()
    obstore.put(store, key, view, chunk_size=PART, max_concurrency=6)
    sent = time.perf_counter()
    starts = range(0, len(view), PART)
    lengths = [min(PART, len(view) - start) for start in starts]
    found = obstore.get_ranges(store, key, starts=starts, lengths=lengths)
    fetched = time.perf_counter()
    assert sum(map(len, found)) == len(view)
    print(json.dumps({"save_s": sent - begin, "load_s": fetched - sent}))
    obstore.delete(store, key)


main()
