"""Steps of several tasks that run together."""

from typing import Any

from metaflow import (
    FlowSpec,
    current,
    parallel,
    pytorch_parallel,
    step,
    unbounded_test_foreach_internal,
)
from metaflow.unbounded_foreach import UnboundedForeachInput


class GangFlow(FlowSpec):
    @step
    def start(self) -> None:
        self.next(self.train, num_parallel=2)

    @parallel
    @step
    def train(self) -> None:
        print(current.parallel.node_index + 1, current.parallel.main_ip, self.input)
        self.next(self.join)

    @step
    def join(self, inputs: Any) -> None:
        self.count = len(inputs)
        self.next(self.again, num_parallel=self.count)

    @pytorch_parallel(master_port=3333)
    @step
    def again(self) -> None:
        self.next(self.last)

    @step
    def last(self, inputs: Any) -> None:
        self.merge_artifacts(inputs)
        self.next(self.end)

    @step
    def end(self) -> None:
        print(UnboundedForeachInput, unbounded_test_foreach_internal)
