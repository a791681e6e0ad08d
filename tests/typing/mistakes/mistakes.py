"""Mistakes that a type checker tells before a flow runs; each line says what it must find."""

from metaflow import Flow, FlowSpec, Parameter, Run, current, namespace, step


class MistakenFlow(FlowSpec):
    unnamed = Parameter(default=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

    @step(begin=True)  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore[reportCallIssue, reportUntypedFunctionDecorator]
    def start(self) -> None:
        self.merge_artifacts()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
        current.is_running_flow = True  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def read() -> int:
    namespace(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run: int = Flow("F").pathspec  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    return run + Run("F/1").successful + Run("F/1").idd  # type: ignore[attr-defined, no-any-return]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]
