"""One task that prints very many lines."""

from metaflow import FlowSpec, Parameter, step


class Chatty(FlowSpec):
    lines = Parameter("lines", default=1_000_000)

    @step
    def start(self):
        for number in range(self.lines):
            print("line", number, "of a task that has much to say")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Chatty()
