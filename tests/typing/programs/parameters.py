"""Parameters of every type, with every field, and their values in steps."""

from typing import Any

from metaflow import FlowSpec, JSONType, JSONTypeClass, Parameter, step
from metaflow.parameters import ParameterContext


def default_name(context: ParameterContext) -> str:
    return f"{context.flow_name}-{context.user_name}-{context.parameter_name}"


class ParametersFlow(FlowSpec):
    alpha = Parameter("alpha", default=0.1, type=float, help="Rate", show_default=True)
    count = Parameter("count", default=3)
    flag = Parameter("flag", default=False, type=bool)
    grid = Parameter("grid", type=JSONType, default={"depth": [3, 4]})
    named = Parameter("named", default=default_name)
    needed = Parameter("needed", required=True, type=str)
    parts = Parameter("parts", separator=",", default="a,b")
    secret = Parameter("secret", default="", hidden=True)

    @step
    def start(self) -> None:
        rate: float = self.alpha * 2
        for part in self.parts:
            print(part.upper())
        depths: list[int] = self.grid["depth"]
        self.result = [rate, self.count + 1, not self.flag, depths, self.named, self.needed]
        self.next(self.end)

    @step
    def end(self) -> None:
        print(self.secret, self.result)


def kind() -> Any:
    return JSONTypeClass.name, JSONType.name


if __name__ == "__main__":
    ParametersFlow()
