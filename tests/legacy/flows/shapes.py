"""A flow with every shape of graph, run to make the history that tests read."""

from array import array

from metaflow import FlowSpec, IncludeFile, JSONType, Parameter, step


class Shapes(FlowSpec):
    """Branches, loops in loops, joins, artifacts of many types."""

    limit = 3
    alpha = Parameter("alpha", default=0.25, type=float)
    name_of = Parameter("name-of", default="ann's")
    options = Parameter("options", default={"deep": [1, 2]}, type=JSONType)
    notes = IncludeFile("notes", default="notes.txt")
    picture = IncludeFile("picture", default="picture.bin", is_text=False)

    @step
    def start(self):
        """Make values."""
        self.number = 41
        self.text = "größer"
        self.table = {"a": [1, 2.5, None], ("t", 1): {3}}
        self.series = array("d", range(4000))
        self._private = "hidden"
        print("start says", self.alpha)
        self.next(self.left, self.right)

    @step
    def left(self):
        """One branch: a loop in a loop."""
        self.side = "left"
        self.letters = ["a", "b", "c"]
        self.next(self.outer, foreach="letters")

    @step
    def outer(self):
        """Have a letter."""
        import sys

        self.letter = self.input
        print("out", self.letter)
        print("err", self.letter, file=sys.stderr)
        self.digits = (1, 2)
        self.next(self.inner, foreach="digits")

    @step
    def inner(self):
        """Have a letter and a digit."""
        self.word = f"{self.letter}{self.input}"
        self.next(self.join_inner)

    @step
    def join_inner(self, inputs):
        """Put digits together."""
        self.words = [one.word for one in inputs]
        self.merge_artifacts(inputs, include=["letter"])
        self.next(self.join_outer)

    @step
    def join_outer(self, inputs):
        """Put letters together."""
        self.words = [word for one in inputs for word in one.words]
        self.side = "left"
        self.next(self.join)

    @step
    def right(self):
        """Be the other branch."""
        self.side = "right"
        self.next(self.middle)

    @step
    def middle(self):
        """Stand in a branch."""
        self.number += 1
        self.next(self.join)

    @step
    def join(self, inputs):
        """Put branches together."""
        self.sides = sorted(one.side for one in inputs)
        self.words = inputs.join_outer.words
        self.number = inputs.middle.number
        self.merge_artifacts(inputs, include=["text", "table"])
        self.next(self.end)

    @step
    def end(self):
        """Say what came out."""
        print(self.words, self.sides, len(self.notes), len(self.picture))


if __name__ == "__main__":
    Shapes()
