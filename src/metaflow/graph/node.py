"""One step as the graph knows it: what its function and its source say, and where it lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType

    from metaflow.graph.transition import NextCall

NodeType: TypeAlias = Literal["start", "linear", "split", "foreach", "split-switch", "join", "end"]

JOIN_ARGS = 2
"""A step with this many arguments, `self` and the inputs, is a join."""


class Node:
    """One step of a flow.

    Attributes
    ----------
    name : str
        The attribute of the flow class that the step is known by.
    code : CodeType
        What the user wrote, below any wrapper.
    type : str
        `start`, `linear`, `split`, `foreach`, `split-switch`, `join` or `end`. A start that
        splits has the type of its split; the only step of a flow is its `end`.
    line : int
        Line of the `def`.
    source_file : str
        File of the `def`, which may be that of a base class.
    num_args : int
        Number of positional arguments, `self` included.
    next : NextCall or None
        The `self.next` that ends the body, as written.
    next_lines : tuple of int
        When the body does not end in `self.next`: lines of the calls elsewhere in it.
    in_funcs : list of str
        Steps that lead here, in the order of the class; a looping switch is among its own.
    out_funcs : list of str
        Steps that this one leads to, in order, as written.
    split_parents : list of str
        Open splits and foreaches around the step, outermost first. For a join the last one
        is the split that it closes.
    matching_join : str or None
        For a split or foreach, the join that closes it.
    is_inside_foreach : bool
        Whether a foreach is open around the step; false for the join that closes the only one.
    """

    __slots__ = (
        "code",
        "function",
        "in_funcs",
        "is_inside_foreach",
        "line",
        "matching_join",
        "name",
        "next",
        "next_lines",
        "num_args",
        "out_funcs",
        "source_file",
        "split_parents",
        "type",
    )

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        code: CodeType,
        line: int,
        transition: NextCall | None,
        next_lines: tuple[int, ...] = (),
    ) -> None:
        self.name: str = name
        self.function: Any = function
        self.code: CodeType = code
        self.source_file: str = code.co_filename
        self.line: int = line
        self.num_args: int = code.co_argcount
        self.next: NextCall | None = transition
        self.next_lines: tuple[int, ...] = next_lines
        self.type: NodeType = "linear"
        self.out_funcs: list[str] = [] if transition is None else list(transition.targets)
        self.in_funcs: list[str] = []
        self.split_parents: list[str] = []
        self.matching_join: str | None = None
        self.is_inside_foreach: bool = False

    def __repr__(self) -> str:
        return f"<Node {self.name} ({self.type})>"

    @property
    def doc(self) -> str:
        """The step's docstring without indentation, or an empty string."""
        text = self.function.__doc__
        if not text:
            return ""
        from inspect import cleandoc

        return cleandoc(text)

    @property
    def decorators(self) -> Sequence[Any]:
        """The step's decorators as they are now; some are attached after the graph is built."""
        decorators: Sequence[Any] = self.function.decorators
        return decorators

    @property
    def node_info(self) -> dict[str, Any]:
        """Free facts given to `@step`."""
        info: dict[str, Any] = self.function.node_info
        return info

    @property
    def is_join(self) -> bool:
        """Whether the step takes inputs, whatever else is wrong with it."""
        return self.num_args >= JOIN_ARGS

    @property
    def has_tail_next(self) -> bool:
        """Whether the body ends in `self.next`."""
        return self.next is not None

    @property
    def invalid_tail_next(self) -> bool:
        """Whether the `self.next` at the end is none of the known forms."""
        return self.next is not None and self.next.problem is not None

    @property
    def tail_next_lineno(self) -> int:
        """Line of the `self.next` that ends the body, or of the `def` without one."""
        return self.line if self.next is None else self.next.line

    @property
    def foreach_param(self) -> str | None:
        """Name of the artifact that a foreach goes over."""
        return None if self.next is None else self.next.foreach

    @property
    def condition(self) -> str | None:
        """Name of the artifact that a switch looks at."""
        return None if self.next is None else self.next.condition

    @property
    def switch_cases(self) -> dict[object, str] | None:
        """Step for each key of a switch; a key that a config supplies stands as its text."""
        return None if self.next is None else self.next.cases

    @property
    def num_parallel(self) -> int | str | None:
        """Size of the gang that this step starts, or the text of the expression for it."""
        return None if self.next is None else self.next.num_parallel

    @property
    def parallel_foreach(self) -> bool:
        """Whether this step starts a gang, with `num_parallel`."""
        return self.next is not None and self.next.kind == "parallel"

    @property
    def parallel_step(self) -> bool:
        """Whether the tasks of this step are a gang, by `@parallel` or one like it."""
        return any(
            getattr(decorator, "IS_PARALLEL", decorator.name == "parallel")
            for decorator in self.decorators
        )

    @property
    def unbounded_step(self) -> bool:
        """Whether the step takes an unbounded foreach, whose tasks are a gang, too."""
        return any(getattr(decorator, "TAKES_UNBOUNDED", False) for decorator in self.decorators)

    @property
    def is_split(self) -> bool:
        """Whether branches open here that a join must close."""
        return self.type in {"split", "foreach"}
