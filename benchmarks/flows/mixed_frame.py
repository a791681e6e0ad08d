"""A table of mixed columns: saved, loaded, and saved again with one column changed."""

import os
import time

import numpy as np
import pandas as pd

from metaflow import FlowSpec, Parameter, step

ROW_BYTES = 63  # about what a row of these columns takes in memory


def mark(name, value=None):
    print("mark", name, repr(time.time() if value is None else value), flush=True)


def stored_bytes():
    """Size of all that the flow has stored so far, in the folder where it runs."""
    files = [os.path.join(folder, f) for folder, _, names in os.walk(".") for f in names]
    return float(sum(os.path.getsize(path) for path in files))


def make_frame(rows):
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "count": random.integers(0, 1000, rows),
            "price": random.random(rows),
            "weight": random.normal(size=rows),
            "day": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(random.integers(0, 10**7, rows), unit="s"),
            "returned": random.random(rows) < 0.1,
            "country": pd.Categorical.from_codes(
                random.integers(0, 4, rows), ["FI", "SE", "NO", "DK"]
            ),
            "label": pd.Series([f"item {n:08x}" for n in random.integers(0, 2**31, rows)]),
        }
    )


def touch(frame):
    """Read every column in full."""
    return (
        int(frame["id"].sum() + frame["count"].sum() + frame["returned"].sum()),
        float(frame["price"].sum() + frame["weight"].sum()),
        frame["day"].max(),
        int(frame["country"].cat.codes.sum()),
        int(frame["label"].str.len().sum()),
    )


class FrameFlow(FlowSpec):
    mb = Parameter("mb", default=0)

    @step
    def start(self):
        frame = make_frame(max(1, self.mb * 1_000_000 // ROW_BYTES))
        self.expected = touch(frame)
        mark("save")
        self.frame = frame
        self.next(self.change)

    @step
    def change(self):
        begin = time.perf_counter()
        frame = self.frame
        loaded = time.perf_counter()
        found = touch(frame)
        mark("load_s", loaded - begin)
        mark("load_and_touch_s", time.perf_counter() - begin)
        assert found == self.expected
        frame = frame.assign(price=frame["price"] * 1.1)
        mark("stored_before", stored_bytes())
        mark("save")
        self.frame = frame
        self.next(self.end)

    @step
    def end(self):
        mark("stored_after", stored_bytes())
        assert touch(self.frame)[0] == self.expected[0]


if __name__ == "__main__":
    FrameFlow()
