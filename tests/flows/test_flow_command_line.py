"""What commands do about real runs: exit codes, files for others, tags, logs, values, options."""

from __future__ import annotations

import json
import re

import pytest
from flow_workspace import STAMP, TASK_LINE

from metaflow import Flow
from metaflow.client import metadata, namespace

FLOW = '''
import os, sys
from metaflow import FlowSpec, JSONType, Parameter, current, step


class CommandFlow(FlowSpec):
    """A flow for commands."""

    alpha = Parameter("alpha", type=int, default=1)
    wanted = Parameter("wanted-file", default="")

    @step
    def start(self):
        if self.wanted:
            with open(self.wanted) as file:
                self.written = file.read()
            self.rows = os.path.exists(self.wanted + ".json")
        self.items = ["x", "y", "z"]
        self.big = "b" * 5000
        self._private = "secret"
        self.next(self.work, foreach="items")

    @step
    def work(self):
        print("out", self.input)
        print("err", self.input, file=sys.stderr)
        print("more", self.input)
        self.mine = self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.mine = [one.mine for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        if os.environ.get("FAIL"):
            raise ValueError(f"attempt {current.retry_count} of the end")


if __name__ == "__main__":
    CommandFlow()
'''


@pytest.fixture
def flow(workspace):
    workspace.write(FLOW)
    return workspace


