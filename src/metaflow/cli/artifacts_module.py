"""What a file with `ARTIFACTS` gives to a spun step."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from metaflow.errors.run import ArtifactsModuleWrong

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "ARTIFACTS"


def load_artifacts(path: str) -> dict[str, Any]:
    """Run a file and return its `ARTIFACTS`.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    dict
        Values by name, or, for a join, dicts of these by input.

    Raises
    ------
    ArtifactsModuleWrong
        There is no such file, it fails, or it defines no such dict.
    """
    from importlib.util import module_from_spec, spec_from_file_location

    if not os.path.isfile(path):
        raise ArtifactsModuleWrong(path, "is no file")
    name = os.path.splitext(os.path.basename(path))[0]
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ArtifactsModuleWrong(path, "is not a Python file", "give it a name that ends in .py")
    module = module_from_spec(spec)
    # Classes that it defines are found again when their instances are pickled.
    sys.modules.setdefault(name, module)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        from metaflow.errors.frames import user_traceback

        raise ArtifactsModuleWrong(path, f"has failed:\n{user_traceback(error)}") from error
    values = getattr(module, NAME, None)
    if not isinstance(values, Mapping):
        raise ArtifactsModuleWrong(
            path,
            f"defines no dict `{NAME}`",
            f'write `{NAME} = {{"name": value}}`, or for a join the same for each input, by '
            "its `run/step/task`",
        )
    return dict(values)


def check_names(path: str, values: Mapping[Any, Any]) -> dict[str, Any]:
    """Refuse what can't be the name of an artifact."""
    for name in values:
        if not isinstance(name, str) or not name.isidentifier():
            raise ArtifactsModuleWrong(path, f"has the name {name!r}, which no artifact can have")
    return dict(values)


def check_inputs(
    path: str, values: Mapping[str, Any], flow: str, inputs: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Sort the values for a join by its inputs.

    Parameters
    ----------
    path : str
        The file, for errors.
    values : mapping
        Its `ARTIFACTS`.
    flow : str
        Name of the flow, which may stand in front of a key.
    inputs : sequence of str
        The inputs as `run/step/task`.

    Returns
    -------
    dict
        Values by `run/step/task`, then by name.

    Raises
    ------
    ArtifactsModuleWrong
        A key is not one of the inputs, or its value is no dict.
    """
    found = {}
    for key, own in values.items():
        place = str(key).removeprefix(f"{flow}/")
        if place not in inputs:
            shown = ", ".join(f"`{one}`" for one in inputs[:5])
            raise ArtifactsModuleWrong(
                path, f"has `{key}`, which is not an input of the join", f"its inputs are {shown}"
            )
        if not isinstance(own, Mapping):
            raise ArtifactsModuleWrong(path, f"has no dict of artifacts for the input `{key}`")
        found[place] = check_names(path, own)
    return found
