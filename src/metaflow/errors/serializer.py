"""What can go wrong between artifacts and the serializers of plug-ins."""

from __future__ import annotations

from metaflow.errors.storage import DataException


class SerializerFailed(DataException):
    """A plug-in could not serialize an artifact, or not read one.

    Parameters
    ----------
    serializer : str
        Type of the serializer.
    artifact : str
        Name of the artifact, or its type where the name is not known.
    problem : str
        What happened.
    """

    headline = "Serializer failed"

    def __init__(self, serializer: str, artifact: str, problem: str) -> None:
        self.serializer: str = serializer
        self.artifact: str = artifact
        self.problem: str = problem
        super().__init__(f"Serializer `{serializer}` failed on artifact `{artifact}`: {problem}")


class SerializerMissing(DataException):
    """Nobody here can read what a plug-in has stored.

    Parameters
    ----------
    type_ : str
        Type of the value.
    serializer : str
        Type of the serializer that stored it.
    source : str
        The package that it came from.
    problem : str
        What is known of the reason.
    """

    headline = "Serializer missing"

    def __init__(self, type_: str, serializer: str, source: str, problem: str) -> None:
        self.type: str = type_
        self.serializer: str = serializer
        self.source: str = source
        super().__init__(
            f"An artifact of type `{type_}` was stored by the serializer `{serializer}` of the "
            f"package `{source}`, which cannot be used here: {problem}.",
            hint=f"install `{source}` and the libraries that it needs",
        )
