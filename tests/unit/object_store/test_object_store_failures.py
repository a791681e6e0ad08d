"""What answers of servers mean, how often is asked again, and what users are told."""

from __future__ import annotations

import pytest

from metaflow.object_store.failures import (
    BEYOND,
    BUCKET,
    CUT,
    DENIED,
    EXISTS,
    LASTING,
    MISSING,
    NO_CREDENTIALS,
    PASSING,
    CutShort,
    understand,
)
from metaflow.object_store.retrying import FIRST_PAUSE_S, LONGEST_PAUSE_S, Patience


def library_error(name: str, text: str) -> Exception:
    if name == "FileNotFoundError":
        return FileNotFoundError(text)
    return type(name, (Exception,), {})(text)


def answered(status: str, code: str = "", message: str = "") -> str:
    return (
        "Generic S3 error: Error performing PUT https://b.example/k?sig=SECRET in 1ms - Server "
        f"returned non-2xx status code: {status}: <Error><Code>{code}</Code>"
        f"<Message>{message}</Message></Error>"
    )


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("FileNotFoundError", answered("404 Not Found", "NoSuchKey"), MISSING),
        ("FileNotFoundError", answered("404 Not Found", "NoSuchBucket"), BUCKET),
        ("FileNotFoundError", answered("404 Not Found", "ContainerNotFound"), BUCKET),
        ("GenericError", answered("404 Not Found", "NoSuchBucket"), BUCKET),
        ("AlreadyExistsError", answered("412 Precondition Failed", "PreconditionFailed"), EXISTS),
        ("AlreadyExistsError", answered("409 Conflict", "BlobAlreadyExists"), EXISTS),
        ("GenericError", answered("409 Conflict", "ConditionalRequestConflict"), PASSING),
        ("PermissionDeniedError", answered("403 Forbidden", "AccessDenied"), DENIED),
        ("UnauthenticatedError", answered("401 Unauthorized"), DENIED),
        ("GenericError", answered("403 Forbidden", "AccessDenied"), DENIED),
        ("GenericError", answered("416 Range Not Satisfiable", "InvalidRange"), BEYOND),
        ("GenericError", "Wanted range starting at 5, but object was only 5 bytes long", BEYOND),
        ("GenericError", answered("500 Internal Server Error", "InternalError"), PASSING),
        ("GenericError", answered("503 Service Unavailable", "SlowDown"), PASSING),
        ("GenericError", answered("429 Too Many Requests"), PASSING),
        ("GenericError", answered("400 Bad Request", "InvalidRequest"), LASTING),
        ("GenericError", answered("400 Bad Request", "RequestTimeout"), PASSING),
        ("GenericError", answered("501 Not Implemented", "NotImplemented"), LASTING),
        ("GenericError", "Error performing PUT http://h/k in 1ms - HTTP error: x", PASSING),
        ("GenericError", "HTTP error: request or response body error kind: Body", CUT),
        ("GenericError", answered("400 Bad Request", "XAmzContentSHA256Mismatch"), PASSING),
        ("GenericError", "HTTP error: error sending request IncompleteMessage", PASSING),
        ("GenericError", "Bulk delete request failed for key k: x (code: AccessDenied)", DENIED),
        ("GenericError", "Bulk delete request failed for key k: x (code: 503)", PASSING),
        ("FileNotFoundError", "key k: The specified blob does not exist. (code: 404)", MISSING),
        ("FileNotFoundError", "key k: The specified container does not exist. (code: 404)", BUCKET),
        ("GenericError", "Error performing token request: x", NO_CREDENTIALS),
        ("GenericError", "Error performing PUT http://169.254.169.254/x in 1s", NO_CREDENTIALS),
        ("NotSupportedError", "Operation not supported", LASTING),
    ],
)
def test_kinds_of_faults(name, text, kind):
    fault = understand(library_error(name, text))
    assert fault.kind == kind
    assert "SECRET" not in fault.reason


def test_reasons_are_short():
    said = answered("403 Forbidden", "AccessDenied", "You shall not pass.")
    assert (
        understand(library_error("X", said)).reason
        == "403 Forbidden, AccessDenied: You shall not pass"
    )
    refused = 'HTTP error: error sending request\n ... message: "Connection refused", ...'
    assert understand(library_error("X", refused)).reason == "Connection refused"
    silent = "HTTP error: error sending request\n HttpError { kind: Timeout, source: x }"
    assert understand(library_error("X", silent)).reason == "no answer in time"
    assert understand(CutShort()).reason == "the answer was cut short"
    assert understand(library_error("X", "odd http://h/k?sig=SECRET end")).reason == "odd … end"


class Time:
    """A clock that goes on only while somebody waits, or as told."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def patience(self, **settings) -> Patience:
        settings = {"chance": lambda: 1.0, **settings}
        return Patience(clock=lambda: self.now, sleep=self.sleep, **settings)


def failing(times: int, error: Exception):
    tries = []

    def ask(before: int) -> str:
        tries.append(before)
        if len(tries) <= times:
            raise error
        return "answer"

    return ask, tries


def test_asks_again_until_there_is_an_answer():
    time = Time()
    ask, tries = failing(3, OSError())
    assert time.patience().persist(ask, lambda _error: True) == "answer"
    assert tries == [0, 1, 2, 3]
    assert time.pauses == [FIRST_PAUSE_S * 2, FIRST_PAUSE_S * 4, FIRST_PAUSE_S * 8]


def test_pauses_are_of_random_length_and_bounded():
    time = Time()
    half = time.patience(chance=lambda: 0.5)
    assert half.pause(0) == FIRST_PAUSE_S
    assert half.pause(50) == LONGEST_PAUSE_S / 2
    pauses = [Patience().pause(3) for _ in range(200)]
    assert len(set(pauses)) > 100
    assert 0 <= min(pauses) <= max(pauses) <= FIRST_PAUSE_S * 16


def test_gives_up_after_so_many_tries():
    time, error = Time(), OSError("still")
    ask, tries = failing(100, error)
    with pytest.raises(OSError, match="still") as caught:
        time.patience(retries=4).persist(ask, lambda _error: True)
    assert caught.value is error
    assert len(tries) == 5


def test_gives_up_at_the_deadline():
    time = Time()
    ask, _tries = failing(100, OSError())
    with pytest.raises(OSError):
        time.patience(retries=1000, deadline_s=60).persist(ask, lambda _error: True)
    assert 30 < time.now - 1000 <= 60


def test_what_does_not_pass_is_not_repeated():
    time = Time()
    ask, tries = failing(1, OSError())
    with pytest.raises(OSError):
        time.patience().persist(ask, lambda _error: False)
    assert (tries, time.pauses) == ([0], [])


def test_an_interruption_is_passed_on():
    def ask(_before: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Time().patience().persist(ask, lambda _error: True)
