"""What can be wrong with a flow as written: its graph, its decorators, its transitions."""

# No postponed annotations here: a NamedTuple would compile each of them at import, which
# costs ten times as much as evaluating them.
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple, Self

from metaflow.errors.base import MetaflowException


def closest(name: str, known: Iterable[str]) -> str | None:
    """Find the known name that `name` is most likely a misspelling of.

    Parameters
    ----------
    name : str
        What the user wrote.
    known : iterable of str
        What they may have meant.

    Returns
    -------
    str or None
        None when nothing is similar enough.
    """
    from difflib import get_close_matches  # only a mistake pays for it

    candidates = sorted(known)
    folded = {candidate.lower(): candidate for candidate in reversed(candidates)}
    if name.lower() in folded:
        return folded[name.lower()]
    found = get_close_matches(name, candidates, n=1)
    return found[0] if found else None


def quoted(names: Iterable[str]) -> str:
    """Join names into a readable enumeration of literals: `a`, `b` and `c`."""
    literals = [f"`{name}`" for name in names]
    if len(literals) < 2:  # noqa: PLR2004 - an enumeration begins with two
        return "".join(literals)
    return f"{', '.join(literals[:-1])} and {literals[-1]}"


def _did_you_mean(name: str, known: Collection[str]) -> str | None:
    match = closest(name, known)
    return None if match is None else f"did you mean `{match}`?"


def _place(function: Any) -> tuple[int | None, str | None]:
    code = getattr(function, "__code__", None)
    return (None, None) if code is None else (code.co_firstlineno, code.co_filename)


def _without_a_name(
    kind: str, decorator: str, given: Any, known: Iterable[str]
) -> tuple[str, None, None, str]:
    """Word the message and the hint for an argument that stands where a step or a flow should."""
    named = next((f"@{decorator}({name}=…)" for name in known), f"@{decorator}(name=value)")
    return (
        f"{kind} `@{decorator}` is given `{given!r}`, but takes no arguments without a name.",
        None,
        None,
        f"give arguments by name, as in `{named}`",
    )


class GraphFault(NamedTuple):
    """One thing that keeps a flow's graph from being valid."""

    message: str
    source_file: str | None
    line: int | None
    step: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        lines = [self.message]
        if self.source_file:
            at_line = "" if self.line is None else f", line {self.line}"
            at_step = "" if self.step is None else f", step `{self.step}`"
            lines.append(f"  in {self.source_file}{at_line}{at_step}")
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)


class LintWarn(MetaflowException):
    """The graph of the flow is not valid.

    Attributes
    ----------
    faults : tuple of GraphFault
        All that was found, in the order of the source; empty for an error raised by a check
        from outside with a message of its own.
    """

    headline = "Validity checker found an issue"

    def __init__(
        self,
        msg: str = "",
        lineno: int | None = None,
        source_file: str | None = None,
        hint: str | None = None,
        faults: Sequence[GraphFault] = (),
    ) -> None:
        self.faults: tuple[GraphFault, ...] = tuple(faults)
        super().__init__(msg, lineno, source_file, hint)

    @classmethod
    def of(cls, faults: Sequence[GraphFault]) -> Self:
        """Make one error of one or more faults; a single one lends it its place."""
        if len(faults) == 1:
            fault = faults[0]
            return cls(fault.message, fault.line, fault.source_file, fault.hint, faults)
        listed = "\n".join(str(fault) for fault in faults)
        return cls(f"The graph has {len(faults)} faults.\n{listed}", faults=faults)


class SourceUnavailable(MetaflowException):
    """The graph of a flow is read from its source text, and that cannot be had."""

    headline = "Source code not available"

    def __init__(self, flow: str, step: str, source_file: str, line: int, reason: str) -> None:
        self.flow = flow
        self.step = step
        self.reason = reason
        super().__init__(
            f"The graph of flow `{flow}` is read from the source of its steps, "
            f"but the source of step `{step}` is not available: {reason}.",
            line,
            source_file,
            "define the flow in a file or a notebook cell; code given to `exec` has no source",
        )


