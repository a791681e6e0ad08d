"""The options that commands have in common which run a flow, or a part of it."""

from __future__ import annotations

import click

from metaflow.cli.requesting import MAX_LOG_SIZE, MAX_NUM_SPLITS, MAX_WORKERS


def tag_option() -> click.Option:
    """Make the option for tags of the run."""
    return click.Option(
        ["--tag", "tags"],
        multiple=True,
        metavar="TAG",
        help="Put a tag on the run. May be repeated.",
    )


def log_size_option(whose: str) -> click.Option:
    """Make the option that limits what is kept of output; `whose` says of what."""
    return click.Option(
        ["--max-log-size"],
        type=click.IntRange(min=1),
        default=MAX_LOG_SIZE,
        show_default=True,
        help=f"How many megabytes of {whose} output are stored.",
    )


def file_options(what: str) -> list[click.Parameter]:
    """Make the options for files that tell a program of a run, or of `what` it is to find."""
    return [
        click.Option(
            ["--run-id-file"], metavar="FILE", help="Write the run's id to this file first."
        ),
        click.Option(
            ["--runner-attribute-file"],
            metavar="FILE",
            help=f"Write what a program needs to find the {what} to this file, as JSON.",
        ),
    ]


def common_options() -> list[click.Parameter]:
    """Make the options that `run` and `resume` share."""
    return [
        tag_option(),
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
        log_size_option("each task's"),
        click.Option(
            ["--with", "decospecs"],
            multiple=True,
            metavar="DECOSPEC",
            help="Add a decorator to all steps, such as `retry:times=2`. May be repeated.",
        ),
        *file_options("run"),
        click.Option(["--parent-task"], metavar="PATHSPEC", hidden=True),
    ]
