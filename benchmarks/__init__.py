"""Benchmarks: our engine, Metaflow itself and the physical floor, measured in one run.

`make bench` runs them all; `python -m benchmarks --help` says what else can be asked.
docs/performance.md describes the method and keeps the figures of the last full run.
"""
