"""What every command of a flow is handed: the flow, the settings, the top-level options."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from metaflow.settings.durability import make_folders
from metaflow.settings.identity import resolve_identity
from metaflow.settings.roots import ensure_local_root, find_local_root, spin_root_beside
from metaflow.settings.search import LOCAL_DIRECTORY
from metaflow.settings.version import get_version

if TYPE_CHECKING:
    from metaflow.authoring.config_settling import GivenConfigs
    from metaflow.authoring.deploy_time import ParameterContext
    from metaflow.authoring.flowspec import FlowSpec
    from metaflow.cli.console import Console
    from metaflow.cli.telling import RunTeller
    from metaflow.model.flow_facts import FlowFacts
    from metaflow.model.package import PackageOrder
    from metaflow.settings import Settings

BESIDE_FACTS: Final = frozenset({"local", "spin"})
"""Kinds of stores that are in the same root as the facts."""


def may_have_decorators() -> bool:
    """Tell whether any flow of this process can have flow decorators."""
    # None has one if nobody has ever asked for the module.
    return "metaflow.authoring.flow_decorators" in sys.modules


class Scope:
    """One use of a flow's command line.

    Parameters
    ----------
    flow : type of FlowSpec
        The flow class.
    settings : Settings
        How this installation behaves.
    console : Console
        Where messages and data go.
    """

    __slots__ = (
        "_facts",
        "command",
        "console",
        "datastore",
        "datastore_root",
        "decospecs",
        "flow",
        "flow_options",
        "given_configs",
        "given_loosely",
        "inherited_configs",
        "is_of_spins",
        "listener",
        "only_lists",
        "package_suffixes",
        "pylint",
        "settings",
        "wants_help",
    )

    def __init__(self, flow: type[FlowSpec], settings: Settings, console: Console) -> None:
        self.flow = flow
        self.settings = settings
        self.console = console
        self.command: str = "check"
        """Name of the command; `check` if none is given."""
        self.listener: RunTeller | None = None
        """Who hears of runs and tasks; None if nobody is to be told."""
        self.pylint: bool = True
        self.decospecs: tuple[str, ...] = ()
        """Decorators that the top-level `--with` adds."""
        self.datastore: str = settings.default_datastore
        """Kind of store that artifacts of new runs go to."""
        self.datastore_root: str | None = None
        """Root of that store, if one is named."""
        self.is_of_spins: bool = False
        """Commands use the store of spun tasks instead of that of runs."""
        self.given_configs: GivenConfigs | None = None
        """What the command line gives for configs."""
        self.given_loosely: tuple[str, ...] = ()
        """Options given of which it turns out later whether a decorator brings them."""
        self.inherited_configs: GivenConfigs | None = None
        """What the environment gives for configs."""
        self.flow_options: Mapping[str, Any] = {}
        """Values of the top-level options, among them those of the flow's decorators."""
        self._facts: FlowFacts | None = None
        self.package_suffixes: str | None = None
        """Endings of files to pack, separated by commas, besides those of the settings."""
        self.only_lists: bool = False
        """Commands are made to be listed, not to be called."""
        self.wants_help: bool = False
        """The command line only asks a command for its help."""

    @property
    def flow_name(self) -> str:
        """Name of the flow."""
        return self.flow.__name__

    @property
    def script(self) -> str:
        """Path of the flow's file."""
        return script_of(self.flow)

    @property
    def identity(self) -> str:
        """Who works here: `user:<name>` or `production:<token>`."""
        return resolve_identity(self.settings)

    def greet(self) -> None:
        """Say which version works on what, and for whom."""
        self.console.note(
            f"Metaflow {get_version()} executing *{self.flow_name}* for *{self.identity}*"
        )

    @property
    def root(self) -> str | None:
        """Root of the local store, or None if there is none yet."""
        root = find_local_root(os.getcwd(), self.settings, self._named_root)
        if not self.is_of_spins or self._named_root is not None:
            return root
        spins = self._root_of_spins(root)
        return spins if os.path.isdir(spins) else None

    @property
    def artifact_root(self) -> str:
        """Where artifacts of new runs go in an object store; empty for beside the facts.

        Raises
        ------
        MetaflowException
            The settings don't say where that is.
        """
        if self.datastore in BESIDE_FACTS:
            return ""
        from metaflow.settings.artifact_roots import artifact_root

        return artifact_root(self.datastore, self.settings, self.datastore_root)

    @property
    def _named_root(self) -> str | None:
        """Root of the local store, if an option names it."""
        return self.datastore_root if self.datastore in BESIDE_FACTS else None

    def _root_of_spins(self, root: str | None) -> str:
        here = os.getcwd()
        return spin_root_beside(root or os.path.join(here, LOCAL_DIRECTORY), here, self.settings)

    def begin(self, configs: Mapping[str, Any] | None = None) -> None:
        """Compose the flow as far as its parameters; configs are settled if none are handed in."""
        from metaflow.authoring import composition

        if configs is None and composition.is_begun(self.flow):
            return
        if configs is None and composition.is_plain(self.flow):
            configs = {}
        if configs is None:
            from metaflow.cli.config_options import settled_configs

            configs = settled_configs(
                self.flow, self.given_configs, self.inherited_configs, self.parameter_context("")
            )
        composition.begin(self.flow, configs)

    def refuse_configs(self, command: str, which: str) -> None:
        """Refuse configs for a command that uses those of another run; say which that is."""
        if self.given_configs is not None:
            from click import UsageError

            raise UsageError(
                f"`{command}` uses the configs of the run that {which}: leave out `--config`, "
                "`--config-value` and `--local-config-file`."
            )

    def declare(self) -> FlowFacts | None:
        """Let the flow's decorators speak, the first time; None for a flow that can have none.

        The flow is composed, and the user is told what the decorators have to say.
        """
        if self._facts is None and may_have_decorators():
            self.begin()
            from metaflow.cli.flow_facts import declared_facts, refuse_strangers

            refuse_strangers(self.flow, self.given_loosely)
            self._facts = declared_facts(self.flow, self.flow_options, self.settings)
            for note in () if self.wants_help else self._facts.notes:
                self.console.note(note)
        return self._facts

    def parameter_context(self, name: str) -> ParameterContext:
        """Tell a function that computes a default what it may know."""
        from metaflow.authoring.composition import named_configs
        from metaflow.authoring.deploy_time import ParameterContext

        return ParameterContext(
            flow_name=self.flow_name,
            user_name=self.settings.user or "",
            parameter_name=name,
            logger=self.console.note,
            ds_type=self.datastore,
            configs=named_configs(self.flow),
        )

    def known_step(self, name: str) -> str:
        """Return the name of a step, and refuse one that the flow doesn't have."""
        steps = self.graph().sorted_nodes
        if name not in steps:
            from metaflow.errors.metadata import ObjectNotFound

            raise ObjectNotFound("step", f"{self.flow_name}/{name}", steps)
        return name

    def graph(self) -> Any:
        """Graph of the flow."""
        from metaflow.authoring.flowspec import flow_graph

        return flow_graph(self.flow)

    def decorated_graph(self) -> Any:
        """Graph of the flow with all decorators attached that a run would attach."""
        self.attach(self.all_decospecs(()))
        return self.graph()

    def attach(self, decospecs: tuple[str, ...]) -> None:
        """Compose the flow: decorators are added to all steps that do not have them."""
        from metaflow.authoring.composition import finish

        self.begin()
        finish(self.flow, decospecs)

    def all_decospecs(self, of_run: tuple[str, ...]) -> tuple[str, ...]:
        """Order the decorators to add to all steps, the most important first."""
        return tuple(dict.fromkeys((*of_run, *self.decospecs, *self.settings.default_decospecs)))

    def package_order(self) -> PackageOrder:
        """Say what of the user's code belongs to a package."""
        from metaflow.model.package import PackageOrder, all_suffixes

        script = os.path.abspath(self.script)
        return PackageOrder(
            os.path.dirname(script),
            os.path.basename(script),
            all_suffixes(self.settings.default_package_suffixes, self.package_suffixes),
            self.settings.user or "",
            self.settings.code_package_mb << 20,
            self.artifact_root,
        )

    def make_root(self) -> str:
        """Find the root of the local store; create it, and say so, if there is none."""
        here = os.getcwd()
        if self.is_of_spins and self._named_root is None:
            path = self._root_of_spins(find_local_root(here, self.settings))
            make_folders(path)
            return path
        path, created = ensure_local_root(here, self.settings, self._named_root)
        if created and os.path.dirname(path) == here:
            self.console.note(f"Creating local datastore in current directory ({path})")
        elif created:
            self.console.note(f"Creating local datastore {path}")
        elif not (os.path.dirname(path) == here or os.path.isdir(f"{path}/{self.flow_name}")):
            # Told just for the first run of a flow: who then looks for it here finds nothing.
            self.console.note(f"Using the local datastore {path}")
        return path


def script_of(flow: type[FlowSpec]) -> str:
    """Return the path of a flow's file."""
    module = sys.modules.get(flow.__module__)
    return str(getattr(module, "__file__", None) or sys.argv[0])