# ── exit codes and streams ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("run",), 0),
        (("run", "--alpha", "x"), 2),
        (("run", "--bogus"), 2),
        (("bogus",), 2),
        (("--bogus", "run"), 2),
        (("run", "extra"), 2),
        (("run", "--max-workers", "0"), 2),
        (("--datastore", "punchcards", "run"), 2),
        (("resume",), 1),
        (("resume", "--origin-run-id", "1"), 1),
        (("dump", "nonsense"), 1),
        (("logs", "nonsense"), 1),
        (("logs", "1/start"), 1),
        (("dump",), 2),
        (("run", "--with", "bogus"), 1),
        (("run", "--with", "retry:bogus=1"), 1),
        (("run", "--tag", ""), 1),
        (("run", "--run-id-file", "no/such/folder/file"), 1),
        ((), 0),
        (("check",), 0),
        (("show",), 0),
        (("output-dot",), 0),
        (("output-raw", "--json"), 0),
        (("version",), 0),
        (("help",), 0),
        (("run", "--help"), 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_exit_codes(flow, arguments, code):
    done = flow.flow(*arguments)
    assert done.code == code, done.out + done.err
    assert "Traceback" not in done.err
    assert "Internal error" not in done.err
    if code == 2:
        assert "Error: " in done.err
    if code:
        assert done.out == ""
        assert "Task is starting" not in done.err


def test_a_failed_run_exits_with_1(flow):
    done = flow.fail("run", FAIL="1")
    assert "    Step failure:\n    Step end (task-id 6) failed.\n" in done.err


def test_messages_and_data_have_streams_of_their_own(flow):
    done = flow.succeed("run")
    assert re.fullmatch(r"Metaflow \S+ executing CommandFlow for user:ann", done.err.split("\n")[0])
    assert "The graph looks good!" in done.err
    assert "Task is starting" not in done.err
    for line in done.out.splitlines():
        assert re.match(STAMP + " ", line), line
    assert "executing" not in done.out
    assert "\x1b" not in done.out + done.err


def test_quiet_keeps_the_lines_of_the_run(flow):
    loud, quiet = flow.succeed("run"), flow.succeed("--quiet", "run")
    assert quiet.err == ""

    def bare(done):
        lines = (TASK_LINE.fullmatch(line) for line in done.out.splitlines())
        return sorted((m[2], m[5]) for m in lines if m)

    assert bare(quiet) == bare(loud)
    assert flow.succeed("run", METAFLOW_QUIET="1").err == ""


def test_the_plain_lines_of_a_run(flow):
    done = flow.succeed("run", "--max-workers", "1")
    run = flow.latest()
    first, *tasks, last = done.out.splitlines()
    assert re.fullmatch(rf"{STAMP} Workflow starting \(run-id {run.id}\):", first)
    assert re.fullmatch(rf"{STAMP} Done!", last)
    told = [TASK_LINE.fullmatch(line) for line in tasks]
    assert all(told)
    assert {line[1] for line in told} == {run.id}
    order = [(line[2], line[3], line[5]) for line in told]
    start = [(step, task, text) for step, task, text in order if step == "start"]
    assert [text for *_, text in start] == [
        "Task is starting.",
        "Foreach yields 3 child steps.",
        "Task finished successfully.",
    ]
    for task, item in zip("234", "xyz", strict=True):
        texts = [text for step, number, text in order if (step, number) == ("work", task)]
        assert (texts[0], texts[-1]) == ("Task is starting.", "Task finished successfully.")
        assert sorted(texts[1:-1]) == [f"err {item}", f"more {item}", f"out {item}"]
    stamps = [line[: len("2020-01-01 00:00:00.000")] for line in (first, *tasks, last)]
    assert stamps == sorted(stamps)


# ── files for other programs ─────────────────────────────────────────────────────────────


def test_files_for_other_programs(flow):
    flow.succeed(
        *("run", "--run-id-file", "id", "--runner-attribute-file", "id.json"),
        *("--wanted-file", "id"),
    )
    run = flow.latest()
    assert (flow.folder / "id").read_text() == run.id
    assert run["start"].task.data.written == run.id
    assert run["start"].task.data.rows
    assert json.loads((flow.folder / "id.json").read_text()) == {
        "run_id": run.id,
        "flow_name": "CommandFlow",
        "metadata": f"local@{flow.folder}",
    }
    assert (flow.folder / ".metaflow/CommandFlow/latest_run").read_text() == run.id
    assert sorted(path.name for path in flow.folder.glob("id*")) == ["id", "id.json"]


def test_resume_writes_files_too_but_is_not_the_latest_run(flow):
    flow.fail("run", FAIL="1")
    origin = flow.latest().id
    flow.succeed("resume", "--run-id-file", "id", "--runner-attribute-file", "id.json")
    run = flow.latest()
    assert run.id != origin
    assert (flow.folder / "id").read_text() == run.id
    assert json.loads((flow.folder / "id.json").read_text())["run_id"] == run.id
    assert (flow.folder / ".metaflow/CommandFlow/latest_run").read_text() == origin
    flow.succeed("resume")
    assert flow.latest().origin_pathspec == f"CommandFlow/{origin}"


def test_clone_only(flow):
    flow.fail("run", FAIL="1")
    done = flow.succeed("resume", "--clone-only")
    run = flow.latest()
    assert f"CommandFlow/{run.id} cloned!" in done.out
    assert "Task is starting" not in done.out
    assert {step.id for step in run} == {"start", "work", "join"}
    assert not run.finished


def test_a_run_id_of_ones_own_for_resume(flow):
    flow.succeed("run")
    flow.succeed("resume", "--run-id", "mine")
    assert flow.latest().id == "mine"
    done = flow.fail("resume", "--run-id", "mine")
    assert "mine" in done.err
    assert done.out == ""


def test_resume_after_the_graph_has_changed(flow):
    flow.fail("run", FAIL="1")
    source = FLOW.replace("self.next(self.end)", "self.next(self.extra)").replace(
        "    @step\n    def end(self):",
        "    @step\n    def extra(self):\n        self.extra_seen = self.mine\n"
        "        self.next(self.end)\n\n    @step\n    def end(self):",
    )
    flow.write(source)
    done = flow.succeed("resume")
    run = flow.latest()
    assert run.data.extra_seen == ["x", "y", "z"]
    assert done.out.count("Cloning previously run task") == 5 - 1
    assert run["join"].task.origin_pathspec is None


# ── options from the environment ─────────────────────────────────────────────────────────


def test_options_from_the_environment(flow):
    flow.succeed(
        "run",
        METAFLOW_RUN_ALPHA="5",
        METAFLOW_RUN_TAGS="one two",
        METAFLOW_RUN_DECOSPECS="retry:times=1",
        METAFLOW_RUN_RUN_ID_FILE="id",
    )
    run = flow.latest()
    assert run["_parameters"].task.data.alpha == 5
    assert run.user_tags == {"one", "two"}
    assert (flow.folder / "id").read_text() == run.id
    flow.succeed("run", "--alpha", "6", METAFLOW_RUN_ALPHA="5")
    assert flow.latest()["_parameters"].task.data.alpha == 6


def test_decorators_for_all_runs(flow):
    done = flow.fail("run", FAIL="1", METAFLOW_DEFAULT_DECOSPECS="retry:times=1 resources:cpu=2")
    assert len(done.said("ValueError: attempt ")) == 2
    done = flow.fail("--with", "retry:times=2", "run", FAIL="1")
    assert len(done.said("ValueError: attempt ")) == 3


def test_the_root_from_the_environment(flow):
    root = flow.folder / "elsewhere"
    flow.succeed("run", METAFLOW_DATASTORE_SYSROOT_LOCAL=str(root))
    assert (root / ".metaflow/CommandFlow/latest_run").is_file()
    assert not (flow.folder / ".metaflow").exists()
    metadata(str(root))
    namespace(None)
    assert Flow("CommandFlow").latest_run.successful


def test_the_nearest_root_upwards_is_used(flow):
    flow.succeed("run")
    below = flow.folder / "a" / "b"
    below.mkdir(parents=True)
    done = flow.python(
        "-c",
        f"import os, sys; os.chdir({str(below)!r}); sys.path.insert(0, '../..')\n"
        "sys.argv = ['../../flow.py', 'run']\nimport runpy\n"
        "runpy.run_path('../../flow.py', run_name='__main__')",
    )
    assert done.code == 0, done.err
    assert not (below / ".metaflow").exists()
    flow.look()
    assert len(list(Flow("CommandFlow"))) == 2


def test_an_unknown_user(flow):
    nobody = dict.fromkeys(("METAFLOW_USER", "SUDO_USER", "USERNAME", "USER"), "")
    done = flow.flow("run", **nobody)
    assert done.code == 1
    assert "Unknown user" in done.err
    assert flow.flow("run", **(nobody | {"USER": "root", "USERNAME": "eve"})).code == 0
    assert "user:eve" in flow.latest().system_tags
    assert flow.flow("run", METAFLOW_PRODUCTION_TOKEN="tok").code == 0
    assert "production:tok" in flow.latest().system_tags


# ── tags ─────────────────────────────────────────────────────────────────────────────────


def test_tags_are_added_removed_replaced_and_listed(flow):
    flow.succeed("run", "--tag", "one", "--tag", "two words")
    run_id = flow.latest().id
    python = next(t for t in flow.latest().system_tags if t.startswith("python_version:"))

    flow.succeed("tag", "add", "--run-id", run_id, "three", "four")
    assert flow.latest().user_tags == {"one", "two words", "three", "four"}
    flow.succeed("tag", "remove", "--run-id", run_id, "one", "absent")
    assert flow.latest().user_tags == {"two words", "three", "four"}
    flow.succeed("tag", "replace", "--run-id", run_id, "--remove", "three", "--add", "five")
    assert flow.latest().user_tags == {"two words", "four", "five"}

    flat = flow.succeed("tag", "list", "--run-id", run_id, "--hide-system-tags", "--flat")
    assert flat.err.splitlines()[1:] == ["five", "four", "two words"]
    quiet = flow.succeed("--quiet", "tag", "list", run_id, "--group-by-run")
    name, system, user = quiet.err.strip().split(" ; ")
    assert (name, user) == (f"CommandFlow/{run_id}", "five,four,two words")
    assert {"user:ann", "runtime:dev", python} <= set(system.split(","))
    by_tag = flow.succeed("--quiet", "tag", "list", "--group-by-tag").err.splitlines()
    assert f"user:five ; CommandFlow/{run_id}" in by_tag
    assert f"system:user:ann ; CommandFlow/{run_id}" in by_tag


def test_tags_that_cannot_change(flow):
    flow.succeed("run", "--tag", "one")
    run_id = flow.latest().id
    before = flow.latest().tags
    for arguments in (
        ("tag", "remove", "--run-id", run_id, "one", "user:ann"),
        ("tag", "add", "--run-id", run_id, "x" * 501),
        ("tag", "add", "--run-id", run_id, *(f"t{n}" for n in range(50))),
    ):
        assert "Tagging error" in flow.fail(*arguments).err
    assert flow.latest().tags == before
    assert run_id in flow.fail("tag", "add", "x").err
    assert flow.flow("tag", "add", "--run-id", run_id).code == 2
    flow.succeed("tag", "add", "--run-id", run_id, "user:ann")
    assert flow.latest().tags == before


def test_namespaces_of_tag_commands(flow):
    flow.succeed("run")
    run_id = flow.latest().id
    eve = {"METAFLOW_USER": "eve"}
    assert flow.flow("tag", "add", "--run-id", run_id, "x", **eve).code == 1
    assert (
        flow.flow("tag", "add", "--namespace", "user:ann", "--run-id", run_id, "x", **eve).code == 0
    )
    assert flow.flow("tag", "add", "--namespace", "", "--run-id", run_id, "y", **eve).code == 0
    assert flow.latest().user_tags == {"x", "y"}
    assert flow.flow("tag", "list", "--my-runs", **eve).code == 1


# ── logs and values ──────────────────────────────────────────────────────────────────────


@pytest.fixture
def finished(flow):
    flow.succeed("run")
    return flow, flow.latest()


def test_logs(finished):
    flow, run = finished

    def logs(*arguments):
        return flow.succeed("--quiet", "logs", *arguments).out.splitlines()

    outs = [f"{word} {item}" for item in "xyz" for word in ("out", "more")]
    errs = [f"err {item}" for item in "xyz"]
    assert logs(f"{run.id}/work", "--stdout") == outs
    assert logs("--stderr", f"{run.id}/work") == errs
    assert logs("show", f"{run.id}/work", "--stdout") == outs
    assert sorted(logs(f"{run.id}/work")) == sorted(logs("--both", f"{run.id}/work"))
    assert sorted(logs(f"{run.id}/work")) == sorted(outs + errs)
    assert logs(f"CommandFlow/{run.id}/work/3", "--stdout") == ["out y", "more y"]
    for line in logs(f"{run.id}/work", "--timestamps"):
        assert re.fullmatch(rf"{STAMP} (out|err|more) [xyz]", line)
    assert logs(f"{run.id}/start") == []
    for missing in (f"{run.id}/nothing", f"{run.id}/work/77", "77/work"):
        assert flow.flow("logs", missing).code == 1
    assert flow.flow("logs", f"{run.id}/work", "--attempt", "3").code == 1


def test_dump(finished):
    flow, run = finished

    def dump(*arguments):
        return flow.succeed("--quiet", "dump", *arguments).out.splitlines()

    lines = dump(f"{run.id}/start")
    by_name = {line.split(" ")[0]: line for line in lines}
    assert {"alpha", "big", "items", "name"} <= by_name.keys()
    assert "_private" not in by_name
    assert by_name["items"].endswith("type: <class 'list'>] = ['x', 'y', 'z']")
    found = re.match(r"items \[size: (\d+) type", by_name["items"])
    assert found
    assert int(found[1]) == len('["x","y","z"]')
    assert by_name["big"].endswith("= < artifact too large >")
    assert by_name["name"].endswith("= 'CommandFlow'")
    assert dump(f"{run.id}/start", "--max-value-size", "0", "--include", "alpha,big") == [
        "alpha",
        "big",
    ]
    (big,) = dump(f"{run.id}/start/1", "--max-value-size", "9999", "--include", "big")
    assert big.endswith(repr("b" * 5000))
    assert any("_private" in line for line in dump(f"{run.id}/start", "--private"))
    assert dump(f"{run.id}/work", "--max-value-size", "0", "--include", "mine") == [
        line for n in (2, 3, 4) for line in (f"[{run.id}/work/{n}]", "mine")
    ]
    assert flow.dump(run, "work") == {
        f"{run.id}/work/{n}": {a.id: a.data for a in run["work"][str(n)]} for n in (2, 3, 4)
    }


def test_logs_of_attempts(flow):
    flow.fail("run", "--with", "retry:times=1", FAIL="1")
    run = flow.latest()
    for attempt in (0, 1):
        text = flow.succeed("logs", f"{run.id}/end", "--attempt", str(attempt)).out
        assert f"ValueError: attempt {attempt} of the end" in text
        assert f"attempt {1 - attempt} of the end" not in text
    assert "ValueError: attempt 1 of the end" in flow.succeed("logs", f"{run.id}/end").out


# ── a flow in an unusual place ───────────────────────────────────────────────────────────


def test_a_flow_in_a_folder_with_odd_letters_run_from_elsewhere(workspace):
    folder = workspace.folder / "söme dir's"
    folder.mkdir()
    (folder / "helper_module.py").write_text("VALUE = 7\n")
    source = FLOW.replace("import os, sys", "import os, sys\nfrom helper_module import VALUE")
    (folder / "my flow.py").write_text(
        source.replace("self.mine = self.input", "self.mine = VALUE")
    )
    for start in ("auto", "spawn"):
        done = workspace.python("söme dir's/my flow.py", "run", METAFLOW_TASK_START=start)
        assert done.code == 0, done.err
        assert workspace.latest()["join"].task.data.mine == [7, 7, 7]
        assert workspace.latest()["join"].task.metadata_dict["script-name"] == "my flow.py"


def test_two_flows_in_one_store(workspace):
    workspace.write(FLOW)
    workspace.write(FLOW.replace("CommandFlow", "OtherFlow"), "other.py")
    workspace.succeed("run")
    assert workspace.python("other.py", "run").code == 0
    workspace.look()
    from metaflow import Metaflow

    assert {flow.id for flow in Metaflow()} == {"CommandFlow", "OtherFlow"}
    assert len(list(Flow("OtherFlow"))) == 1


def test_importing_a_flow_file_runs_nothing(workspace):
    workspace.write(FLOW.replace('if __name__ == "__main__":\n    CommandFlow()', "CommandFlow()"))
    done = workspace.python("-c", "import flow; print(flow.CommandFlow.__name__)")
    assert (done.code, done.out, done.err) == (0, "CommandFlow\n", "")
    assert workspace.run().successful
