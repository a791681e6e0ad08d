"""A flow decorator with an option, a value of `current` and a system tag."""

from metaflow import current
from metaflow.decorators import FlowDecorator


class AcmeFlowDecorator(FlowDecorator):
    """Give the flow a team."""

    name = "acme_flow"
    defaults = {"team": "nobody"}
    options = {"colour": {"default": None, "help": "Colour of the run."}}

    def flow_init(self, flow, graph, environment, flow_datastore, metadata, logger, echo, options):
        if self.attributes["team"] == "nobody":
            from metaflow.exception import AcmeException

            raise AcmeException(f"{flow.name} has no team")
        current._update_env(
            {"acme_team": self.attributes["team"], "acme_colour": options["colour"]}
        )
        metadata.add_sticky_tags(sys_tags=[f"team:{self.attributes['team']}"])
