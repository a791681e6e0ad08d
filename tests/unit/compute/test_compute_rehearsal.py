"""The rehearsal before the first fork: its failures do not matter to a run, but cost every task."""

from __future__ import annotations

from metaflow.ambient import ambient
from metaflow.compute.local import rehearsal


def test_the_toy_attempt_goes_well(monkeypatch):
    monkeypatch.setattr(ambient, "current", None)
    outcomes = []
    run_attempt = rehearsal.run_attempt
    monkeypatch.setattr(
        rehearsal,
        "run_attempt",
        lambda *given: outcomes.append(run_attempt(*given)) or outcomes[-1],
    )
    rehearsal._rehearse_attempt()
    assert [outcome.error for outcome in outcomes] == [None] * rehearsal.TIMES
    assert all(outcome.ok for outcome in outcomes)
