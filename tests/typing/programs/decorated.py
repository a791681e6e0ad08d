"""Every step decorator, bare and with arguments, stacked and on joins."""

from typing import Any

from metaflow import FlowSpec, card, catch, environment, resources, retry, step, timeout


class BaseFlow(FlowSpec):
    @retry
    @step
    def start(self) -> None:
        self.next(self.middle)

    def helper(self) -> int:
        return 1


class DecoratedFlow(BaseFlow):
    @card
    @card(type="default", id="second")
    @retry(times=2, minutes_between_retries=0)
    @catch(var="failure", print_exception=False)
    @timeout(seconds=5, minutes=1)
    @environment(vars={"A": 1})
    @resources(cpu=2, memory=4096)
    @step
    def middle(self) -> None:
        self.answer = self.helper() + 1
        self.next(self.end)

    @step(end=True, node_info={"kind": "last"})
    def end(self) -> None:
        if self.failure is not None:
            print(self.failure.type, self.failure.exception, self.failure.stacktrace)


class OneStepFlow(FlowSpec):
    @catch(var="failure")
    @step(start=True)
    def only(self) -> None:
        kept: Any = self.anything
        print(kept)


if __name__ == "__main__":
    DecoratedFlow(use_cli=True)
