"""Floor of saving an array: hash its bytes with one thread and write them to a file.

    hash_and_write.py MB PATH

Hashes and writes piece by piece, while a piece is still in the processor's cache. Prints the
seconds for that alone, as JSON; making the array does not count.
"""

import json
import sys
import time

import numpy as np
from blake3 import blake3

PIECE = 1 << 20


def main():
    mb, path = int(sys.argv[1]), sys.argv[2]
    array = np.random.default_rng(0).random(max(1, mb * 1_000_000 // 8))
    view = memoryview(array).cast("B")
    begin = time.perf_counter()
    digest = blake3(max_threads=1)
    with open(path, "wb", buffering=0) as file:
        for start in range(0, len(view), PIECE):
            piece = view[start : start + PIECE]
            digest.update(piece)
            file.write(piece)
    digest.hexdigest()
    print(json.dumps({"save_s": time.perf_counter() - begin}))


main()
