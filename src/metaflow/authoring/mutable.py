"""What a mutator may look at and change of a flow: its parameters, decorators and steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from metaflow import registry
from metaflow.authoring.custom_base import CustomMeta, find
from metaflow.authoring.flow_decorators import (
    find_flow_decorator,
    flow_decorators,
    own_flow_decorators,
)
from metaflow.authoring.mutable_step import MutableStep
from metaflow.authoring.mutation import (
    Change,
    Decorated,
    Removed,
    flow_mutators,
    is_called,
    matches,
    name_of,
    new_custom,
    settle_kind,
    spec_of,
)
from metaflow.authoring.older_names import name_after_at
from metaflow.authoring.overlay import put
from metaflow.authoring.parameters import Parameter, declared_parameters
from metaflow.authoring.steps import step_functions
from metaflow.errors.custom import MutationConflict, MutationNotAllowed
from metaflow.errors.definition import DuplicateFlowDecoratorException

__all__ = ["MutableFlow", "MutableStep"]


class MutableFlow(Decorated):
    """A flow as a mutator sees it; its steps, parameters and configs are attributes, too."""

    def __init__(self, change: Change) -> None:
        self._change = change

    def __repr__(self) -> str:
        return f"<MutableFlow {self._change.flow.__name__}>"

    def __getattr__(self, name: str) -> Any:
        """Return a step, a parameter or the value of a config."""
        if name.startswith("__"):
            raise AttributeError(name)
        for known in (self.steps, self.parameters, self.configs):
            for other, value in known:
                if other == name:
                    return value
        raise AttributeError(
            f"Flow {self._change.flow.__name__} has no step, parameter or config '{name}'"
        )

    @property
    def steps(self) -> Iterator[tuple[str, MutableStep]]:
        """Each step as name and `MutableStep`."""
        names = [name for name, _ in step_functions(self._change.flow)]
        return ((name, self.step(name)) for name in names)

    def step(self, name: str) -> MutableStep:
        """Return the step of this name."""
        return MutableStep(self._change, name, self)

    @property
    def parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Each parameter as attribute name and `Parameter`."""
        return iter(list(declared_parameters(self._change.flow).items()))

    @property
    def configs(self) -> Iterator[tuple[str, Any]]:
        """Each config as attribute name and value."""
        values: Mapping[str, Any] = vars(self._change.flow)["__composition__"].configs
        return ((name, getattr(self._change.flow, name)) for name in values)

    def add_parameter(self, name: str, value: Parameter, overwrite: bool = False) -> None:
        """Give the flow a parameter.

        Parameters
        ----------
        name : str
            The attribute.
        value : Parameter
            The parameter; its name on the command line may differ.
        overwrite : bool, default False
            Replace a parameter that the flow has.

        Raises
        ------
        MutationNotAllowed
            The phase is not `pre_mutate`.
        MutationConflict
            The attribute is taken, or the value is no parameter.
        """
        self._change.require_early(f"adding the parameter `{name}`")
        if not isinstance(value, Parameter):
            self._conflict(f"`{value!r}` cannot be added, because it is not a Parameter")
        flow = self._change.flow
        known = declared_parameters(flow)
        if name in known and not overwrite:
            self._conflict(f"the flow has a parameter `{name}` already")
        if name not in known and hasattr(flow, name):
            self._conflict(f"the flow has an attribute `{name}` that is not a parameter")
        put(flow, name, value)

    def remove_parameter(self, parameter_name: str) -> bool:
        """Take a parameter from the flow.

        Parameters
        ----------
        parameter_name : str
            Its attribute.

        Returns
        -------
        bool
            Whether there was one.

        Raises
        ------
        MutationNotAllowed
            The phase is not `pre_mutate`.
        """
        self._change.require_early(f"removing the parameter `{parameter_name}`")
        if parameter_name not in declared_parameters(self._change.flow):
            return False
        put(self._change.flow, parameter_name, Removed(parameter_name))
        return True

    def add_decorator(
        self,
        deco_type: Any,
        deco_args: Sequence[Any] | None = None,
        deco_kwargs: Mapping[str, Any] | None = None,
        duplicates: int = Decorated.IGNORE,
    ) -> Any:
        """Put a decorator on the flow; arguments are as for `MutableStep.add_decorator`.

        Raises
        ------
        MutationNotAllowed
            The phase is not `pre_mutate`.
        """
        kind, args, kwargs = settle_kind(deco_type, deco_args, deco_kwargs, _find)
        self._change.require_early(f"adding the flow decorator `{name_of(kind)}`")
        decorators = self._own(kind)
        present = [known for known in decorators if name_of(kind) == spec_of(known)[0]]
        if present and not getattr(kind, "allow_multiple", False):
            if duplicates == self.ERROR and any(known.statically_defined for known in present):
                raise DuplicateFlowDecoratorException(name_of(kind), self._change.flow.__name__)
            if duplicates != self.OVERRIDE or isinstance(kind, CustomMeta):
                return None
            decorators[:] = [known for known in decorators if known not in present]
        added = self._make(kind, args, kwargs)
        decorators.append(added)
        return added

    def remove_decorator(
        self,
        deco_name: str,
        deco_args: Sequence[Any] | None = None,
        deco_kwargs: Mapping[str, Any] | None = None,
    ) -> bool:
        """Take decorators from the flow; arguments are as for `MutableStep.remove_decorator`.

        Raises
        ------
        MutationNotAllowed
            The phase is not `pre_mutate`, or it is a flow mutator.
        """
        self._change.require_early(f"removing the flow decorator `{deco_name}`")
        for mutator in flow_mutators(self._change.flow):
            if is_called(spec_of(mutator), deco_name):
                raise MutationNotAllowed(f"Flow mutator `{deco_name}` cannot be removed.")
        decorators = own_flow_decorators(self._change.flow)
        left = [
            known
            for known in decorators
            if not matches(spec_of(known), deco_name, deco_args, deco_kwargs)
        ]
        is_there = len(left) < len(decorators)
        decorators[:] = left
        return is_there

    def _decorators(self) -> list[Any]:
        flow = self._change.flow
        return [*flow_decorators(flow), *flow_mutators(flow)]

    def _own(self, kind: Any) -> list[Any]:
        """List that decorators of this kind are in."""
        flow = self._change.flow
        return flow_mutators(flow) if isinstance(kind, CustomMeta) else own_flow_decorators(flow)

    def _make(self, kind: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        change = self._change
        if isinstance(kind, CustomMeta):
            custom = new_custom(change, kind, change.resolve(args), change.resolve(kwargs))
            custom._flow_cls = change.flow
            custom._initialize()
            return custom
        made = kind(
            change.resolve(dict(kwargs)), statically_defined=change.mutator.statically_defined
        )
        made.inserted_by = change.origin
        return made

    def _conflict(self, problem: str) -> NoReturn:
        raise MutationConflict(f"Mutator `{type(self._change.mutator).__name__}`: {problem}.")


def _find(name: str) -> Any:
    """Find a kind of flow decorator, built-in or not, by its name."""
    short = name_after_at(name, "flow_decorator")
    found = None if short in registry.names("flow_decorator") else find(name, "flow")
    return find_flow_decorator(short) if found is None else found
