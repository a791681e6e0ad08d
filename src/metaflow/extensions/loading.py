"""What extension packages add, by kind and by module of ours; broken ones are left out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, Final

from metaflow import entry_points, registry
from metaflow.errors.extension import ExtensionBroken
from metaflow.extensions.discovery import Extension, discover, namespace_folders
from metaflow.extensions.toggles import toggled
from metaflow.settings.extending import search_dirs, shows_loading
from metaflow.settings.load import OVERRIDES, load_settings

DESCRIPTIONS: Final = {
    "ARTIFACT_SERIALIZER": "serializer",
    "CLI": "cli",
    "CMD": "command",
    "DEPLOYER_IMPL_PROVIDER": "deploy_target",
    "FLOW_DECORATOR": "flow_decorator",
    "LOGGING_SIDECAR": "event_logger",
    "MONITOR_SIDECAR": "monitor",
    "RUNNER_CLI": "runner_cli",
    "SECRETS_PROVIDER": "secret_source",
    "STEP_DECORATOR": "step_decorator",
    "TL_PLUGIN": "toplevel",
}
"""Category, as in `STEP_DECORATORS_DESC` -> kind in the registry."""
UNUSED: Final = (
    "AWS_CLIENT_PROVIDER",
    "AZURE_CLIENT_PROVIDER",
    "DATACLIENT",
    "DATASTORE",
    "ENVIRONMENT",
    "GCP_CLIENT_PROVIDER",
    "METADATA_PROVIDER",
    "SIDECAR",
)
"""Categories that this version has no use for; whoever looks for the reason is told."""

Plugins = Mapping[str, Callable[[], Any] | None]


def install() -> None:
    """Offer what extension packages add to the registry and to the settings."""
    extensions = LoadedExtensions(discover(namespace_folders(search_dirs())))
    registry.added.extensions = extensions
    OVERRIDES.append(extensions.settings)
    extensions.promote()


class LoadedExtensions:
    """All extension packages of this process.

    Parameters
    ----------
    found : iterable of Extension
        Their modules, those that win last.
    """

    def __init__(self, found: Iterable[Extension]) -> None:
        self._plugins: dict[str, Plugins] = {}
        self._values: dict[str, dict[str, Any]] = {}
        self._note = _Notes()
        self._modules: dict[str, list[tuple[Extension, ModuleType]]] = {}
        self._found = list(found)

    def _speakers(self, point: str) -> list[tuple[Extension, ModuleType]]:
        """Modules that speak for a point, imported when first asked for."""
        if point not in self._modules:
            # While one is imported it may ask for others of its kind.
            loaded = self._modules[point] = []
            for extension in self._found:
                if extension.point == point:
                    try:
                        module = import_module(extension.module)
                    except Exception as error:
                        self._note.broken(extension, error)
                        continue
                    self._note.loaded(extension, module)
                    loaded.append((extension, module))
        return self._modules[point]

    # ── plugins ──────────────────────────────────────────────────────────────────────────

    def plugins(self, kind: str) -> Plugins:
        """Implementations of a kind by name; None for those that are switched off."""
        if kind not in self._plugins:
            self._plugins[kind] = {}
            self._plugins[kind] = self._read_plugins(kind)
        return self._plugins[kind]

    def _read_plugins(self, kind: str) -> Plugins:
        category = next((name for name, known in DESCRIPTIONS.items() if known == kind), None)
        if category is None:
            return {}
        point = "cmd" if kind == "command" else "plugins"
        found: dict[str, Callable[[], Any] | None] = dict(
            self._described(point, f"{category}S_DESC")
        )
        known = {*found, *(name for group, name in registry.BUILT_IN if group == kind)}
        known |= entry_points.offered(kind).keys()
        said = [getattr(module, f"TOGGLE_{category}", ()) for _, module in self._speakers(point)]
        enabled = toggled(known, load_settings().raw, category, said)
        found.update(dict.fromkeys(known - enabled))
        return found

    def _described(self, point: str, name: str) -> Iterable[tuple[str, Callable[[], Any]]]:
        for extension, module in self._speakers(point):
            for entry, target in getattr(module, name, ()):
                yield entry, _Maker(extension, entry, target)

    # ── names for our modules ────────────────────────────────────────────────────────────

    def values(self, point: str) -> Mapping[str, Any]:
        """Names that extensions define for one of the package's modules."""
        if point not in self._values:
            found = self._values[point] = {}
            if point == "alias":
                found.update(self._described("alias", "ALIASES_DESC"))
            elif point == "toplevel":
                self._read_toplevel(found)
            else:
                for _, module in self._speakers(point):
                    found.update(_public(module))
        return self._values[point]

    def _read_toplevel(self, found: dict[str, Any]) -> None:
        for extension, module in self._speakers("toplevel"):
            name = getattr(module, "toplevel", None)
            if isinstance(name, str):
                try:
                    module = import_module(f"{extension.package}.{name}")  # noqa: PLW2901 - it speaks in place of the other
                except Exception as error:
                    self._note.broken(extension, error)
                    continue
            found.update(_public(module))

    def settings(self) -> Mapping[str, str]:
        """Settings that extensions define, as text, and decospecs that they switch."""
        values = {name: value for name, value in self.values("config").items() if name.isupper()}
        said = [getattr(module, "TOGGLE_DECOSPECS", ()) for _, module in self._speakers("config")]
        if any(said):
            chosen = str(values.get("DEFAULT_DECOSPECS", "")).split()
            values["DEFAULT_DECOSPECS"] = " ".join(_switched(chosen, said))
        return {name: _as_text(value) for name, value in values.items() if _is_setting(value)}

    # ── modules under other names ────────────────────────────────────────────────────────

    def promote(self) -> None:
        """Let modules of extensions be imported as if they were ours, where they ask for it."""
        aliases: dict[str, str] = {}
        for point in ("plugins", "toplevel"):
            for extension, module in self._speakers(point):
                entries = list(getattr(module, "__mf_promote_submodules__", ()))
                name = getattr(module, "toplevel", None)
                if isinstance(name, str):
                    from metaflow.extensions.promotion import promoted_by_source

                    entries += promoted_by_source(f"{extension.package}.{name}")
                for entry in entries:
                    aliases[f"metaflow.{entry}"] = (
                        f"metaflow_extensions.{extension.organization}.{entry}"
                    )
        if aliases:
            from metaflow.extensions.promotion import PromotedModules

            sys.meta_path.insert(0, PromotedModules(aliases))


