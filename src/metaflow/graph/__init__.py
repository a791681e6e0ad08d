"""The static graph of a flow: read from source, checked, described and drawn."""

from __future__ import annotations

from metaflow.graph.build import build_graph

__all__ = ["build_graph"]
