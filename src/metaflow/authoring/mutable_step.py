"""What a mutator may look at and change of a step: its decorators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from metaflow.authoring.custom_base import CustomMeta
from metaflow.authoring.custom_steps import CustomStepDecorator
from metaflow.authoring.mutation import (
    Change,
    Decorated,
    matches,
    name_of,
    new_custom,
    settle_kind,
    spec_of,
)
from metaflow.authoring.overlay import visible
from metaflow.authoring.step_decorators import StepDecorator, find_step_decorator
from metaflow.authoring.steps import own_step
from metaflow.errors.definition import DuplicateStepDecoratorException


class MutableStep(Decorated):
    """A step as a mutator sees it."""

    def __init__(self, change: Change, name: str, flow: Any) -> None:
        self._change = change
        self.name: str = name
        self.flow: Any = flow
        """The flow that the step belongs to, as a mutator sees it."""

    def __repr__(self) -> str:
        return f"<MutableStep {self.name}>"

    def add_decorator(
        self,
        deco_type: Any,
        deco_args: Sequence[Any] | None = None,
        deco_kwargs: Mapping[str, Any] | None = None,
        duplicates: int = Decorated.IGNORE,
    ) -> Any:
        """Put a decorator on the step, outside of those that it has.

        Parameters
        ----------
        deco_type : decorator, class or str
            What would stand after `@`; or its name, with arguments as in `--with`.
        deco_args : sequence, optional
            Its arguments; only decorators that users have written take some.
        deco_kwargs : mapping, optional
            Its keyword arguments.
        duplicates : int, default IGNORE
            `IGNORE`, `ERROR` or `OVERRIDE`, for a decorator that the step has already.

        Returns
        -------
        Any
            The decorator that was added, or None.

        Raises
        ------
        MutationNotAllowed
            A step mutator is added after the phase `pre_mutate`.
        DuplicateStepDecoratorException
            It is there already, and `duplicates` is `ERROR`.
        MutationConflict
            This is no decorator of steps.
        UnknownStepDecoratorException
            There is no decorator of that name.
        """
        kind, args, kwargs = settle_kind(deco_type, deco_args, deco_kwargs, find_step_decorator)
        if hasattr(kind, "pre_mutate"):
            self._change.require_early(f"adding the mutator `{kind.__name__}`")
        function = own_step(self._change.flow, self.name)
        present = [known for known in function.decorators if self._is_of(known, kind)]
        if present and not getattr(kind, "allow_multiple", False):
            if duplicates == self.ERROR and any(known.statically_defined for known in present):
                raise DuplicateStepDecoratorException(name_of(kind), function)
            if duplicates != self.OVERRIDE:
                return None
            function.decorators[:] = [
                known for known in function.decorators if known not in present
            ]
        added = self._make(kind, args, kwargs)
        function.decorators.append(added)
        return added.custom if isinstance(added, CustomStepDecorator) else added

    def remove_decorator(
        self,
        deco_name: str,
        deco_args: Sequence[Any] | None = None,
        deco_kwargs: Mapping[str, Any] | None = None,
    ) -> bool:
        """Take decorators from the step.

        Parameters
        ----------
        deco_name : str
            Their name; one with a dot is a qualified name.
        deco_args, deco_kwargs : optional
            Only those with exactly these arguments.

        Returns
        -------
        bool
            Whether there was one.

        Raises
        ------
        MutationNotAllowed
            A step mutator is removed after the phase `pre_mutate`.
        """
        doomed = [
            known
            for known in self._function().decorators
            if matches(spec_of(known), deco_name, deco_args, deco_kwargs)
        ]
        for known in doomed:
            if hasattr(getattr(known, "custom", None), "pre_mutate"):
                self._change.require_early(f"removing the mutator `{known.name}`")
        if doomed:
            decorators = own_step(self._change.flow, self.name).decorators
            # The step may have become a copy, and its decorators with it.
            decorators[:] = [
                known
                for known in decorators
                if not matches(spec_of(known), deco_name, deco_args, deco_kwargs)
            ]
        return bool(doomed)

    def _decorators(self) -> list[Any]:
        decorators: list[Any] = self._function().decorators
        return decorators

    def _is_of(self, decorator: Any, kind: Any) -> bool:
        if isinstance(kind, CustomMeta):
            return type(getattr(decorator, "custom", None)) is kind
        return not hasattr(decorator, "custom") and bool(decorator.name == kind.name)

    def _function(self) -> Any:
        return visible(self._change.flow)[self.name]

    def _make(self, kind: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        change = self._change
        if isinstance(kind, CustomMeta):
            custom = new_custom(change, kind, args, kwargs)
            adapter = CustomStepDecorator(custom)
            adapter.make_ready(change.flow, self._function(), change.resolve)
            return adapter
        made: StepDecorator = kind(
            change.resolve(dict(kwargs)), statically_defined=change.mutator.statically_defined
        )
        made.inserted_by = change.origin
        return made
