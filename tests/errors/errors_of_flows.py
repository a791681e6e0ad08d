"""Flows that are wrong in one way each, and what the command line says of them."""

from __future__ import annotations

from typing import NamedTuple

FLOW = """
from metaflow import *
{head}

{above}
class WrongFlow(FlowSpec):
    {member}

    {decorator}
    @step
    def start(self):
        self.items = [1, 2]
        {start}

    @step
    def left(self):
        self.side = "left"
        {left}
        self.next(self.join)

    @step
    def right(self):
        self.side = "right"
        self.next(self.join)

    @step
    def join(self, inputs):
        {join}
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    WrongFlow()
"""


class Wrong(NamedTuple):
    """One mistake; `at` marks the line that the message must name, `says` what must stand in it."""

    error: str
    parts: dict[str, str]
    says: tuple[str, ...]
    hint: str | None
    at: str | None = None
    """A piece of the line that is to be named."""
    command: tuple[str, ...] = ("run",)
    code: int = 1


GO = "self.next(self.left, self.right)"
FLOWS = (
    Wrong(
        "LintWarn",
        {"start": "self.next(self.lefft, self.right)"},
        ("Validity checker found an issue", "`start`", "`lefft`"),
        "did you mean `left`?",
        at="self.lefft",
        command=("check",),
    ),
    Wrong(
        "BadStepDecoratorException",
        {"head": "def plain(): pass\nretry(plain)"},
        ("`plain`", "retry"),
        "@step",
        at="def plain(): pass",
    ),
    Wrong(
        "BadFlowDecoratorException",
        {"head": "@project(name='p')\nclass Other: pass"},
        ("`@project`", "`Other`", "not a subclass of `FlowSpec`"),
        "before `class`",
        at="@project(name='p')",
    ),
    Wrong(
        "DuplicateStepDecoratorException",
        {"decorator": "@retry\n    @retry"},
        ("`@retry`", "`start`", "more than once"),
        "keep one of them",
        at="@retry",
    ),
    Wrong(
        "DuplicateFlowDecoratorException",
        {"above": "@project(name='a')\n@project(name='b')"},
        ("`@project`", "`WrongFlow`", "more than once"),
        "keep one of them",
        at="@project(name='a')",
    ),
    Wrong(
        "UnknownStepDecoratorException",
        {},
        ("`retri`",),
        "`retry`",
        command=("run", "--with", "retri"),
    ),
    Wrong(
        "UnknownFlowDecoratorException",
        {
            "head": (
                "class adds(FlowMutator):\n"
                "    def pre_mutate(self, flow):\n"
                "        flow.add_decorator('projekt', deco_kwargs={'name': 'a'})\n"
            ),
            "above": "@adds",
        },
        ("`projekt`",),
        "`project`",
    ),
    Wrong(
        "InvalidDecoratorAttribute",
        {"decorator": "@retry(tims=2)"},
        ("retry", "`tims`"),
        "`times`",
        at="@retry(tims=2)",
    ),
    Wrong(
        "InvalidNextException",
        {"left": "self.next(self.join)"},
        ("Invalid self.next() transition detected", "`left`", "twice"),
        "once",
        at="self.next(self.join)\n\n    @step\n    def right",
    ),
    Wrong(
        "ParameterFieldFailed",
        {"member": "alpha = Parameter('alpha', default=lambda context: 1 / 0)"},
        ("Parameter field failed", "`alpha`", "ZeroDivisionError"),
        None,
        at="1 / 0",
    ),
    Wrong(
        "ParameterFieldTypeMismatch",
        {"member": "alpha = Parameter('alpha', type=int, default='many')"},
        ("mismatching type", "`alpha`", "`many` is not an integer"),
        None,
        at="default='many'",
    ),
    Wrong(
        "UnhandledInMergeArtifactsException",
        {"join": "self.merge_artifacts(inputs)"},
        ("Unhandled artifacts in merge", "`join`", "`side`"),
        "exclude",
        at="self.merge_artifacts(inputs)",
    ),
    Wrong(
        "MissingInMergeArtifactsException",
        {"join": "self.merge_artifacts(inputs, include=['colour'])"},
        ("Missing artifacts in merge", "`join`", "`colour`"),
        "include",
        at="include=['colour']",
    ),
    Wrong(
        "UnpicklableArtifactException",
        {"left": "self.opened = open('flow.py')"},
        ("Cannot pickle artifact", "`opened`"),
        "local variable",
    ),
    Wrong(
        "ExternalCommandFailed",
        {"left": "self.cmd('no-such-command-here')"},
        ("External command failed", "`no-such-command-here`", "exit code 127"),
        "`resume`",
        at="no-such-command-here",
    ),
    Wrong(
        "TimeoutException",
        {
            "decorator": "@timeout(seconds=1)",
            "start": "__import__('signal').pause(); self.next(self.left, self.right)",
        },
        ("@timeout", "start", "1 seconds"),
        "`resume`",
        at="signal').pause()",
    ),
    Wrong(
        "CommandException",
        {},
        ("Invalid command", "`strat`"),
        "`start`",
        command=("resume", "strat"),
    ),
    Wrong(
        "MulticoreException",
        {"left": "parallel_map(lambda x: 1 // x, [1, 0])"},
        ("Parallel work failed", "item 1", "ZeroDivisionError"),
        "`resume`",
        at="1 // x",
    ),
    Wrong(
        "MetaflowException",
        {"left": "self.me = self"},
        ("Cannot pickle artifact", "`me`", "Flow WrongFlow can't be serialized"),
        "store the values you need",
    ),
    Wrong(
        "NonUniqueFileNameToFilePathMappingException",
        {
            "head": (
                "class packs(FlowMutator):\n"
                "    def add_to_package(self):\n"
                "        from metaflow.packaging_sys import ContentType\n"
                "        yield 'one.txt', 'same.txt', ContentType.USER_CONTENT\n"
                "        yield 'two.txt', 'same.txt', ContentType.USER_CONTENT\n"
                "open('one.txt', 'w').write('1')\nopen('two.txt', 'w').write('2')\n"
            ),
            "above": "@packs",
        },
        ("Non-unique file name", "same.txt", "one.txt", "two.txt"),
        "another name",
        command=("package", "list"),
    ),
    Wrong(
        "MetaflowInternalError",
        {
            "head": "from metaflow.exception import MetaflowInternalError",
            "left": "raise MetaflowInternalError('a counter is wrong')",
        },
        ("Internal error", "a counter is wrong"),
        "`resume`",
        at="raise MetaflowInternalError(",
    ),
    Wrong(
        "MetaflowUnknownUser",
        {},
        ("Unknown user",),
        "METAFLOW_USER",
    ),
)


def source(wrong: Wrong) -> str:
    parts = dict.fromkeys(("head", "above", "decorator"), "")
    parts |= {"member": "pass", "start": GO, "left": "pass", "join": "pass"}
    return FLOW.format(**parts | wrong.parts)
