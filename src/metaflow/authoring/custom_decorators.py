"""How users write decorators of steps: as a generator, or as a class with two methods."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, TypeVar, overload

from metaflow.authoring.custom_base import CustomMeta
from metaflow.authoring.custom_steps import StepCustom
from metaflow.authoring.refusal import refused
from metaflow.errors.custom import CustomDecoratorInvalid
from metaflow.protocols.step_hook import Attempt

if TYPE_CHECKING:
    from metaflow.authoring.flowspec import FlowSpec

F = TypeVar("F", bound=Callable[..., Any])

USER_SKIP_STEP: Final[dict[str, Any]] = {}
"""Yield it to skip the step and go on as its `self.next` says."""

WITH_ATTRIBUTES: Final = 4
"""Number of arguments of a generator that takes the decorator's arguments."""
_GENERATOR, _ASYNC = 0x20, 0x280


class UserStepDecorator(StepCustom):
    """Base of decorators that run code before and after a step, or instead of it.

    Attributes
    ----------
    skip_step : bool or dict, default False
        Set it in `pre_step` to skip the step. True goes on as the step's `self.next` says; a
        dict replaces keywords of it, such as `{"foreach": "chunks"}`.

    Examples
    --------
    >>> class timed(UserStepDecorator):
    ...     def pre_step(self, step_name, flow, inputs=None):
    ...         self.begin = time.time()
    ...
    ...     def post_step(self, step_name, flow, exception=None):
    ...         flow.seconds = time.time() - self.begin
    ...         return exception
    """

    skip_step: bool | dict[str, Any] = False

    def pre_step(
        self, step_name: str, flow: FlowSpec, inputs: Any = None
    ) -> Callable[..., Any] | None:
        """Do something before the step.

        Parameters
        ----------
        step_name : str
            Name of the step.
        flow : FlowSpec
            What the step gets as `self`.
        inputs : optional
            What a join gets as its inputs.

        Returns
        -------
        callable or None
            What runs instead of the step, with the flow (and the inputs of a join). If it
            returns nothing, it has called `self.next` itself; True goes on as the step
            would; a dict replaces keywords of the step's `self.next`.
        """

    def post_step(self, step_name: str, flow: FlowSpec, exception: Exception | None = None) -> Any:
        """Do something after the step.

        Parameters
        ----------
        step_name : str
            Name of the step.
        flow : FlowSpec
            What the step has worked on.
        exception : Exception, optional
            What the step has raised.

        Returns
        -------
        Exception, tuple or None
            The exception to go on with, None if there is none (any more); or a tuple of that
            and the keywords that `self.next` is to have (True for those of the step).
        """
        del step_name, flow
        return exception

    def _metaflow_around(self, attempt: Attempt, proceed: Callable[[], None]) -> None:
        self.skip_step = False
        inputs = attempt.inputs
        replacement = self.pre_step(attempt.step, attempt.flow, inputs)
        chosen = replacement if callable(replacement) else self.skip_step or None
        failure: Exception | None = None
        try:
            _run(self, attempt, proceed, {} if chosen is True else chosen)
        except Exception as error:
            failure = error
        result = self.post_step(attempt.step, attempt.flow, failure)
        _conclude(self, attempt, failure, result)


class GeneratorDecorator(UserStepDecorator):
    """A decorator that was written as a generator."""

    function: ClassVar[Callable[..., Generator[Any, None, Any]]]

    def _takes_arguments(self) -> bool:
        """Only a function with a fourth argument has a use for them."""
        return self._arity() >= WITH_ATTRIBUTES

    def init(self, *args: Any, **kwargs: Any) -> None:
        """Refuse what the function could not tell apart."""
        del kwargs
        if args:
            raise CustomDecoratorInvalid(type(self).__name__, "its arguments need names")

    @classmethod
    def _arity(cls) -> int:
        code: Any = cls.function.__code__
        return int(code.co_argcount)

    def _metaflow_around(self, attempt: Attempt, proceed: Callable[[], None]) -> None:
        given = (self._kwargs,) if self._takes_arguments() else ()
        generator = type(self).function(attempt.step, attempt.flow, attempt.inputs, *given)
        try:
            chosen = next(generator)
        except StopIteration:
            raise _misused(self, attempt, "it has not yielded") from None
        failure: Exception | None = None
        try:
            _run(self, attempt, proceed, chosen)
        except Exception as error:
            failure = error
        try:
            if failure is None:
                next(generator)
            else:
                generator.throw(failure)
        except StopIteration as end:
            result = end.value
        else:
            generator.close()
            raise _misused(self, attempt, "it has yielded more than once")
        _conclude(self, attempt, failure, result)


