"""A flow for versions that know no switches and store no graph."""

from metaflow import FlowSpec, IncludeFile, Parameter, step


class Plain(FlowSpec):
    alpha = Parameter("alpha", default=0.5)
    note = IncludeFile("note", default="notes.txt")

    @step
    def start(self):
        self.letters = ["a", "b"]
        self.next(self.work, foreach="letters")

    @step
    def work(self):
        self.upper = self.input.upper()
        print(self.upper)
        self.next(self.join)

    @step
    def join(self, inputs):
        """Put letters together."""
        self.all = [one.upper for one in inputs]
        self.next(self.between)

    @step
    def between(self):
        """Split again."""
        self.next(self.left, self.right)

    @step
    def left(self):
        self.side = "left"
        self.next(self.both)

    @step
    def right(self):
        self.side = "right"
        self.next(self.both)

    @step
    def both(self, inputs):
        self.sides = [i.side for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Plain()
