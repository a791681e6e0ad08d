"""What a tested step finds around it: a composed flow, and all that the tasks of a run share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from metaflow.authoring import composition
from metaflow.authoring.constants import constants, seal_parameters
from metaflow.authoring.current import current
from metaflow.authoring.deploy_time import ParameterContext, resolve_default
from metaflow.authoring.flow_decorators import declare_flow, flow_decorators
from metaflow.authoring.flowspec import FlowSpec, flow_graph
from metaflow.authoring.parameters import collect_parameters, normalized
from metaflow.errors.testing import StepCallInvalid
from metaflow.graph.checks import check_graph, raise_faults
from metaflow.graph.drawing import graph_info
from metaflow.model.flow_facts import Situation
from metaflow.model.task import RunContext

if TYPE_CHECKING:
    from metaflow.testing.memory import Memory

RUN_ID: Final = "test"
USER: Final = "tester"
"""Where and who a tested step runs, as `current` tells it."""


def compose(flow: type[FlowSpec], configs: Mapping[str, Any]) -> None:
    """Settle configs, attach decorators and check the graph.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow class.
    configs : mapping of str to Any
        Values of configs; the others have their defaults.
    """
    values: dict[str, Any] = {}
    if composition.config_names(flow):
        from metaflow.authoring.config_settling import GivenConfigs, settle

        values = settle(flow, GivenConfigs(texts=configs), _asker(flow, ""))
    composition.begin(flow, values)
    composition.finish(flow, ())
    raise_faults(check_graph(flow_graph(flow)))
    seal_parameters(flow)


def _asker(flow: type[FlowSpec], name: str) -> ParameterContext:
    configs = composition.named_configs(flow)
    return ParameterContext(flow.__name__, USER, name, lambda *_: None, "local", configs)


def run_context(flow: type[FlowSpec], memory: Memory, given: Mapping[str, Any]) -> RunContext:
    """Settle what all tasks of a run share, and let `current` tell what the flow declares.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow class, composed.
    memory : Memory
        Where the values go.
    given : mapping of str to Any
        Values of parameters; the others have their defaults.
    """
    decorators = flow_decorators(flow)
    facts = declare_flow(flow, Situation(flow.__name__, USER))
    # Functions that compute defaults may ask for it.
    current._update_env(dict(facts.current))  # noqa: SLF001 - decorators know it by this name
    values = _parameter_values(flow, given)
    configs = dict(composition.config_values(flow))
    fixed = constants(flow, FlowSpec)
    names = (*configs, *values)
    info = graph_info(
        flow_graph(flow),
        file="",
        parameters=[(name, type({**configs, **values}[name]).__name__) for name in names],
        constants=[(name, type(value).__name__) for name, value in fixed.items()],
        decorators=decorators,
    )
    shared = {"name": flow.__name__, "_graph_info": info, **fixed, **configs, **values}
    return RunContext(
        flow.__name__,
        RUN_ID,
        "",
        "",
        memory.keep(shared),
        names,
        (),
        USER,
        f"user:{USER}",
        current=dict(facts.current),
    )


def _parameter_values(flow: type[FlowSpec], given: Mapping[str, Any]) -> dict[str, Any]:
    declared = collect_parameters(flow)
    by_name = {attribute: attribute for attribute, _ in declared}
    for attribute, parameter in declared:
        by_name.setdefault(parameter.name, attribute)
        by_name.setdefault(normalized(parameter.name), attribute)
    unknown = sorted(given.keys() - by_name.keys())
    if unknown:
        raise StepCallInvalid(
            flow.__name__, "*", f"there is no parameter `{unknown[0]}`", dict(declared)
        )
    chosen = {by_name[name]: value for name, value in given.items()}
    values = {
        attribute: parameter.convert(chosen[attribute])
        if attribute in chosen
        else resolve_default(parameter, _asker(flow, parameter.name))
        for attribute, parameter in declared
    }
    # Of a file that is included, a step sees the content.
    return {
        name: value.decode() if hasattr(value, "store_in") else value
        for name, value in values.items()
    }
