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
    if not parameter.has_deploy_time_default:
        return parameter.convert(parameter.default)
    try:
        result = parameter.default(context)
    except Exception as error:
        raise ParameterFieldFailed(
            parameter.name,
            "default",
            _user_trace(error),
            parameter.line_no,
            parameter.source_file,
        ) from error
    return _checked(parameter, result)


def _checked(parameter: Parameter, result: Any) -> Any:
    """Convert the result of a function, which must already be of the declared type."""
    kind = parameter.value_type
    expected = str if is_json(kind) else kind
    # Text counts as a value of another type here: a function has no reason to return it.
    if expected in {int, float, bool} and isinstance(result, str):
        problem = f"the function returned `{result!r}` of type `str`, not `{expected.__name__}`"
    elif is_json(kind) and not isinstance(result, str):
        problem = f"the function returned a `{type(result).__name__}`, not JSON text"
    elif result is None:
        problem = f"the function returned None, not a value of type `{parameter.type_name}`"
    else:
        try:
            return parameter.convert(result)
        except ParameterValueInvalid as error:
            problem = f"the function returned a wrong value: {error.problem}"
    raise parameter.mismatch("default", problem)


def _user_trace(error: Exception) -> str:
    import traceback

    # The first frame is the call above; the rest is the user's.
    own = error.__traceback__
    user = own.tb_next if own is not None else None
    lines = traceback.format_exception(type(error), error, user)
    return "".join(lines).rstrip()
