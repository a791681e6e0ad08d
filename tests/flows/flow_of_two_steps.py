"""A flow of two steps whose bodies a test writes."""

from __future__ import annotations

STEPS = """
import os, sys, time, signal
from metaflow import *
from metaflow import Run, Task
{head}

class StepsFlow(FlowSpec):
{members}
    {before_start}
    @step
    def start(self):
{start}
        self.next(self.end)

    @step
    def end(self):
{end}


if __name__ == "__main__":
    StepsFlow()
"""


def indented(text, depth=8):
    return "\n".join(" " * depth + line for line in (text.strip("\n") or "pass").split("\n"))


def two_steps(workspace, start="", end="", decorator="", head="", members=""):
    workspace.write(
        STEPS.format(
            head=head,
            members=indented(members, 4) if members else "",
            before_start=decorator,
            start=indented(start),
            end=indented(end),
        )
    )
