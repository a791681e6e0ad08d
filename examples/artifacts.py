"""Artifacts: what a step assigns to `self` is stored, and visible in the steps after it.

`a` and `b` each go on from the `x` of `start`; the join sees both values and chooses.

    python artifacts.py run
    python artifacts.py dump RUN_ID/join      the artifacts of the join, `out` among them
    python artifacts.py resume B              run again from step `b`; `a` keeps its result
"""

from metaflow import FlowSpec, step


class MyFlow(FlowSpec):
    @step
    def start(self):
        self.x = 0
        self.next(self.a, self.b)

    @step
    def a(self):
        self.x += 2
        self.next(self.join)

    @step
    def b(self):
        self.x += 3
        self.next(self.join)

    @step
    def join(self, inputs):
        self.out = max(i.x for i in inputs)
        self.next(self.end)

    @step
    def end(self):
        print(f"out is {self.out}")


MyFlow()
