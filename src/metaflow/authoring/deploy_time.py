"""How a parameter's default is settled when a run starts, by value or by the user's function."""

# No postponed annotations here: a NamedTuple would compile each of them at import.
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from metaflow.authoring.parameter_types import is_json
from metaflow.authoring.parameters import Parameter
from metaflow.errors.input import ParameterFieldFailed, ParameterValueInvalid


class ParameterContext(NamedTuple):
    """What a function that computes a default is told."""

    flow_name: str
    user_name: str
    """Name of the user who starts the run."""
    parameter_name: str
    logger: Callable[..., None]
    """Call it with a text to show a message to the user."""
    ds_type: str
    """Kind of artifact store, such as `local`."""
    configs: Mapping[str, Any]


def resolve_default(parameter: Parameter, context: ParameterContext) -> Any:
    """Settle the default of a parameter for one run.

    Parameters
    ----------
    parameter : Parameter
        The declaration.
    context : ParameterContext
        What its function is told, if its default is one.

    Returns
    -------
    Any
        The value that the flow will see; None when there is no default.

    Raises
    ------
    ParameterFieldFailed
        The function raised an exception.
    ParameterFieldTypeMismatch
        The function returned a value of another type.
    """
    return parameter.convert(evaluate_default(parameter, context))


def evaluate_default(parameter: Parameter, context: ParameterContext) -> Any:
    """Settle the default like `resolve_default`, but leave it as written: text stays text."""
    if not parameter.has_deploy_time_default:
        return parameter.default
    try:
        result = parameter.default(context)
    except Exception as error:
        from metaflow.errors.frames import user_traceback

        raise ParameterFieldFailed(
            parameter.name,
            "default",
            user_traceback(error).rstrip(),
            parameter.line_no,
            parameter.source_file,
        ) from error
    problem = _problem(parameter, result)
    if problem is not None:
        raise parameter.mismatch("default", f"the function returned {problem}")
    return result


def _problem(parameter: Parameter, result: Any) -> str | None:
    """Say what is wrong with a function's result, which must be of the declared type."""
    kind = parameter.value_type
    if result is None:
        return f"None, not a value of type `{parameter.type_name}`"
    if is_json(kind) and not isinstance(result, str):
        return f"a `{type(result).__name__}`, not JSON text"
    # On the command line text is all there is; a function has no reason to return it.
    if kind in (int, float, bool) and isinstance(result, str):
        return f"`{result!r}` of type `str`, not `{kind.__name__}`"
    try:
        parameter.check_result(result)
    except ParameterValueInvalid as error:
        return f"a wrong value: {error.problem}"
    return None
