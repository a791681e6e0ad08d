"""Many trivial tasks: what a foreach costs when its tasks cost nothing.

With FOREACH_JOIN_FAILS in the environment the join fails, so that there is something to resume.
"""

import os

from metaflow import FlowSpec, Parameter, step


class Foreach(FlowSpec):
    tasks = Parameter("tasks", default=1000)

    @step
    def start(self):
        self.items = list(range(self.tasks))
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.value = 2 * self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        if "FOREACH_JOIN_FAILS" in os.environ:
            raise SystemError("asked to fail")
        self.total = sum(task.value for task in inputs)
        self.next(self.end)

    @step
    def end(self):
        assert self.total == self.tasks * (self.tasks - 1)


if __name__ == "__main__":
    Foreach()
