"""What the last statement of a step says about where the run goes next.

Only syntax is looked at: nothing is executed, and names are not looked up. What can be
understood of a wrong transition is kept, so that one mistake does not look like several.
"""

# No postponed annotations here: a NamedTuple would compile each of them at import, which
# costs ten times as much as evaluating them.
import ast
from typing import Any, Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["linear", "split", "foreach", "parallel", "switch"]

MIN_CASES = 2
"""A switch with fewer entries decides nothing."""


class Problem(NamedTuple):
    """Why a transition is none, as the end of «`self.next` of step `a` …»."""

    text: str
    hint: str | None = None


class ConfigKey(str):
    """Key of a case that a config supplies: the text of the expression."""

    __slots__ = ()

    is_expression = True


class NextCall:
    """A `self.next(…)` as written.

    Attributes
    ----------
    line : int
        Where the call begins.
    kind : str
        Shape of the transition; for a wrong one, what it was probably meant to be.
    targets : tuple of str
        Names of the steps, in order, each once.
    foreach : str or None
        Name of the artifact that holds the items of a foreach.
    num_parallel : int, str or None
        Size of a gang, or the text of the expression that yields it.
    condition : str or None
        Name of the artifact that a switch looks at.
    cases : dict or None
        Step for each key of a switch; a key from a config stands as its text.
    problem : Problem or None
        Why this is no transition.
    """

    __slots__ = (
        "cases",
        "condition",
        "foreach",
        "kind",
        "line",
        "num_parallel",
        "problem",
        "targets",
    )

    def __init__(
        self,
        line: int,
        kind: Kind,
        targets: tuple[str, ...],
        *,
        foreach: str | None = None,
        num_parallel: int | str | None = None,
        condition: str | None = None,
        cases: dict[object, str] | None = None,
        problem: Problem | None = None,
    ) -> None:
        self.line: int = line
        self.kind = kind
        self.targets: tuple[str, ...] = targets
        self.foreach: str | None = foreach
        self.num_parallel: int | str | None = num_parallel
        self.condition: str | None = condition
        self.cases: dict[object, str] | None = cases
        self.problem: Problem | None = problem


def tail_call(
    function: ast.FunctionDef | ast.AsyncFunctionDef, self_name: str | None
) -> NextCall | None:
    """Read the transition that ends a step's body.

    Parameters
    ----------
    function : ast.FunctionDef or ast.AsyncFunctionDef
        The step.
    self_name : str or None
        Name of the step's first argument.

    Returns
    -------
    NextCall or None
        None when the last statement is no call of `self.next`.
    """
    statement = function.body[-1]
    if isinstance(statement, ast.Expr):
        call = statement.value
        if isinstance(call, ast.Call) and _is_next(call, self_name):
            return _read(call, self_name)
    return None


def call_lines(
    function: ast.FunctionDef | ast.AsyncFunctionDef, self_name: str | None
) -> tuple[int, ...]:
    """Lines of all calls of `self.next` anywhere in a step."""
    return tuple(
        sorted(
            node.lineno
            for node in ast.walk(function)
            if isinstance(node, ast.Call) and _is_next(node, self_name)
        )
    )


def _is_next(call: ast.Call, self_name: str | None) -> bool:
    target = call.func
    return (
        isinstance(target, ast.Attribute)
        and target.attr == "next"
        and isinstance(target.value, ast.Name)
        and target.value.id == self_name
    )


def _read(call: ast.Call, self_name: str | None) -> NextCall:
    options: dict[str, ast.expr] = {}
    for keyword in call.keywords:
        if keyword.arg is None:
            return _wrong(call, self_name, "unpacks keywords with `**`, which cannot be read")
        if keyword.arg not in {"foreach", "num_parallel", "condition"}:
            return _wrong(
                call,
                self_name,
                f"has the unknown keyword `{keyword.arg}`",
                "the keywords are `foreach`, `num_parallel` and `condition`",
            )
        options[keyword.arg] = keyword.value
    if len(options) > 1:
        both = " and ".join(f"`{name}`" for name in options)
        return _wrong(call, self_name, f"combines {both}", "use one of them, in steps of their own")
    if not call.args:
        return _wrong(call, self_name, "names no step", "pass the next step, as in `self.end`")
    if "condition" in options or any(isinstance(arg, ast.Dict) for arg in call.args):
        return _read_switch(call, options.get("condition"), self_name)
    return _read_steps(call, options, self_name)


