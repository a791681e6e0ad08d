"""Ten steps in a row, each of which adds one."""

from metaflow import FlowSpec, step


class TenSteps(FlowSpec):
    @step
    def start(self):
        self.value = 0
        self.next(self.second)

    @step
    def second(self):
        self.value += 1
        self.next(self.third)

    @step
    def third(self):
        self.value += 1
        self.next(self.fourth)

    @step
    def fourth(self):
        self.value += 1
        self.next(self.fifth)

    @step
    def fifth(self):
        self.value += 1
        self.next(self.sixth)

    @step
    def sixth(self):
        self.value += 1
        self.next(self.seventh)

    @step
    def seventh(self):
        self.value += 1
        self.next(self.eighth)

    @step
    def eighth(self):
        self.value += 1
        self.next(self.ninth)

    @step
    def ninth(self):
        self.value += 1
        self.next(self.end)

    @step
    def end(self):
        self.value += 1


if __name__ == "__main__":
    TenSteps()
