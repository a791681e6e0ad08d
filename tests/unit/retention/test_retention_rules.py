"""Which runs rules pick, and which they cannot."""

from __future__ import annotations

import json

import pytest

from metaflow.errors.retention import AgeInvalid, RetentionRuleInvalid
from metaflow.metadata_store.facts import RunToKeep
from metaflow.retention.rules import PINNED, Rule, chosen, rules_of, seconds_of

NOW = 1_000_000.0


def run(key, flow="Train", age=0.0, origin=None, **tags):
    return RunToKeep(
        key, flow, str(key), NOW - age, "ann", "done", origin, json.dumps(tags), f"packs/{key}"
    )


def keys(runs, *rules, open_runs=()):
    return [run.key for run in chosen(runs, rules, open_runs, NOW)]


def test_the_newest_of_each_flow_stay():
    runs = [run(5), run(4, "Other"), run(3), run(2, "Other"), run(1)]
    assert keys(runs, Rule(keep_last=1)) == [3, 2, 1]
    assert keys(runs, Rule(keep_last=1, flows=["Train"])) == [3, 1]
    assert keys(runs, Rule(keep_last=0)) == [5, 4, 3, 2, 1]


def test_both_conditions_must_hold():
    runs = [run(3, age=100), run(2, age=10), run(1, age=100)]
    assert keys(runs, Rule(older_than_s=50)) == [3, 1]
    assert keys(runs, Rule(older_than_s=50, keep_last=1)) == [1]


def test_a_rule_about_a_tag_counts_only_runs_with_it():
    runs = [run(4), run(3, tried=0), run(2), run(1, tried=0)]
    assert keys(runs, Rule(tags=["tried"], keep_last=1)) == [1]


def test_one_rule_is_enough():
    runs = [run(2, tried=0), run(1, "Other")]
    rules = Rule(tags=["tried"], keep_last=0), Rule(flows=["Other"], keep_last=0)
    assert keys(runs, *rules) == [2, 1]


def test_what_is_pinned_or_goes_on_or_is_resumed_stays():
    runs = [run(4, origin="1"), run(3, **{PINNED: 0}), run(2, **{PINNED: 1}), run(1)]
    # A system tag of that name is not the user's wish.
    assert keys(runs, Rule(keep_last=0), open_runs={4}) == [2]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90m", 5400), ("14d", 1209600), ("0", 0), ("1.5 h", 5400), ("2W", 1209600)],
)
def test_ages(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "1y", "1 d 2 h"])
def test_what_is_no_age(text):
    with pytest.raises(AgeInvalid, match="is no age"):
        seconds_of(text)


def test_rules_are_read_from_text():
    first, second = rules_of(
        '[{"flow": "Train", "keep_last": 3}, {"tag": ["a", "b"], "older_than": "2h"}]'
    )
    assert (first.flows, first.keep_last, first.older_than_s) == ({"Train"}, 3, None)
    assert (second.tags, second.keep_last, second.older_than_s) == ({"a", "b"}, None, 7200)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[1]",
        "nonsense",
        '[{"flow": "Train"}]',
        '[{"keep_last": -1}]',
        '[{"keep_last": true}]',
        '[{"keep": 1}]',
        '[{"flow": 3, "keep_last": 1}]',
    ],
)
def test_what_is_no_rule(text):
    with pytest.raises(RetentionRuleInvalid, match="METAFLOW_RETENTION"):
        rules_of(text)
