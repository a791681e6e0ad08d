"""A flow with a retry, a caught failure and a failure, run to make the history that tests read."""

import os

from metaflow import FlowSpec, Parameter, catch, current, retry, step


class Troubled(FlowSpec):
    """Fails once, fails and is caught, fails in one item of a loop for good."""

    good = Parameter("good", default=0)

    @step
    def start(self):
        """Split."""
        self.kept = {"of": "start"}
        self.next(self.flaky, self.caught)

    @retry(times=2, minutes_between_retries=0)
    @step
    def flaky(self):
        """Fail at first."""
        self.tries = current.retry_count
        print("attempt", current.retry_count)
        if current.retry_count == 0:
            raise RuntimeError("not yet")
        self.next(self.join)

    @catch(var="problem")
    @step
    def caught(self):
        """Fail and be caught."""
        self.before = "kept"
        raise ValueError("caught one")
        self.next(self.join)

    @step
    def join(self, inputs):
        """Go on."""
        self.tries = inputs.flaky.tries
        self.problem = str(inputs.caught.problem)
        self.merge_artifacts(inputs, include=["kept", "before"])
        self.next(self.spread)

    @step
    def spread(self):
        """Split again."""
        self.items = ["x", "y", "z"]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        """Fail for one item."""
        self.done = self.input.upper()
        if self.input == "y" and not (self.good or os.environ.get("ALL_GOOD")):
            raise KeyError("y is bad")
        self.next(self.gather)

    @step
    def gather(self, inputs):
        """Put items together."""
        self.all_done = [one.done for one in inputs]
        self.merge_artifacts(inputs, include=["kept", "tries"])
        self.next(self.end)

    @step
    def end(self):
        """End."""
        print(self.all_done, self.kept, self.tries)


if __name__ == "__main__":
    Troubled()
