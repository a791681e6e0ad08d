"""A flow that fails, to be corrected and resumed."""

import os

from metaflow import FlowSpec, step

SKIP_BROKEN = bool(os.environ.get("SKIP_BROKEN"))

FILES = {
    "monday": ["3 tea", "1 coffee"],
    "tuesday": ["2 coffee", "two tea", "4 tea"],
    "wednesday": ["5 coffee"],
}


class OrdersFlow(FlowSpec):
    """Counts what was ordered."""

    @step
    def start(self):
        """List the files."""
        self.days = list(FILES)
        self.next(self.parse, foreach="days")

    @step
    def parse(self):
        """Count the orders of one day."""
        self.counts = {}
        for line in FILES[self.input]:
            number, _, what = line.partition(" ")
            if SKIP_BROKEN and not number.isdecimal():
                print(f"left out: {line}")
                continue
            self.counts[what] = self.counts.get(what, 0) + int(number)
        self.next(self.add)

    @step
    def add(self, inputs):
        """Add the days up."""
        self.total = {}
        for day in inputs:
            for what, count in day.counts.items():
                self.total[what] = self.total.get(what, 0) + count
        self.next(self.end)

    @step
    def end(self):
        """Show the sums."""
        for what in sorted(self.total):
            print(f"{self.total[what]} {what}")


if __name__ == "__main__":
    OrdersFlow()
