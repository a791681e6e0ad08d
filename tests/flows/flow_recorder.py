"""What every generated flow does in its steps; copied next to the flow file as `recorder.py`.

A step tells where it is, carries values on, changes a list that it has inherited, and joins
check what they are given. Variables of the environment make tasks fail.
"""

import datetime as dt
import fractions
import os
import sys

from metaflow import FlowSpec, JSONType, Parameter, current

KEPT = {
    "text": "äöü ☂ \0 \n",
    "number": 2**70,
    "nothing": None,
    "nested": {"list": [1, (2.5, None)], b"bytes": {frozenset({1})}},
    "day": dt.date(2020, 2, 29),
    "fraction": fractions.Fraction(1, 3),
    "big": "0123456789" * 20_000,
}


class Recorder(FlowSpec):
    level = Parameter("level", default=1)
    options = Parameter("options", type=JSONType, default={"deep": [1]})
    palette = ["red", "green"]
    LIMIT = 3

    def begin(self):
        self.trail = []
        self.shared = []
        self.kept = KEPT
        self.completed = None

    def note(self):
        self.trail = [*self.trail, current.step_name]
        self.shared.append(current.step_name)
        self._record()
        self.added()
        self._fail_if_asked()
        self.completed = current.step_name

    def gather(self, inputs, exclude):
        step = current.step_name
        assert len(inputs) == len(list(inputs)) == len(list(inputs)), "inputs are repeatable"
        assert [inputs[i].told for i in range(len(inputs))] == [one.told for one in inputs[:]]
        for one in inputs:
            assert getattr(inputs, one.facts["step"]).facts["step"] == one.facts["step"]
        assert not hasattr(self, "trail"), "a join begins with no artifacts"
        self.trail = [[one.trail for one in inputs], step]
        self.shared = [*(each for one in inputs for each in one.shared), step]
        self.met = [(str(one), one.index, one.input, one.foreach_stack()) for one in inputs]
        self.completed = [one.completed for one in inputs]
        self._record()
        self.added(inputs)
        self.merge_artifacts(inputs, exclude=exclude)
        self._fail_if_asked()
        self.completed = step

    def added(self, inputs=None):
        """Do what a flow adds to each of its steps; joins have not merged yet."""

    def _record(self):
        step = current.step_name
        self.told = str(self)
        self.place = (self.index, self.input)
        self.stack = self.foreach_stack()
        self.given = (self.level, self.options, list(self.palette), self.LIMIT)
        self.facts = {
            "step": current.step_name,
            "flow": current.flow_name,
            "retry": current.retry_count,
            "user": current.username,
            "tags": sorted(current.tags),
            "parameters": sorted(current.parameter_names),
        }
        self.process = {
            "pid": os.getpid(),
            "run": current.run_id,
            "task": current.task_id,
            "pathspec": current.pathspec,
            "origin": current.origin_run_id,
            "namespace": current.namespace,
        }
        setattr(self, f"seen_{step}", step)
        print("out", self.told)
        print("err", self.told, file=sys.stderr)

    def _fail_if_asked(self):
        if current.step_name in os.environ.get("FAIL_IN", "").split(","):
            raise ValueError(f"failing in {current.step_name}")
        if os.environ.get("FAIL_AT") == f"{self.told} {self.trail.count(current.step_name)}":
            raise ValueError(f"failing at {self.told}")
        if current.retry_count < int(os.environ.get("FAIL_FIRST", "0")):
            raise ValueError(f"failing attempt {current.retry_count}")
