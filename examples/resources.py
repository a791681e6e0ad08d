"""Resources: a step says what it needs, and the place that runs it provides.

On a laptop the requests are kept as facts of the step and the step runs as it is; a compute
backend reads the same lines and finds a machine of that size.

    python resources.py run
"""

# ruff: noqa: ARG002 - this join only waits, yet a join always takes its inputs

from types import SimpleNamespace

from metaflow import FlowSpec, resources, step


def train_network():
    """Stand in for hours of training: descend to the minimum of (w - 3)²."""
    weight = 0.0
    for _ in range(100):
        weight -= 0.1 * 2 * (weight - 3)
    print(f"trained: weight {weight:.3f}")


def massive_dataframe_operation():
    """Stand in for a join of tables that do not fit elsewhere: group and sum."""
    totals = {}
    for row in range(100_000):
        totals[row % 7] = totals.get(row % 7, 0) + row
    print(f"summed: {len(totals)} groups")


tensorflow = SimpleNamespace(train=train_network)


class MyFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.b)

    @resources(cpu=16, gpu=1)
    @step
    def a(self):
        tensorflow.train()
        self.next(self.join)

    @resources(memory=200000)
    @step
    def b(self):
        massive_dataframe_operation()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


MyFlow()
