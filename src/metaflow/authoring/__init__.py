"""The language of flows: FlowSpec, step, parameters, decorators."""
