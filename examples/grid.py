"""Many parallel jobs: `foreach` runs a step once for each item of a list.

`start` yields three tasks of `a`. Each finds its own item in `self.input`, and the join
receives all three in the order of the list.

    python grid.py run --max-workers 2      no more than two at a time
"""

# The lines stand as they were first printed, quotes and spacing included.
# ruff: noqa: Q000 - see above
# fmt: off

from metaflow import FlowSpec, resources, step


class MyFlow(FlowSpec):
    @step
    def start(self):
        self.grid = ['x','y','z']
        self.next(self.a, foreach='grid')

    @resources(memory=10000)
    @step
    def a(self):
        self.x = ord(self.input)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.out = max(i.x for i in inputs)
        self.next(self.end)

    @step
    def end(self):
        print(f"out is {self.out}, which is {chr(self.out)!r}")


MyFlow()
