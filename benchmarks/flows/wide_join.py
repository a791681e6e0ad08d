"""A foreach of very many tasks, and a join that reads one small field of each of them."""

import resource

from metaflow import FlowSpec, Parameter, step


class WideJoin(FlowSpec):
    tasks = Parameter("tasks", default=10_000)

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
        self.total = sum(task.value for task in inputs)
        # The join is one process, and what it shares with others counts as well.
        print("mark peak_kib", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        self.next(self.end)

    @step
    def end(self):
        assert self.total == self.tasks * (self.tasks - 1)


if __name__ == "__main__":
    WideJoin()
