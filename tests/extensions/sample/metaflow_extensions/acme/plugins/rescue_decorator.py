"""Takes failures upon itself, with hooks in the form that looks into the context."""

from metaflow.decorators import StepDecorator
from metaflow.system_context import system_context


class RescueDecorator(StepDecorator):
    """Rescue a step."""

    name = "acme_rescue"
    defaults = {"retries": 0, "fallbacks": 0}

    def add_to_package(self):
        return [(__file__, "acme/rescue.txt")]

    def step_task_retry_count(self):
        return self.attributes["retries"], self.attributes["fallbacks"]

    def task_pre_step_ctx(self, step_name):
        system_context.flow.seen = [step_name, system_context.task_id, system_context.retry_count]

    def task_exception_ctx(self, step_name, exception):
        if system_context.retry_count < self.attributes["retries"]:
            return False
        system_context.flow.rescued = f"{type(exception).__name__} in {step_name}"
        return True
