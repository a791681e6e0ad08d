"""Configs in whole runs: given in every way, seen by steps, resume and the client alike."""

from __future__ import annotations

import json

import pytest

from metaflow import ConfigValue

FLOW = """
    import os
    from metaflow import (
        Config, ConfigValue, FlowSpec, Parameter, config_expr, current, environment, retry, step,
        timeout,
    )

    class ConfFlow(FlowSpec):
        cfg = Config("my-cfg", default="conf.json")
        text = Config("text", default_value="as it is", plain=True, help="free text")
        size = Parameter("size", default=cfg.size)
        twice = Parameter("twice", type=int, default=lambda c: c.configs.cfg.size * 2)

        @retry(**cfg.retry)
        @environment(vars=cfg.env)
        @timeout(seconds=config_expr("cfg.size * 10"))
        @step
        def start(self):
            assert type(self.cfg) is ConfigValue
            self.seen = [self.cfg.size, self.size, self.twice, self.text, os.environ["COLOR"]]
            self.names = current.parameter_names
            self.refused = []
            for change in (lambda: self.cfg.update(x=1), lambda: setattr(self, "cfg", 1)):
                try:
                    change()
                except (TypeError, AttributeError) as error:
                    self.refused.append(type(error).__name__)
            self.kind = self.cfg.kinds.fast
            self.next(
                {self.cfg.kinds.fast: self.fast, self.cfg.kinds["slow"]: self.slow},
                condition="kind",
            )

        @step
        def fast(self):
            if os.environ.get("FAIL"):
                raise SystemExit(1)
            self.next(self.fan)

        @step
        def slow(self):
            self.next(self.fan)

        @step
        def fan(self):
            self.items = [1, 2]
            self.next(self.work, foreach="items")

        @step
        def work(self):
            self.next(self.join)

        @step
        def join(self, inputs):
            self.sizes = [each.cfg.size for each in inputs] + [self.cfg.size]
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        ConfFlow()
"""
CONF = {
    "size": 3,
    "retry": {"times": 0},
    "env": {"COLOR": "red"},
    "kinds": {"fast": "f", "slow": "s"},
}


@pytest.fixture
def flow(workspace):
    workspace.write(FLOW)
    (workspace.folder / "conf.json").write_text(json.dumps(CONF))
    return workspace


@pytest.mark.parametrize("start", ["auto", "spawn"])
def test_a_run_sees_its_configs(flow, start):
    run = flow.run(METAFLOW_TASK_START=start)
    data = run["start"].task.data
    assert data.seen == [3, 3, 6, "as it is", "red"]
    assert data.names == ["cfg", "text", "size", "twice"]
    assert data.refused == ["TypeError", "AttributeError"]
    assert run.data.sizes == [3, 3, 3]
    assert run.data.cfg == run["_parameters"].task.data.cfg == CONF
    assert type(run.data.cfg) is dict
    assert not isinstance(run.data.cfg, ConfigValue)
    assert "fast" in {step.id for step in run}


def test_configs_are_given_in_many_ways(flow):
    other = {**CONF, "size": 7}
    (flow.folder / "other.json").write_text(json.dumps(other))
    flow.succeed("--config", "MY_cfg", "other.json", "run")
    assert flow.latest().data.sizes == [7, 7, 7]
    flow.succeed("--config-value", "my-cfg", json.dumps({**CONF, "size": 8}), "run", "--size", "1")
    assert flow.latest()["start"].task.data.seen[:3] == [8, 1, 16]
    around = {"METAFLOW_FLOW_CONFIG": json.dumps({"my-cfg": "other.json"})}
    flow.succeed("run", **around, METAFLOW_FLOW_CONFIG_VALUE='{"text": "of the environment"}')
    assert flow.latest()["start"].task.data.seen[:4] == [7, 7, 14, "of the environment"]
    flow.succeed("--config-value", "my-cfg", json.dumps(CONF), "run", **around)
    assert flow.latest()["start"].task.data.seen[0] == 3
    (flow.folder / "settled.json").write_text(json.dumps({"my-cfg": other, "text": "settled"}))
    flow.succeed("--local-config-file", "settled.json", "run")
    assert flow.latest()["start"].task.data.seen[:4] == [7, 7, 14, "settled"]


def test_resume_keeps_the_configs_of_the_origin(flow):
    flow.fail("--config-value", "text", "first", "run", FAIL="1")
    (flow.folder / "conf.json").write_text(json.dumps({**CONF, "size": 99}))
    flow.succeed("resume", METAFLOW_FLOW_CONFIG_VALUE='{"text": "ignored"}')
    assert flow.latest().data.sizes == [3, 3, 3]
    assert flow.latest().data.text == "first"
    flow.succeed("resume", "start")
    assert flow.latest()["start"].task.data.seen[:3] == [3, 3, 6]
    done = flow.flow("--config-value", "text", "other", "resume")
    assert done.code == 2
    assert "uses the configs of the run that it resumes" in done.err


def test_a_config_that_the_origin_did_not_have_gets_its_default(flow):
    flow.run()
    flow.write(
        FLOW.replace(
            "size = Par", 'late = Config("late", default_value={"a": 1})\n        size = Par'
        )
    )
    flow.succeed("resume", "end")
    assert flow.latest().data.late == {"a": 1}
    assert flow.latest()["end"].task.data.cfg == CONF


def test_all_problems_are_one_usage_error(flow):
    done = flow.flow("--config", "my-cfg", "nowhere", "--config-value", "other", "1", "show")
    assert done.code == 2
    assert "The flow has no config `other`; it has `my-cfg`, `text`." in done.err
    assert "Config `my-cfg`: file `nowhere` cannot be read" in done.err
    assert flow.flow("--config", "other", "nowhere", "logs", "1/start").code == 2
    done = flow.flow("run", METAFLOW_FLOW_CONFIG="[")
    assert done.code == 2
    assert "METAFLOW_FLOW_CONFIG is not valid JSON" in done.err


def test_help_works_without_a_required_config(flow):
    flow.write(FLOW.replace('default="conf.json"', "required=True"))
    done = flow.flow("--help")
    assert done.code == 0
    assert "`text`: free text" in " ".join(done.out.split())
    assert flow.flow("run").code == 2


def test_a_flow_without_configs_has_no_such_options(workspace):
    workspace.write("""
        from metaflow import FlowSpec, step

        class PlainFlow(FlowSpec):
            @step
            def start(self):
                pass

        if __name__ == "__main__":
            PlainFlow()
    """)
    assert "--config" not in workspace.flow("--help").out
    assert workspace.flow("--config", "a", "b", "run").code == 2


def test_the_graph_shows_what_decorators_have_got(flow):
    done = flow.succeed("output-raw", "--json")
    decorators = json.loads(done.out)["graph"]["start"]["decorators"]
    attributes = {each["name"]: each["attributes"] for each in decorators}
    assert attributes["timeout"]["seconds"] == 30
    assert attributes["environment"] == {"vars": {"COLOR": "red"}}
    assert attributes["retry"]["times"] == 0
