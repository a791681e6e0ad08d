"""The options that `run` and `resume` have in common."""

from __future__ import annotations

import click

from metaflow.cli.requesting import MAX_LOG_SIZE, MAX_NUM_SPLITS, MAX_WORKERS


def common_options() -> list[click.Parameter]:
    """Make the options that `run` and `resume` share."""
    return [
        click.Option(
            ["--tag", "tags"],
            multiple=True,
            metavar="TAG",
            help="Put a tag on the run. May be repeated.",
        ),
        click.Option(
            ["--max-workers"],
            type=click.IntRange(min=1),
            default=MAX_WORKERS,
            show_default=True,
            help="How many tasks may run at the same time.",
        ),
        click.Option(
            ["--max-num-splits"],
            type=click.IntRange(min=1),
            default=MAX_NUM_SPLITS,
            show_default=True,
            help="How many tasks one foreach may start, as a guard against mistakes.",
        ),
        click.Option(
            ["--max-log-size"],
            type=click.IntRange(min=1),
            default=MAX_LOG_SIZE,
            show_default=True,
            help="How many megabytes of each task's output are stored.",
        ),
        click.Option(
            ["--with", "decospecs"],
            multiple=True,
            metavar="DECOSPEC",
            help="Add a decorator to all steps, such as `retry:times=2`. May be repeated.",
        ),
        click.Option(
            ["--run-id-file"], metavar="FILE", help="Write the run's id to this file first."
        ),
        click.Option(
            ["--runner-attribute-file"],
            metavar="FILE",
            help="Write what a program needs to find the run to this file, as JSON.",
        ),
        click.Option(["--parent-task"], metavar="PATHSPEC", hidden=True),
    ]
