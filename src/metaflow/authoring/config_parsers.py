"""How files of common kinds become mappings: YAML, and lists of the packages a flow needs."""

from __future__ import annotations

import re
from typing import Any

from metaflow.errors.config import ParserUnavailable, ParserValueError

REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*"
    r"(?P<extras>\[[^\]]*\])?\s*"
    r"\(?(?P<versions>(?:(?:~=|===?|!=|<=?|>=?)\s*[^\s,;()]+\s*,?\s*)*)\)?"
)
CONDA_DEPENDENCY = re.compile(
    r"(?:[\w./-]+::)?(?P<name>[A-Za-z0-9_.-]+)\s*(?P<version>(?:[=<>!~ ].*)?)"
)


def yaml_parser(content: str) -> Any:
    """Read YAML.

    Parameters
    ----------
    content : str
        The text of a file.

    Returns
    -------
    Any
        What it holds, usually a dict.

    Raises
    ------
    ParserUnavailable
        PyYAML is not installed.
    ParserValueError
        The text is not YAML.
    """
    try:
        import yaml
    except ImportError as error:
        raise ParserUnavailable("YAML", "PyYAML", "pip install pyyaml") from error
    try:
        return yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise ParserValueError(f"This is not YAML: {error}") from error


def requirements_txt_parser(content: str) -> dict[str, Any]:
    """Read a `requirements.txt`.

    Parameters
    ----------
    content : str
        The text of the file: one package per line, with or without versions. A line
        `python==3.12` sets the version of Python.

    Returns
    -------
    dict
        `packages`, which maps names (with extras) to versions, and `python`, a version or
        None: what `@pypi_base(**cfg)` takes. Exact versions are without `==`.

    Raises
    ------
    ParserValueError
        A line is something else: an option, a URL, a condition on the environment.
    """
    joined = content.replace("\\\n", " ")
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines())
    return _from_requirements([line for line in lines if line])


def pyproject_toml_parser(content: str) -> dict[str, Any]:
    """Read the dependencies of a project from its `pyproject.toml`.

    Parameters
    ----------
    content : str
        The text of the file. Its `[project]` table is read: `dependencies` and
        `requires-python`.

    Returns
    -------
    dict
        `packages` and `python` as from `requirements_txt_parser`.

    Raises
    ------
    ParserValueError
        The text is not TOML, has no such table, or has a dependency that is more than a
        name with versions.
    """
    import tomllib

    try:
        project = tomllib.loads(content).get("project")
    except tomllib.TOMLDecodeError as error:
        raise ParserValueError(f"This is not TOML: {error}") from error
    if not isinstance(project, dict):
        raise ParserValueError("There is no table `[project]` in this `pyproject.toml`.")
    found = _from_requirements(project.get("dependencies", []))
    python = project.get("requires-python")
    return found if python is None else {**found, "python": _bare(python)}


def conda_environment_yml_parser(content: str) -> dict[str, Any]:
    """Read the dependencies of an `environment.yml`, as conda writes it.

    Parameters
    ----------
    content : str
        The text of the file.

    Returns
    -------
    dict
        `packages` and `python`: what `@conda_base(**cfg)` takes.

    Raises
    ------
    ParserUnavailable
        PyYAML is not installed.
    ParserValueError
        The text is not YAML, has no `dependencies`, or has one that is no conda package.
    """
    data = yaml_parser(content)
    dependencies = data.get("dependencies") if isinstance(data, dict) else None
    if not isinstance(dependencies, list):
        raise ParserValueError("There is no list `dependencies` in this environment.")
    packages: dict[str, str] = {}
    python: str | None = None
    for dependency in dependencies:
        found = CONDA_DEPENDENCY.fullmatch(dependency) if isinstance(dependency, str) else None
        if found is None:
            raise ParserValueError(
                f"`{dependency}` is not a conda package.",
                hint="packages from PyPI belong into a `requirements.txt` and `@pypi_base`",
            )
        version = found["version"].strip()
        if found["name"] == "python":
            python = _bare(version) or None
        else:
            packages[found["name"]] = _bare(version)
    return {"packages": packages, "python": python}


def _from_requirements(lines: list[Any]) -> dict[str, Any]:
    packages: dict[str, str] = {}
    python: str | None = None
    for line in lines:
        found = REQUIREMENT.fullmatch(line.strip()) if isinstance(line, str) else None
        if found is None:
            raise ParserValueError(
                f"`{line}` is not a package with versions.",
                hint="conditions on the environment, URLs and options cannot be expressed here",
            )
        version = _bare(re.sub(r"\s", "", found["versions"]).rstrip(","))
        if found["name"].lower() == "python":
            python = version or None
        else:
            packages[found["name"] + re.sub(r"\s", "", found["extras"] or "")] = version
    return {"packages": packages, "python": python}


def _bare(version: str) -> str:
    """Drop the sign of an exact version; it is what a version without a sign means."""
    version = version.strip()
    return version.lstrip("=").strip() if version.startswith("=") else version