class InvalidNextException(MetaflowException):
    """A step called `self.next` in a way that is no transition.

    Parameters
    ----------
    step : str
        Name of the step that called.
    problem : str
        What is wrong, as a clause: it follows «Step `a` cannot go on:».
    lineno : int, optional
        Line of the call.
    source_file : str, optional
        File of the call.
    hint : str, optional
        What would be right.
    """

    headline = "Invalid self.next() transition detected"

    def __init__(
        self,
        step: str,
        problem: str,
        lineno: int | None = None,
        source_file: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.step = step
        self.problem = problem
        message = f"Step `{step}` cannot go on: {problem}."
        super().__init__(message, lineno, source_file, hint)


class BadStepDecoratorException(MetaflowException):
    """A step decorator stands on something that is not a step."""

    headline = "Syntax error"

    def __init__(self, decorator: str, function: Any, known: Iterable[str] = ()) -> None:
        self.decorator = decorator
        self.function_name: str = getattr(function, "__name__", str(function))
        if not callable(function):
            super().__init__(*_without_a_name("Decorator", decorator, function, known))
            return
        super().__init__(
            f"Decorator `@{decorator}` is applied to `{self.function_name}`, which is not a step.",
            *_place(function),
            hint=f"put `@step` on the line just before `def`, and `@{decorator}` above it",
        )


class BadFlowDecoratorException(MetaflowException):
    """A flow decorator stands on something that is not a flow."""

    headline = "Syntax error"

    def __init__(
        self,
        decorator: str,
        target: Any = None,
        place: tuple[str | None, int | None] = (None, None),
        known: Iterable[str] = (),
    ) -> None:
        self.decorator = decorator
        if isinstance(target, str | int | float | list | tuple | dict):
            text, *_, hint = _without_a_name("Flow decorator", decorator, target, known)
            super().__init__(text, place[1], place[0], hint)
            return
        name = getattr(target, "__name__", None)
        applied = "an object" if name is None else f"`{name}`"
        line, file = _place(target)
        super().__init__(
            f"Flow decorator `@{decorator}` is applied to {applied}, "
            "which is not a subclass of `FlowSpec`.",
            place[1] or line,
            place[0] or file,
            hint="put it on the line before `class`",
        )


class DuplicateStepDecoratorException(MetaflowException):
    """A step has the same decorator twice."""

    headline = "Duplicate decorators"

    def __init__(self, decorator: str, function: Any) -> None:
        self.decorator = decorator
        self.step: str = getattr(function, "__name__", str(function))
        super().__init__(
            f"Step `{self.step}` has the decorator `@{decorator}` more than once.",
            *_place(function),
            hint="keep one of them",
        )


class DuplicateFlowDecoratorException(MetaflowException):
    """A flow has the same decorator twice, perhaps one of them from a base class."""

    headline = "Duplicate decorators"

    def __init__(
        self,
        decorator: str,
        flow: str | None = None,
        place: tuple[str | None, int | None] = (None, None),
    ) -> None:
        self.decorator = decorator
        self.flow = flow
        subject = "The flow" if flow is None else f"Flow `{flow}`"
        super().__init__(
            f"{subject} has the decorator `@{decorator}` more than once.",
            place[1],
            place[0],
            hint="keep one of them; decorators of base classes count too",
        )


class _UnknownDecorator(MetaflowException):
    """No decorator has this name."""

    def __init__(self, decorator: str, known: Iterable[str] = ()) -> None:
        self.decorator = decorator
        self.known: tuple[str, ...] = tuple(sorted(known))
        listed = f" The known ones are {quoted(self.known)}." if self.known else ""
        super().__init__(
            f"There is no decorator `{decorator}`.{listed}",
            hint=_did_you_mean(decorator, self.known),
        )


class UnknownStepDecoratorException(_UnknownDecorator):
    """No step decorator has this name."""

    headline = "Unknown step decorator"


class UnknownFlowDecoratorException(_UnknownDecorator):
    """No flow decorator has this name."""

    headline = "Unknown flow decorator"


class InvalidDecoratorAttribute(MetaflowException):
    """A decorator was given an attribute that it does not have."""

    headline = "Unknown decorator attribute"

    def __init__(self, decorator: str, attribute: str, known: Iterable[str] = ()) -> None:
        self.decorator = decorator
        self.attribute = attribute
        self.known: tuple[str, ...] = tuple(sorted(known))
        takes = f"It takes {quoted(self.known)}." if self.known else "It takes none."
        super().__init__(
            f"Decorator `{decorator}` does not have the attribute `{attribute}`. {takes}",
            hint=_did_you_mean(attribute, self.known),
        )


class UnhandledInMergeArtifactsException(MetaflowException):
    """The inputs of a join disagree about artifacts that are to be merged."""

    headline = "Unhandled artifacts in merge"

    def __init__(self, artifact_names: Iterable[str], step: str | None = None) -> None:
        self.artifact_names: list[str] = list(dict.fromkeys(artifact_names))
        self.step = step
        at_step = "" if step is None else f" of step `{step}`"
        super().__init__(
            f"The inputs{at_step} have different values for {quoted(self.artifact_names)}, "
            "so they cannot be merged.",
            hint="set these artifacts before calling `merge_artifacts`, or exclude them",
        )


class MissingInMergeArtifactsException(MetaflowException):
    """A join is to merge artifacts that none of its inputs has."""

    headline = "Missing artifacts in merge"

    def __init__(self, artifact_names: Iterable[str], step: str | None = None) -> None:
        self.artifact_names: list[str] = list(dict.fromkeys(artifact_names))
        self.step = step
        at_step = "" if step is None else f" of step `{step}`"
        super().__init__(
            f"`merge_artifacts` is to include {quoted(self.artifact_names)}, "
            f"which none of the inputs{at_step} has.",
            hint="remove what is misspelled from `include`",
        )
