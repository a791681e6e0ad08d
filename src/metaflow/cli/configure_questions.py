"""What `metaflow configure` asks for each cloud, and which settings come of the answers."""

from __future__ import annotations

import base64
import binascii
import json
import re
import sys
import zlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from metaflow.cli.flow import AVAILABLE
from metaflow.errors.input import CommandException

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from metaflow.cli.console import Console

_SECRET: Final = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|HEADERS|CREDENTIALS)S?$")
LARGEST_TEXT: Final = 1 << 20
"""A sandbox's settings are a few hundred bytes; a text that grows beyond this is no such thing."""


class Question(NamedTuple):
    """One setting that a user is asked for."""

    key: str
    text: str
    default: str = ""
    """Offered if the profile has no value; `{KEY}` stands for an earlier answer."""
    required: bool = False


class Part(NamedTuple):
    """Questions about one service, which the user may leave out."""

    name: str
    questions: tuple[Question, ...]
    fixed: tuple[tuple[str, str], ...] = ()
    """Settings that follow from using the service at all."""
    required: bool = False


class Topic(NamedTuple):
    """One command of `configure`."""

    name: str
    help: str
    parts: tuple[Part, ...] = ()
    replaces: bool = False
    """The answers are all that the profile will hold."""


def is_secret(key: str) -> bool:
    """Say whether the name of a setting is that of a secret."""
    return _SECRET.search(key) is not None


_SERVICE: Final = Part(
    "a metadata service",
    (
        Question("METAFLOW_SERVICE_URL", "Address of the service", required=True),
        Question(
            "METAFLOW_SERVICE_INTERNAL_URL",
            "Its address for tasks in the cloud",
            "{METAFLOW_SERVICE_URL}",
        ),
        Question("METAFLOW_SERVICE_AUTH_KEY", "Key of the service"),
    ),
    (("METAFLOW_DEFAULT_METADATA", "service"),),
)
_BATCH: Final = Part(
    "AWS Batch for steps",
    (
        Question("METAFLOW_BATCH_JOB_QUEUE", "Job queue", required=True),
        Question("METAFLOW_ECS_S3_ACCESS_IAM_ROLE", "IAM role of the jobs", required=True),
        Question("METAFLOW_BATCH_CONTAINER_REGISTRY", "Container registry"),
        Question("METAFLOW_BATCH_CONTAINER_IMAGE", "Container image"),
    ),
)
_STEP_FUNCTIONS: Final = Part(
    "AWS Step Functions for schedules",
    (
        Question("METAFLOW_SFN_IAM_ROLE", "IAM role of the state machines", required=True),
        Question("METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE", "IAM role of the schedules", required=True),
        Question("METAFLOW_SFN_DYNAMO_DB_TABLE", "DynamoDB table for foreachs"),
    ),
)
TOPICS: Final = (
    Topic(
        "aws",
        "Use Amazon Web Services.",
        (
            Part(
                "Amazon S3 for artifacts",
                (
                    Question("METAFLOW_DATASTORE_SYSROOT_S3", "Folder (s3://…)", required=True),
                    Question(
                        "METAFLOW_DATATOOLS_S3ROOT",
                        "Folder for metaflow.S3",
                        "{METAFLOW_DATASTORE_SYSROOT_S3}/data",
                    ),
                ),
                (("METAFLOW_DEFAULT_DATASTORE", "s3"),),
            ),
            _SERVICE,
            _BATCH,
            _STEP_FUNCTIONS,
        ),
    ),
    Topic(
        "azure",
        "Use Microsoft Azure.",
        (
            Part(
                "Azure Blob Storage for artifacts",
                (
                    Question(
                        "METAFLOW_DATASTORE_SYSROOT_AZURE", "Folder (container/…)", required=True
                    ),
                    Question(
                        "METAFLOW_AZURE_STORAGE_BLOB_SERVICE_ENDPOINT",
                        "Address of the storage account",
                        required=True,
                    ),
                ),
                (("METAFLOW_DEFAULT_DATASTORE", "azure"),),
            ),
            _SERVICE,
        ),
    ),
    Topic(
        "gcp",
        "Use Google Cloud.",
        (
            Part(
                "Google Cloud Storage for artifacts",
                (Question("METAFLOW_DATASTORE_SYSROOT_GS", "Folder (gs://…)", required=True),),
                (("METAFLOW_DEFAULT_DATASTORE", "gs"),),
            ),
            _SERVICE,
        ),
    ),
    Topic(
        "kubernetes",
        "Use Kubernetes for steps.",
        (
            Part(
                "Kubernetes for steps",
                (
                    Question("METAFLOW_KUBERNETES_NAMESPACE", "Namespace", "default"),
                    Question("METAFLOW_KUBERNETES_SERVICE_ACCOUNT", "Service account", "default"),
                    Question("METAFLOW_KUBERNETES_CONTAINER_REGISTRY", "Container registry"),
                    Question("METAFLOW_KUBERNETES_CONTAINER_IMAGE", "Container image"),
                ),
                required=True,
            ),
        ),
    ),
    Topic("sandbox", "Use a sandbox, with the text that its page shows.", replaces=True),
)


