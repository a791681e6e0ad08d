"""A large array: saved by one step, opened, read in full and carried on by the next."""

import time

import numpy as np

from metaflow import FlowSpec, Parameter, step


def mark(name, value=None):
    print("mark", name, repr(time.time() if value is None else value), flush=True)


class ArrayFlow(FlowSpec):
    mb = Parameter("mb", default=0)

    @step
    def start(self):
        # Random numbers, so that nothing can be gained by compressing them.
        array = np.random.default_rng(0).random(max(1, self.mb * 1_000_000 // 8))
        mark("save")
        self.array = array
        self.next(self.read)

    @step
    def read(self):
        begin = time.perf_counter()
        array = self.array
        opened = time.perf_counter()
        total = float(array.sum())
        touched = time.perf_counter()
        mark("open_s", opened - begin)
        mark("touch_s", touched - opened)
        assert 0 < total < array.size
        mark("carry")
        self.next(self.end)

    @step
    def end(self):
        assert self.array.dtype == np.float64


if __name__ == "__main__":
    ArrayFlow()
