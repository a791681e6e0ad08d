#!/usr/bin/env python3
"""Start and stop the real servers that tests talk to; each is installed when it is missing.

    services/run.py start radosgw        starts it, or finds it running; prints how to reach it
    services/run.py env radosgw          the same as lines for a shell: eval "$(… env radosgw)"
    services/run.py list                 what runs
    services/run.py stop [NAME ...]      stops all, or these

All servers listen on loopback only, on ports that are free. What they keep is in `.services/`,
and stopping removes it; what was installed there stays.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from typing import TYPE_CHECKING

import azurite
import gcs
import radosgw
from daemons import CannotInstall, Place, ServiceFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STARTS: dict[str, Callable[[Place], dict[str, str]]] = {
    "azurite": azurite.start,
    "gcs": gcs.start,
    "radosgw": radosgw.start,
}
"""What starts a service and returns the environment of its clients."""

NEEDS: dict[str, tuple[str, ...]] = {"gcs": ("radosgw",)}
"""What has to run before."""

IS_CURRENT: dict[str, Callable[[Place], bool]] = {"gcs": gcs.is_current}
"""Tells of a service that runs whether it still makes sense."""

EXIT_CANNOT_INSTALL = 3
"""A service is missing and can't be installed here, which is no fault of its own."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    try:
        return options.action(options)
    except ServiceFailed as error:
        print(error, file=sys.stderr)
        return EXIT_CANNOT_INSTALL if isinstance(error, CannotInstall) else 1


def _start(options: argparse.Namespace) -> int:
    found = _running(options.names or sorted(STARTS), temporary=options.temporary)
    print(json.dumps(found, indent=2))
    return 0


def _env(options: argparse.Namespace) -> int:
    for environment in _running(options.names, temporary=False).values():
        for name, value in environment.items():
            print(f"export {name}={shlex.quote(value)}")
    return 0


def _list(_options: argparse.Namespace) -> int:
    for name in sorted(STARTS):
        environment = Place(name).environment()
        print(f"{name}: {'stopped' if environment is None else json.dumps(environment)}")
    return 0


def _stop(options: argparse.Namespace) -> int:
    for name in options.names or sorted(STARTS, key=lambda name: name not in NEEDS):
        place = Place(name)
        with place.alone():
            if not options.temporary or place.is_temporary():
                place.stop()
    return 0


def _running(names: Sequence[str], *, temporary: bool) -> dict[str, dict[str, str]]:
    found = {}
    for name in names:
        _running(NEEDS.get(name, ()), temporary=temporary)
        place = Place(name)
        with place.alone():
            environment = place.environment()
            if environment is None or not IS_CURRENT.get(name, bool)(place):
                place.stop()  # parts of it may be left
                try:
                    environment = STARTS[name](place)
                except BaseException:
                    place.stop()
                    raise
                place.remember(environment, temporary=temporary)
            found[name] = environment
    return found


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    for name, action, help_text in (
        ("start", _start, "start services, all by default"),
        ("env", _env, "start services and print the environment of their clients"),
        ("list", _list, "what runs"),
        ("stop", _stop, "stop services, all by default"),
    ):
        command = commands.add_parser(name, help=help_text)
        command.set_defaults(action=action)
        if name != "list":
            nargs = "+" if name == "env" else "*"
            command.add_argument("names", nargs=nargs, choices=[*STARTS, []], metavar="NAME")
        if name in {"start", "stop"}:
            command.add_argument(
                "--temporary",
                action="store_true",
                help="what is started is for tests; stop only such",
            )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
