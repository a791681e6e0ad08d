"""The structure of a flow: steps are methods, and `self.next` says what follows.

`a` and `b` have no data in common, so they run at the same time; `join` waits for both.

    python structure.py show      the steps, without running any
    python structure.py run
"""

# ruff: noqa: ARG002 - this join only waits, yet a join always takes its inputs

from metaflow import FlowSpec, step


class MyFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.b)

    @step
    def a(self):
        self.next(self.join)

    @step
    def b(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


MyFlow()
