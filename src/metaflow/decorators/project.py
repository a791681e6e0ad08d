"""Which project a flow belongs to, and which of the project's branches it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from metaflow.authoring.flow_decorators import FlowDecorator, FlowDecoratorSyntax
from metaflow.errors.decorator import ProjectOptionConflict
from metaflow.errors.input import MetaflowUnknownUser
from metaflow.model.flow_facts import FlowFacts, Project, Situation

VALID_NAME: Final = re.compile(r"[a-z0-9_]{1,128}")
RULE: Final = "consists of 1 to 128 of the characters `a` to `z`, `0` to `9` and `_`"


class ProjectDecorator(FlowDecorator):
    """Say which flows belong together, and keep variants of them apart.

    Parameters
    ----------
    name : str
        The project: lower-case letters, digits and `_`.
    branch : str, optional
        The variant, with the same characters; `user.<name>` without it. Also set by `--branch`.
    production : bool, default False
        Whether this is the variant that others rely on. Also set by `--production`.
    """

    name = "project"
    defaults: ClassVar[Mapping[str, Any]] = {"name": None, "branch": None, "production": False}
    options: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "branch": {
            "metavar": "NAME",
            "help": "Variant of the project: `test.NAME`, or `prod.NAME` with --production.",
        },
        "production": {
            "is_flag": True,
            "default": None,
            "help": "Use the project's production branch.",
        },
    }

    def declare(self, facts: FlowFacts, situation: Situation) -> FlowFacts:
        """Settle the branch, and let runs and steps know it."""
        project = self._project(situation)
        is_user_branch = project.branch.startswith("user.")
        current = {
            "project_name": project.name,
            "branch_name": project.branch,
            "is_user_branch": is_user_branch,
            "is_production": project.is_production,
            "project_flow_name": project.flow_name,
        }
        return facts._replace(
            project=project,
            current={**facts.current, **current},
            system_tags=(
                *facts.system_tags,
                f"project:{project.name}",
                f"project_branch:{project.branch}",
            ),
            notes=(*facts.notes, f"Project: *{project.name}*, Branch: *{project.branch}*"),
        )

    def _project(self, situation: Situation) -> Project:
        name = self.attributes["name"]
        if name is None:
            raise self.invalid("", "`name` is missing; write `@project(name='…')`")
        if not isinstance(name, str) or not VALID_NAME.fullmatch(name):
            raise self.invalid(f"name={name!r}", f"the name of a project {RULE}")
        is_production = bool(self._settled("production", situation))
        branch = self._branch(self._settled("branch", situation), is_production, situation)
        return Project(name, branch, f"{name}.{branch}.{situation.flow}", is_production)

    def _settled(self, field: str, situation: Situation) -> Any:
        """Take the option, or else the attribute; refuse two that say different things."""
        written, chosen = self.attributes[field], situation.options.get(field)
        if field == "production" and not isinstance(written, bool | None):
            raise self.invalid(f"production={written!r}", "`production` is True or False")
        if chosen in {None, False}:
            return written
        if field in self.given and written is not None and written != chosen:
            raise ProjectOptionConflict(field, written, chosen, self.place)
        return chosen

    def _branch(self, branch: Any, is_production: bool, situation: Situation) -> str:
        if branch is not None:
            if not isinstance(branch, str) or not VALID_NAME.fullmatch(branch):
                raise self.invalid(f"branch={branch!r}", f"the name of a branch {RULE}")
            return f"prod.{branch}" if is_production else f"test.{branch}"
        if is_production:
            return "prod"
        if not situation.owner:
            raise MetaflowUnknownUser
        return f"user.{situation.owner}"


project: FlowDecoratorSyntax = FlowDecoratorSyntax(ProjectDecorator)
