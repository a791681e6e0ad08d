"""A grid search: one task for each combination, and a join that picks the best."""

import itertools
import random

from metaflow import FlowSpec, Parameter, step

SLOPE, OFFSET = 1.5, 4.0
"""What the search should find again."""


class GridFlow(FlowSpec):
    """Searches for the line that lies closest to some points."""

    slopes = Parameter("slopes", default=5, help="How many slopes to try.")
    seed = Parameter("seed", default=7, help="Which points to make.")

    @step
    def start(self):
        """Make points near a line, and the grid."""
        rng = random.Random(self.seed)
        self.points = [(x, SLOPE * x + OFFSET + rng.gauss(0, 0.1)) for x in range(20)]
        slopes = [3 * number / (self.slopes - 1) for number in range(self.slopes)]
        self.grid = list(itertools.product(slopes, [2.0, 4.0, 6.0]))
        self.next(self.measure, foreach="grid")

    @step
    def measure(self):
        """Measure one line; `self.input` is the task's item of the grid."""
        self.slope, self.offset = self.input
        self.error = sum((self.slope * x + self.offset - y) ** 2 for x, y in self.points)
        self.next(self.choose)

    @step
    def choose(self, inputs):
        """Keep the best; a join sees all the tasks before it."""
        best = min(inputs, key=lambda task: task.error)
        self.best = {"slope": best.slope, "offset": best.offset, "error": best.error}
        print(f"tried {len(inputs)} lines")
        self.next(self.end)

    @step
    def end(self):
        """Show it."""
        print(f"best: {self.best['slope']:.2f} * x + {self.best['offset']:.2f}")


if __name__ == "__main__":
    GridFlow()
