"""Which texts are schedules."""

from __future__ import annotations

import pytest

from metaflow.decorators.cron import cron_problem


@pytest.mark.parametrize(
    "text",
    [
        "0 0 * * ? *",
        "0 * * * ? *",
        "0 0 ? * SUN *",
        "* * * * *",
        "*/5 8-18 1,15 JAN-MAR MON-FRI",
        "0 10 ? * FRI-MON 2024-2030",
        "0/15 0 LW * ? *",
        "0 0 L-3 * ?",
        "0 0 15W feb ?",
        "0 0 ? * 6#3 *",
        "0 0 ? * friL *",
        "0 0 * * 7",
    ],
)
def test_schedules_are_understood(text):
    assert cron_problem(text) is None


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "this has 0"),
        ("0 0 * *", "this has 4"),
        ("0 0 * * * * *", "this has 7"),
        ("60 0 * * *", "`60` is no minute"),
        ("0 24 * * *", "`24` is no hour"),
        ("0 0 0 * *", "`0` is no day of the month"),
        ("0 0 * 13 *", "`13` is no month"),
        ("0 0 * FOO *", "`FOO` is no month"),
        ("0 0 * * 8", "`8` is no day of the week"),
        ("0 0 ? * XXXL", "`XXXL` is no day of the week"),
        ("0 0 * * * 99", "`99` is no year"),
        ("5-1 0 * * *", "`5-1` is no minute"),
        ("*/0 0 * * *", "`*/0` is no minute"),
        ("1, 0 * * *", "`1,` is no minute"),
        ("0 0 ? * ?", "not for both"),
        ("-1 0 * * *", "`-1` is no minute"),
    ],
)
def test_what_is_no_schedule_is_told(text, what):
    assert what in (cron_problem(text) or "")