def _read_steps(call: ast.Call, options: dict[str, ast.expr], self_name: str | None) -> NextCall:
    targets: list[str] = []
    for argument in call.args:
        target = _attribute(argument, self_name)
        if target is None:
            return _not_a_step(call, argument, self_name)
        if target in targets:
            return _wrong(
                call,
                self_name,
                f"names step `{target}` twice",
                "run a step many times with `foreach`",
            )
        targets.append(target)
    if options and len(targets) != 1:
        option = next(iter(options))
        return _wrong(
            call, self_name, f"combines `{option}` with {len(targets)} steps; it takes exactly one"
        )
    if "foreach" in options:
        value = options["foreach"]
        if not (isinstance(value, ast.Constant) and isinstance(value.value, str)):
            return _wrong(
                call,
                self_name,
                f"has `foreach={ast.unparse(value)}`, which is not a string literal",
                "name the artifact that holds the items, as in `foreach='items'`",
            )
        return NextCall(call.lineno, "foreach", tuple(targets), foreach=value.value)
    if "num_parallel" in options:
        value = options["num_parallel"]
        literal = isinstance(value, ast.Constant) and type(value.value) is int
        count: Any = value.value if literal else ast.unparse(value)  # type: ignore[attr-defined]
        return NextCall(call.lineno, "parallel", tuple(targets), num_parallel=count)
    return NextCall(call.lineno, "linear" if len(targets) == 1 else "split", tuple(targets))


def _read_switch(call: ast.Call, condition: ast.expr | None, self_name: str | None) -> NextCall:
    if condition is None:
        return _wrong(
            call,
            self_name,
            "has a dictionary of steps but no `condition`",
            "name the artifact that chooses, as in `condition='choice'`",
        )
    if not (isinstance(condition, ast.Constant) and isinstance(condition.value, str)):
        return _wrong(
            call,
            self_name,
            f"has `condition={ast.unparse(condition)}`, which is not a string literal",
            "name the artifact that chooses, as in `condition='choice'`",
        )
    if len(call.args) != 1 or not isinstance(call.args[0], ast.Dict):
        return _wrong(
            call,
            self_name,
            "has a `condition` but not one dictionary of steps",
            "write `self.next({key: self.step, …}, condition='choice')`",
        )
    cases: dict[object, str] = {}
    for key, value in zip(call.args[0].keys, call.args[0].values, strict=True):
        literal = _case_key(key, self_name)
        if literal is None:
            text = f"**{ast.unparse(value)}" if key is None else ast.unparse(key)
            return _wrong(
                call,
                self_name,
                f"has the case `{text}`, whose key is not a literal",
                "a key is a string, number or boolean, or `self.<config>.<key>`",
            )
        target = _attribute(value, self_name)
        if target is None:
            return _not_a_step(call, value, self_name)
        cases[literal[0]] = target
    problem = None
    if len(cases) < MIN_CASES:
        entries = "one case" if cases else "no case"
        problem = Problem(f"is a switch with {entries}", "a switch has at least two cases")
    return NextCall(
        call.lineno,
        "switch",
        tuple(dict.fromkeys(cases.values())),
        condition=condition.value,
        cases=cases,
        problem=problem,
    )


def _attribute(node: ast.expr, self_name: str | None) -> str | None:
    """Name `x` of an expression `self.x`."""
    if (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == self_name
    ):
        return node.attr
    return None


def _case_key(node: ast.expr | None, self_name: str | None) -> tuple[object] | None:
    """Value of a literal key, or the text of one that a config supplies."""
    if isinstance(node, ast.Constant) and node.value is not ...:
        return (node.value,)
    if (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
        and isinstance(node.operand.value, int | float | complex)
    ):
        return (-node.operand.value,)
    depth, inner = 0, node
    while isinstance(inner, ast.Attribute) or (
        isinstance(inner, ast.Subscript) and isinstance(inner.slice, ast.Constant)
    ):
        depth, inner = depth + 1, inner.value
    # `self.<config>` alone would be a variable; a key of a config is frozen at launch.
    if node is not None and depth > 1 and isinstance(inner, ast.Name) and inner.id == self_name:
        return (ConfigKey(ast.unparse(node)),)
    return None


def _not_a_step(call: ast.Call, node: ast.expr, self_name: str | None) -> NextCall:
    return _wrong(
        call,
        self_name,
        f"has the destination `{ast.unparse(node)}`, which does not name a step",
        f"write `self.{node.value}`"
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        else "write a destination as `self.<step>`",
    )


def _wrong(call: ast.Call, self_name: str | None, text: str, hint: str | None = None) -> NextCall:
    """Keep what can be made out: the shape that was meant, and the steps it names."""
    targets: list[str] = []
    for argument in call.args:
        values = argument.values if isinstance(argument, ast.Dict) else [argument]
        names = (_attribute(value, self_name) for value in values)
        targets.extend(name for name in names if name is not None)
    unique = tuple(dict.fromkeys(targets))
    keywords = {keyword.arg for keyword in call.keywords}
    kind: Kind = "linear" if len(unique) < MIN_CASES else "split"
    if "foreach" in keywords:
        kind = "foreach"
    elif "num_parallel" in keywords:
        kind = "parallel"
    elif "condition" in keywords or any(isinstance(arg, ast.Dict) for arg in call.args):
        kind = "switch"
    return NextCall(call.lineno, kind, unique, problem=Problem(text, hint))