class _Maker:
    """Makes one implementation when it is asked for."""

    def __init__(self, extension: Extension, name: str, target: str) -> None:
        self._extension = extension
        self.source: str = extension.origin
        """Whose it is, for those who record it."""
        self._name = name
        self._target = f"{extension.package}{target}" if target.startswith(".") else target

    def __call__(self) -> Any:
        module, _, attribute = self._target.rpartition(".")
        try:
            return getattr(import_module(module), attribute)
        except Exception as error:
            raise ExtensionBroken(
                self._name, self._target, self._extension.origin, error
            ) from error


class _Notes:
    """Tells what was loaded, if somebody wants to know, and what could not be."""

    def __init__(self) -> None:
        self._wants_all = shows_loading()
        # The launcher has told it already; a task's log is for what the task says.
        self._is_silent = sys.argv[1:2] == ["_worker"]

    def loaded(self, extension: Extension, module: ModuleType) -> None:
        if not self._wants_all:
            return
        self._say(f"loaded {extension.module} of {extension.origin}")
        for category in UNUSED:
            if getattr(module, f"{category}S_DESC", None):
                self._say(f"this version has no use for {category}S_DESC of {extension.module}")

    def broken(self, extension: Extension, error: Exception) -> None:
        text = f"{type(error).__name__}: {error}"
        self._say(f"{extension.module} of {extension.origin} is left out: {text}")
        if self._wants_all and not self._is_silent:
            import traceback

            traceback.print_exception(error)

    def _say(self, text: str) -> None:
        if not self._is_silent:
            print(f"Metaflow extensions: {text}", file=sys.stderr)  # noqa: T201 - there is no console yet


def _public(module: ModuleType) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and not isinstance(value, ModuleType) and name != "toplevel"
    }


def _switched(chosen: list[str], said: Iterable[Iterable[str]]) -> list[str]:
    for entries in said:
        for entry in entries:
            if entry.startswith("-"):
                chosen = [spec for spec in chosen if spec.partition(":")[0] != entry[1:]]
            elif entry.removeprefix("+") not in chosen:
                chosen = [*chosen, entry.removeprefix("+")]
    return chosen


def _is_setting(value: Any) -> bool:
    return isinstance(value, str | int | float | bool | list | dict | tuple)


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    import json

    return str(int(value)) if isinstance(value, bool) else json.dumps(value)