class StepSyntax(Protocol):
    """What stands above a step: with arguments, or without."""

    @overload
    def __call__(self, function: F, /) -> F: ...
    @overload
    def __call__(self, /, **attributes: Any) -> Callable[[F], F]: ...


def user_step_decorator(function: Callable[..., Generator[Any, None, Any]]) -> StepSyntax:
    """Make a decorator of steps from a generator.

    Parameters
    ----------
    function : callable
        Takes the step's name, the flow, the inputs of a join or None, and, if it has a fourth
        argument, a dict of what stands between the parentheses. It yields exactly once: what
        comes before runs before the step, what comes after runs after it. The `yield` raises
        the step's exception; who catches it lets the step succeed. A yielded function runs
        instead of the step; `USER_SKIP_STEP`, or a dict of keywords for `self.next`, skips it.

    Returns
    -------
    callable
        The decorator; a subclass of `UserStepDecorator`.

    Raises
    ------
    CustomDecoratorInvalid
        The function is no such generator.

    Examples
    --------
    >>> @user_step_decorator
    ... def timed(step_name, flow, inputs=None, attributes=None):
    ...     begin = time.time()
    ...     yield
    ...     flow.seconds = time.time() - begin
    """
    name = function.__name__
    code: Any = getattr(function, "__code__", None)
    place = (None, None) if code is None else (code.co_firstlineno, code.co_filename)
    if code is None or not code.co_flags & _GENERATOR or code.co_flags & _ASYNC:
        problem = "it is not a generator: it has no `yield`"
        raise refused(CustomDecoratorInvalid(name, problem, None, *place))
    if code.co_argcount not in {WITH_ATTRIBUTES - 1, WITH_ATTRIBUTES}:
        problem = "it takes `step_name, flow, inputs` and perhaps `attributes`"
        raise refused(CustomDecoratorInvalid(name, problem, None, *place))
    body: Mapping[str, Any] = {
        "__doc__": function.__doc__,
        "__module__": function.__module__,
        "__qualname__": function.__qualname__,
        "function": staticmethod(function),
    }
    made: Any = CustomMeta(name, (GeneratorDecorator,), dict(body))
    return made  # type: ignore[no-any-return]


def _run(
    custom: UserStepDecorator, attempt: Attempt, proceed: Callable[[], None], chosen: Any
) -> None:
    """Run the step, or what was chosen in its place: a function, or a way to go on."""
    if chosen is None:
        proceed()
    elif callable(chosen):
        said = chosen(attempt.flow, *(() if attempt.inputs is None else (attempt.inputs,)))
        if said is True or isinstance(said, dict):
            # An empty dict says as little as None.
            attempt.next_arguments = {} if said is True else said or None
        elif said:
            raise _misused(custom, attempt, f"what replaces the step has returned `{said!r}`")
    elif isinstance(chosen, dict):
        attempt.next_arguments = chosen
    else:
        raise _misused(custom, attempt, f"it has chosen `{chosen!r}` in place of the step")


def _conclude(
    custom: UserStepDecorator, attempt: Attempt, failure: Exception | None, result: Any
) -> None:
    """Go on with the exception and the transition that the decorator has decided on."""
    outcome, said = result if isinstance(result, tuple) and len(result) == 2 else (result, None)  # noqa: PLR2004 - a pair
    if isinstance(outcome, BaseException):
        if failure is not None and outcome is failure:
            raise failure
        raise outcome from failure
    if outcome is not None or not (said is None or isinstance(said, bool | dict)):
        raise _misused(
            custom,
            attempt,
            f"it has returned `{result!r}`, which is neither an exception nor a pair of that "
            "and keywords of `self.next`",
        )
    if said:
        attempt.next_arguments = {} if said is True else said
    elif failure is not None and attempt.next_arguments is None:
        # The step has failed before it could say so itself.
        state = vars(attempt.flow)["__state__"]
        attempt.next_arguments = {} if state.transition is None else None


def _misused(custom: UserStepDecorator, attempt: Attempt, problem: str) -> CustomDecoratorInvalid:
    return CustomDecoratorInvalid(type(custom).__name__, problem, attempt.step)
