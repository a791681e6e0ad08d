"""Configs, decorators and mutators of users, annotated as strictly as can be."""

from collections.abc import Generator
from typing import Any

from metaflow import (
    USER_SKIP_STEP,
    Config,
    ConfigValue,
    FlowMutator,
    FlowSpec,
    Parameter,
    StepMutator,
    UserStepDecorator,
    conda_environment_yml_parser,
    config_expr,
    pyproject_toml_parser,
    requirements_txt_parser,
    resources,
    retry,
    step,
    user_step_decorator,
    yaml_parser,
)
from metaflow.authoring.mutable import MutableFlow, MutableStep


@user_step_decorator
def timed(
    step_name: str, flow: FlowSpec, inputs: Any = None, attributes: dict[str, Any] | None = None
) -> Generator[Any, None, Any]:
    flow.began = step_name
    yield USER_SKIP_STEP if attributes else None


class guarded(UserStepDecorator):
    def init(self, times: int = 1) -> None:
        self.times = times

    def pre_step(self, step_name: str, flow: FlowSpec, inputs: Any = None) -> None:
        self.skip_step = {"foreach": "items"} if self.times else True

    def post_step(
        self, step_name: str, flow: FlowSpec, exception: Exception | None = None
    ) -> tuple[Exception | None, dict[str, Any] | None]:
        return exception, None


class patient(StepMutator):
    def init(self, times: int) -> None:
        self.times = times

    def mutate(self, mutable_step: MutableStep) -> None:
        mutable_step.add_decorator("retry", deco_kwargs={"times": self.times})
        mutable_step.add_decorator(retry, duplicates=mutable_step.OVERRIDE)
        print([name for name, _, _, _ in mutable_step.decorator_specs], mutable_step.flow.configs)


class sized(FlowMutator):
    def pre_mutate(self, mutable_flow: MutableFlow) -> None:
        mutable_flow.add_parameter("size", Parameter("size", default=mutable_flow.cfg.size))
        for name, each in mutable_flow.steps:
            if not each.has_decorator("resources"):
                print(name.upper(), mutable_flow.remove_decorator("project"))


@sized
class CustomizedFlow(FlowSpec):
    cfg = Config("cfg", default_value={"size": 1})
    packages = Config("packages", default="requirements.txt", parser=requirements_txt_parser)
    depth = Parameter("depth", default=cfg.depth, help=cfg["help"])

    @timed
    @patient(2)
    @resources(**cfg.resources)
    @retry(times=config_expr("cfg.times + 1"))
    @step
    def start(self) -> None:
        value: ConfigValue = self.cfg
        print(value.size, value["size"], self.size, self.depth, value.to_dict())
        self.next(self.end)

    @timed(note="x")
    @guarded
    @guarded(times=3)
    @step
    def end(self) -> None:
        pass


PARSERS = [conda_environment_yml_parser, pyproject_toml_parser, yaml_parser]


def run() -> type[CustomizedFlow]:
    return CustomizedFlow


if __name__ == "__main__":
    CustomizedFlow()
