"""The older path of users' step decorators and mutators of steps."""

from metaflow.authoring.custom_decorators import (
    USER_SKIP_STEP,
    UserStepDecorator,
    user_step_decorator,
)
from metaflow.authoring.mutators import StepMutator

__all__ = ["USER_SKIP_STEP", "StepMutator", "UserStepDecorator", "user_step_decorator"]
