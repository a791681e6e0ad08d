"""Every form of `self.next`, joins, and what a flow can ask about itself."""

from typing import Any

from metaflow import FlowSpec, Parameter, current, step


class BranchesFlow(FlowSpec):
    size = Parameter("size", default=3, help="How many items.")
    labels = ["a", "b"]

    @step
    def start(self) -> None:
        self.items = list(range(self.size))
        self.next(self.left, self.right)

    @step
    def left(self) -> None:
        self.value = 1
        self.next(self.both)

    @step
    def right(self) -> None:
        self.value = 2
        self.next(self.both)

    @step
    def both(self, inputs: Any) -> None:
        self.merge_artifacts(inputs, exclude=["value"])
        self.total = sum(item.value for item in inputs)
        self.first = inputs[0].value + inputs.left.value + len(inputs)
        self.next(self.work, foreach="items")

    @step
    def work(self) -> None:
        print(self.input * 2, self.index, self.foreach_stack(), self.name, self.script_name)
        self.squared = self.input**2
        self.next(self.gather)

    @step
    def gather(self, inputs: Any) -> None:
        self.merge_artifacts(inputs, include=["total"])
        self.squares = [item.squared for item in inputs]
        self.verdict = "large" if self.total > 2 else "small"
        self.next({"large": self.shrink, "small": self.end}, condition="verdict")

    @step
    def shrink(self) -> None:
        self.total -= 1
        self.outcome = self.cmd("cat a > b", input={"a": "text"}, output=["b"])
        self.next(self.end)

    @step
    def end(self) -> None:
        print(self.total, self.never_set_here, current.run_id.upper(), current.project_name)
        print(current.pathspec, current.retry_count + 1, current.is_running_flow)
        print(current.get("branch_name", "none"), "project_name" in current)
        print(current.task.pathspec, current.graph["steps"], current.tempdir)


def describe(flow: FlowSpec) -> list[str]:
    return [function.name for function in flow]


if __name__ == "__main__":
    BranchesFlow()
