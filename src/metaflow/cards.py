"""The path of cards, `metaflow.cards`, which says that this version does not make them yet."""

from __future__ import annotations

from typing import NoReturn

from metaflow.errors.feature import NotAvailableYet

NAMES = frozenset(
    {
        "Artifact",
        "BlankCard",
        "DefaultCard",
        "Error",
        "ErrorCard",
        "EventsTimeline",
        "Image",
        "JSONViewer",
        "Markdown",
        "MetaflowCard",
        "MetaflowCardComponent",
        "PageComponent",
        "ProgressBar",
        "PythonCode",
        "Table",
        "VegaChart",
        "ValueBox",
        "YAMLViewer",
        "get_cards",
    }
)


def __getattr__(name: str) -> NoReturn:
    """Refuse a documented name with the reason, any other as usual."""
    if name in NAMES:
        raise NotAvailableYet(f"metaflow.cards.{name}", "cards")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
