"""Which texts are schedules in cron's notation, of five fields or of six with a year."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_MONTHS: Final = tuple("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" "))  # noqa: SIM905 - reads better
_DAYS: Final = tuple("SUN MON TUE WED THU FRI SAT".split(" "))  # noqa: SIM905 - the same


class Field(NamedTuple):
    """What may stand in one place of a schedule."""

    label: str
    first: int
    last: int
    names: tuple[str, ...] = ()
    """Words for the numbers, beginning with the word for `first` or, for weekdays, for 0."""
    extra: str = ""
    """What else a single value may be, as a pattern."""


FIELDS: Final = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of the month", 1, 31, (), r"\?|L|LW|L-\d{1,2}|\d{1,2}W"),
    Field("month", 1, 12, _MONTHS),
    Field("day of the week", 0, 7, _DAYS, r"\?|L|[0-7]L|[A-Z]{3}L|(?:[0-7]|[A-Z]{3})#[1-5]"),
    Field("year", 1970, 2199),
)
FIVE: Final = 5


def cron_problem(text: str) -> str | None:
    """Say what is wrong with a schedule; None if nothing is.

    Parameters
    ----------
    text : str
        Five or six fields, separated by spaces.

    Returns
    -------
    str or None
        A clause that tells what would be right.
    """
    parts = text.split()
    if not FIVE <= len(parts) <= len(FIELDS):
        return (
            "a schedule has five fields (minute, hour, day of the month, month, day of the week) "
            f"or a sixth for the year, and this has {len(parts)}"
        )
    for field, part in zip(FIELDS, parts, strict=False):
        for item in part.upper().split(","):
            if not _fits(field, item):
                return (
                    f"`{item or part}` is no {field.label}, which goes from {field.first} to "
                    f"{field.last}"
                )
    if parts[2] == "?" and parts[4] == "?":
        return "`?` can stand for one of the two kinds of day, not for both"
    return None


def _fits(field: Field, item: str) -> bool:
    if field.extra and re.fullmatch(field.extra, item):
        return not re.match(r"[A-Z]{3}", item) or item[:3] in field.names
    span, slash, step = item.partition("/")
    if slash and not (step.isdecimal() and int(step) > 0):
        return False
    if span == "*":
        return True
    low, dash, high = span.partition("-")
    ends = [_number(field, low)]
    if dash:
        ends.append(_number(field, high))
    numbers = [number for number in ends if number is not None]
    if len(numbers) < len(ends):
        return False
    # Weekdays may go round the end of the week: FRI-MON.
    return numbers == sorted(numbers) or field.label == "day of the week"


def _number(field: Field, text: str) -> int | None:
    if text in field.names:
        return field.names.index(text) + (1 if field.label == "month" else 0)
    number = int(text) if text.isdecimal() else -1
    return number if field.first <= number <= field.last else None
