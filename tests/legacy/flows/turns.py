"""A flow with a loop, a choice and a gang, run to make the history that tests read."""

from metaflow import Config, FlowSpec, current, parallel, step


class Turns(FlowSpec):
    """Goes around three times, chooses a way, lets two tasks run together."""

    setup = Config("setup", default_value={"lr": 0.1, "deep": {"x": [1]}})

    @step
    def start(self):
        """Begin to count."""
        self.count = 0
        self.next(self.around)

    @step
    def around(self):
        """Count."""
        self.count += 1
        self.way = "again" if self.count < 3 else "on"
        self.next({"again": self.around, "on": self.choose}, condition="way")

    @step
    def choose(self):
        """Choose."""
        self.kind = "small"
        self.next({"small": self.small, "large": self.large}, condition="kind")

    @step
    def small(self):
        """Be chosen."""
        self.size = 1
        self.next(self.gang)

    @step
    def large(self):
        """Not be chosen."""
        self.size = 100
        self.next(self.gang)

    @step
    def gang(self):
        """Form a gang."""
        self.next(self.member, num_parallel=2)

    @parallel
    @step
    def member(self):
        """Be one of two."""
        self.node = current.parallel.node_index
        self.next(self.gather)

    @step
    def gather(self, inputs):
        """Come together."""
        self.nodes = sorted(one.node for one in inputs)
        self.merge_artifacts(inputs, include=["count", "size"])
        self.next(self.end)

    @step
    def end(self):
        """End."""
        print(self.nodes, self.count, self.size, self.setup)


if __name__ == "__main__":
    Turns()
