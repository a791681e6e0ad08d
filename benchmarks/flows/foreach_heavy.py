"""Many trivial tasks in a file that imports what data scientists import.

Each task prints the moment at which its own code begins.
"""

import time

import pandas as pd
from sklearn.linear_model import LogisticRegression

from metaflow import FlowSpec, Parameter, step


class ForeachHeavy(FlowSpec):
    tasks = Parameter("tasks", default=1000)

    @step
    def start(self):
        self.items = list(range(self.tasks))
        self.next(self.work, foreach="items")

    @step
    def work(self):
        print("mark begin", repr(time.time()))
        self.value = 2 * self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        values = pd.Series([task.value for task in inputs])
        self.total = int(values.sum())
        self.model = LogisticRegression()
        self.next(self.end)

    @step
    def end(self):
        assert self.total == self.tasks * (self.tasks - 1)


if __name__ == "__main__":
    ForeachHeavy()
