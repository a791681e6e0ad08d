"""The smallest flow that has a transition."""

from metaflow import FlowSpec, step


class TwoSteps(FlowSpec):
    @step
    def start(self):
        self.value = 42
        self.next(self.end)

    @step
    def end(self):
        self.twice = 2 * self.value


if __name__ == "__main__":
    TwoSteps()
