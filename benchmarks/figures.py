"""What a measured figure is: the values of each contender, and when they are good enough."""

from __future__ import annotations

from operator import ge, le
from statistics import median
from typing import Any, NamedTuple

OURS = "ours"
RIVAL = "rival"
FLOOR = "floor"


class Target(NamedTuple):
    """What a figure has to reach; of several conditions all must hold."""

    faster_than_rival: float | None = None
    """At least this many times better than the rival."""
    times_floor: float | None = None
    """At most this many times the floor."""
    at_most: float | None = None
    at_least: float | None = None


class Figure(NamedTuple):
    """One line of the table: a quantity, and all its values by contender."""

    row: str
    what: str
    unit: str
    values: dict[str, list[float]]
    target: Target | None = None
    higher_is_better: bool = False

    def middle(self, contender: str) -> float | None:
        """Median over all rounds; None when this contender was not measured."""
        values = self.values.get(contender)
        return median(values) if values else None

    def over_rival(self) -> float | None:
        """How many times better than the rival we are."""
        ours, rival = self.middle(OURS), self.middle(RIVAL)
        better, worse = (ours, rival) if self.higher_is_better else (rival, ours)
        return better / worse if better is not None and worse and worse > 0 else None

    def over_floor(self) -> float | None:
        """How many times the floor's cost ours is."""
        ours, floor = self.middle(OURS), self.middle(FLOOR)
        more, less = (floor, ours) if self.higher_is_better else (ours, floor)
        return more / less if more is not None and less and less > 0 else None

    def meets_target(self) -> bool | None:
        """Whether all conditions hold; None when one of them cannot be judged."""
        if self.target is None:
            return None
        ours = self.middle(OURS)
        conditions = [
            (self.over_rival(), self.target.faster_than_rival, ge),
            (self.over_floor(), self.target.times_floor, le),
            (ours, self.target.at_most, le),
            (ours, self.target.at_least, ge),
        ]
        met = True
        for value, limit, holds in conditions:
            if limit is None:
                continue
            if value is None:
                return None
            met = met and holds(value, limit)
        return met

    def as_json(self) -> dict[str, Any]:
        """Everything that the table shows, and every single value behind it."""
        return {
            "what": self.what,
            "unit": self.unit,
            "higher_is_better": self.higher_is_better,
            "median": {name: self.middle(name) for name in self.values},
            "values": self.values,
            "times_better_than_rival": self.over_rival(),
            "times_floor": self.over_floor(),
            "target": None if self.target is None else self.target._asdict(),
            "meets_target": self.meets_target(),
        }

    @classmethod
    def from_json(cls, row: str, stored: dict[str, Any]) -> Figure:
        """Rebuild a figure from what `as_json` gave."""
        target = stored["target"]
        return cls(
            row,
            stored["what"],
            stored["unit"],
            stored["values"],
            None if target is None else Target(**target),
            stored["higher_is_better"],
        )


class RowResult(NamedTuple):
    """What became of one row."""

    row: str
    title: str
    figures: list[Figure]
    foreign_cpu: float
    """Share of one core that other programs used meanwhile; the figures are only good at 0."""
    notes: list[str]
    error: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Write the row with all its figures."""
        return self._asdict() | {"figures": [figure.as_json() for figure in self.figures]}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> RowResult:
        """Rebuild a row from what `as_json` gave."""
        figures = [Figure.from_json(stored["row"], figure) for figure in stored["figures"]]
        return cls(**(stored | {"figures": figures}))