def ask_all(topic: Topic, console: Console, before: Mapping[str, Any]) -> dict[str, str]:
    """Ask the questions of a topic.

    Parameters
    ----------
    topic : Topic
        What is asked.
    console : Console
        Where the parts are announced.
    before : mapping of str to Any
        The profile's settings, which are offered as answers.

    Returns
    -------
    dict of str to str
        The settings that come of the answers; what was left out is not among them.
    """
    if not topic.parts:
        return _read_sandbox(_prompt("Paste the text", hide_input=True))
    made: dict[str, str] = {}
    for part in topic.parts:
        if not part.required and not _confirm(f"Use {part.name}?"):
            continue
        if part.required:
            console.say(f"Settings of {part.name}:")
        made.update(part.fixed)
        for question in part.questions:
            answer = _ask(question, {**before, **made})
            if answer:
                made[question.key] = answer
    return made


def _ask(question: Question, known: Mapping[str, Any]) -> str:
    key = question.key
    if is_secret(key):
        # What is known of a secret is not shown, but kept by an empty answer.
        kept = str(known.get(key, ""))
        hint = " (empty to keep it)" if kept else ""
        return _prompt(f"  {question.text}{hint}", default="", hide_input=True) or kept
    offered = str(known.get(key) or question.default)
    for name, value in known.items():
        offered = offered.replace(f"{{{name}}}", str(value).rstrip("/"))
    default = offered or (None if question.required else "")
    return _prompt(f"  {question.text}", default=default)


def _prompt(text: str, *, default: str | None = None, hide_input: bool = False) -> str:
    answer = click.prompt(
        text,
        default=default,
        # Without a terminal nothing is echoed, and there is no echo to turn off.
        hide_input=hide_input and sys.stdin.isatty(),
        show_default=bool(default) and not hide_input,
        err=True,
    )
    return str(answer).strip()


def _confirm(text: str) -> bool:
    return click.confirm(text, default=True, err=True)


def _read_sandbox(text: str) -> dict[str, str]:
    """Unpack what a sandbox's page shows: a JSON object, compressed, in base 64."""
    unpacker = zlib.decompressobj()
    try:
        packed = base64.b64decode(text, validate=True)
        values = json.loads(unpacker.decompress(packed, LARGEST_TEXT))
    except (binascii.Error, zlib.error, ValueError) as error:
        raise CommandException(
            "The text is not that of a sandbox.", hint="copy all of it, without line breaks"
        ) from error
    if not isinstance(values, dict):
        raise CommandException("The text is not that of a sandbox.")
    return {str(key): str(value) for key, value in values.items()}


def without_back_end(made: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Find the defaults that name what this installation does not have."""
    for kind, available in AVAILABLE.items():
        key = f"METAFLOW_DEFAULT_{kind.upper()}"
        if made.get(key, "local") not in available:
            yield key, made[key]
