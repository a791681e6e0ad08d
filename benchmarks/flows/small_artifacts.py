"""Many small artifacts, saved by one step and read by the next."""

import time

from metaflow import FlowSpec, Parameter, step


def mark(name, value=None):
    print("mark", name, repr(time.time() if value is None else value), flush=True)


class SmallArtifacts(FlowSpec):
    artifacts = Parameter("artifacts", default=1000)

    @step
    def start(self):
        mark("save")
        for number in range(self.artifacts):
            setattr(self, f"value_{number}", {"number": number, "text": f"this is {number}"})
        self.next(self.read)

    @step
    def read(self):
        begin = time.perf_counter()
        total = sum(getattr(self, f"value_{n}")["number"] for n in range(self.artifacts))
        mark("read_s", time.perf_counter() - begin)
        assert total == self.artifacts * (self.artifacts - 1) // 2
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SmallArtifacts()
