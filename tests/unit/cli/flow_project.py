"""A flow file in a directory of its own, and a way to use its command line in a real process."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import NamedTuple

IMPORTS = """\
from metaflow.authoring.flowspec import FlowSpec
from metaflow.authoring.parameters import JSONType, Parameter
from metaflow.authoring.steps import step

"""
HELLO = '''
class HelloFlow(FlowSpec):
    """Says hello."""

    greeting = Parameter("greeting", default="hello", help="What to say")

    @step
    def start(self):
        """Say it."""
        print(self.greeting)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    HelloFlow()
'''


class Done(NamedTuple):
    """What a finished process left behind."""

    code: int
    out: str
    err: str


class Project:
    """A directory with a flow file, and the environment that commands see."""

    def __init__(self, directory):
        self.directory = directory
        self.env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("METAFLOW_", "COV_")) and name not in {"USER", "USERNAME"}
        }
        self.env |= {"METAFLOW_USER": "ann", "METAFLOW_HOME": str(directory / "home")}
        self.write(HELLO)

    def write(self, source, name="flow.py"):
        path = self.directory / name
        path.write_text(IMPORTS + textwrap.dedent(source))
        return path

    def flow(self, *args, **env):
        return self.python("flow.py", *args, **env)

    def python(self, *args, **env):
        done = subprocess.run(
            [sys.executable, *args],
            cwd=self.directory,
            env={k: v for k, v in (self.env | env).items() if v is not None},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def with_parameters(self, *declarations):
        """Write a flow that prints its parameters as one JSON line."""
        names = [line.split("=")[0].strip() for line in declarations]
        body = "\n".join(f"    {line}" for line in declarations)
        values = ", ".join(f"'{name}': self.{name}" for name in names)
        self.write(
            "import json\n"
            f"class AskFlow(FlowSpec):\n{body}\n"
            "    @step\n    def start(self):\n"
            f"        print('GOT ' + json.dumps({{{values}}}))\n"
            "        self.next(self.end)\n"
            "    @step\n    def end(self):\n        pass\n"
            "if __name__ == '__main__':\n    AskFlow()\n"
        )
