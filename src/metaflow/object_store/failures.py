"""What a failed request means: which error it is, and whether to ask again."""

# No postponed annotations here: a NamedTuple would compile each of them at import.
import re
from typing import Final, NamedTuple

MISSING, EXISTS, BEYOND = "missing", "exists", "beyond"
"""No such object; there is one already; the range begins at its end or later."""
BUCKET, DENIED, NO_CREDENTIALS = "bucket", "denied", "no credentials"
"""No such bucket; no rights; nothing tells who asks."""
PASSING, CUT, LASTING = "passing", "cut", "lasting"
"""Worth asking again; an answer without its end, so the same; not worth it."""

AGAIN: Final = frozenset((408, 425, 429, 500, 502, 503, 504))
"""Answers that say nothing about the request: too slow, too many, out of order."""
AGAIN_BY_CODE: Final = frozenset(
    (
        "BadDigest",
        "ConditionalRequestConflict",
        "InternalError",
        "OperationAborted",
        "OperationTimedOut",
        "RequestTimeout",
        "ServerBusy",
        "SlowDown",
        "ThrottlingException",
        "XAmzContentSHA256Mismatch",
    )
)
"""The same by name; among them, that a body has changed on its way."""
NO_BUCKET: Final = frozenset(("NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted"))
REFUSALS: Final = frozenset((401, 403))

_STATUS: Final = re.compile(r"status code: (\d{3})(?: ([A-Z][A-Za-z ]*))?")
_CODE: Final = re.compile(r"<Code>([^<]{1,80})</Code>|\(code: (\w{1,80})\)")
_TEXT: Final = re.compile(r"<Message>([^<\n]{1,300})")
_SYSTEM: Final = re.compile(r'message: "([^"\n]{1,200})"')
_WORDS: Final = re.compile(r'(?:error: |Error\()"([^"\n]{1,200})"')
_KIND: Final = re.compile(r"kind: (Connect|Timeout|Request|Decode|Body|Interrupted|Unknown)\b")
_ADDRESS: Final = re.compile(r"https?://\S+")
_TOKEN: Final = re.compile(
    r"performing token request|Error performing [A-Z]+ https?://(?:169\.254\.|metadata\.)"
)
_NO_CONTAINER: Final = re.compile(r"The specified (?:container|bucket) does not exist")
_TOO_FAR: Final = re.compile(r"Wanted range starting at|status code: 416")
_TRANSPORT: Final = re.compile(r"HTTP error|connection closed")
_CUT: Final = re.compile(r"decoding response body|kind: (?:Decode|Body)\b")
_LOST: Final = re.compile(r"IncompleteMessage|ConnectionReset|BrokenPipe|ConnectionAborted")

_CLASSES: Final = {
    "AlreadyExistsError": EXISTS,
    "PreconditionError": EXISTS,
    "PermissionDeniedError": DENIED,
    "UnauthenticatedError": DENIED,
    "FileNotFoundError": MISSING,
}


class CutShort(Exception):
    """A server has closed an answer before its end, in a way that looks like the end."""

    def __str__(self) -> str:
        return "the answer was cut short"


class Fault(NamedTuple):
    """A failed request."""

    kind: str
    reason: str
    """In words for users; without addresses, which may hold signatures."""


def understand(error: BaseException) -> Fault:
    """Tell what an exception of the library means.

    The library has few classes of exceptions, so most is told by what the server has answered,
    which is in the text.
    """
    text = str(error)
    if isinstance(error, CutShort):
        return Fault(CUT, text)
    status = _STATUS.search(text)
    named = _CODE.search(text)
    code = (named[1] or named[2]) if named else ""
    reason = _reason(text, status, code)
    if _TOKEN.search(text):
        number = int(status[1]) if status else 0
        return Fault(PASSING if number in AGAIN else NO_CREDENTIALS, reason)
    if code in NO_BUCKET or _NO_CONTAINER.search(text):
        return Fault(BUCKET, reason)
    if code in AGAIN_BY_CODE:
        return Fault(PASSING, reason)
    if _TOO_FAR.search(text):
        return Fault(BEYOND, reason)
    kind = _CLASSES.get(type(error).__name__)
    if kind is not None:
        return Fault(kind, reason)
    number = int(status[1]) if status else int(code) if code.isdecimal() else 0
    if number in REFUSALS or code == "AccessDenied":
        return Fault(DENIED, reason)
    if number:
        return Fault(PASSING if number in AGAIN else LASTING, reason)
    if _CUT.search(text):
        return Fault(CUT, reason)
    return Fault(PASSING if _TRANSPORT.search(text) else LASTING, reason)


def _reason(text: str, status: re.Match[str] | None, code: str) -> str:
    """The few words in a long text that tell what has happened."""
    if status is not None:
        said = _TEXT.search(text)
        parts = [f"{status[1]} {status[2] or ''}".strip(), code]
        words = ", ".join(part for part in parts if part)
        return f"{words}: {said[1].strip().rstrip('.')}" if said else words
    for pattern in (_SYSTEM, _WORDS):
        found = pattern.search(text)
        if found is not None:
            return found[1].rstrip(".")
    kind = _KIND.search(text)
    if kind is not None and kind[1] == "Timeout":
        return "no answer in time"
    if _LOST.search(text):
        return "the connection was lost"
    first = text.split("\n", 1)[0]
    return _ADDRESS.sub("…", first)[:300].rstrip(".")
