"""What `run` and `resume` make of their options before a run begins."""

from __future__ import annotations

import json

import pytest


def got(done):
    assert done.code == 0, done.err
    (line,) = [text for text in done.out.splitlines() if "] GOT " in text]
    return json.loads(line.split("] GOT ")[1])


def test_values_have_the_types_of_their_parameters(project):
    project.with_parameters(
        "number = Parameter('my-int', type=int)",
        "rate = Parameter('rate', default=0.5)",
        "flag = Parameter('flag', default=False)",
        "grid = Parameter('grid', type=JSONType, default={'a': [1]})",
        "names = Parameter('names', separator=',', default='x')",
        "many = Parameter('many', type=int, multiple=True)",
        "Big = Parameter('Big')",
    )
    defaults = {
        "number": None,
        "rate": 0.5,
        "flag": False,
        "grid": {"a": [1]},
        "names": ["x"],
        "many": [],
        "Big": None,
    }
    assert got(project.flow("run")) == defaults
    given = project.flow(
        *("run", "--my-int", "7", "--rate", "2", "--flag", "yes", "--grid", "[true]"),
        *("--names", "a,b", "--many", "1", "--many", "2", "--Big", "*x*"),
    )
    assert got(given) == {
        "number": 7,
        "rate": 2.0,
        "flag": True,
        "grid": [True],
        "names": ["a", "b"],
        "many": [1, 2],
        "Big": "*x*",
    }


def test_the_environment_gives_values_and_the_command_line_beats_it(project):
    project.with_parameters("number = Parameter('my-int', type=int)")
    assert got(project.flow("run", METAFLOW_RUN_MY_INT="3")) == {"number": 3}
    assert got(project.flow("run", "--my-int", "4", METAFLOW_RUN_MY_INT="3")) == {"number": 4}


@pytest.mark.parametrize(
    ("declaration", "args", "says"),
    [
        ("Parameter('p', type=int)", ("--p", "x"), "`x` is not an integer"),
        ("Parameter('p', type=JSONType)", ("--p", "{"), "is not valid JSON"),
        ("Parameter('p', type=bool)", ("--p", "maybe"), "is not a truth value"),
        ("Parameter('p', type=bool)", ("--p",), "requires an argument"),
        ("Parameter('p', required=True)", (), "Missing option '--p'"),
    ],
)
def test_a_bad_value_is_bad_usage(project, declaration, args, says):
    project.with_parameters(f"p = {declaration}")
    done = project.flow("run", *args)
    assert done.code == 2
    assert says in done.err


def test_a_default_makes_required_moot(project):
    project.with_parameters("p = Parameter('p', required=True, default='d')")
    assert got(project.flow("run")) == {"p": "d"}


def test_help_shows_types_and_defaults(project):
    project.with_parameters(
        "number = Parameter('number', type=int, default=5, help='How many')",
        "grid = Parameter('grid', type=JSONType, default={'a': 1})",
        "late = Parameter('late', default=lambda context: context.flow_name)",
        "secret = Parameter('secret', default='s3cret', show_default=False)",
        "hidden = Parameter('hidden', hidden=True)",
    )
    shown = project.flow("run", "--help").out
    assert "--number INTEGER" in shown
    assert "How many" in shown
    assert "[default: 5]" in shown
    assert '[default: {"a": 1}]' in shown
    assert "[default: AskFlow]" in shown
    assert "s3cret" not in shown
    assert "--hidden" not in shown


def test_a_function_computes_the_default_once_and_only_if_needed(project):
    project.write(
        """
        def compute(context):
            context.logger(f"computing for {context.user_name} on {context.ds_type}")
            return 3

        class AskFlow(FlowSpec):
            p = Parameter("p", type=int, default=compute)

            @step
            def start(self):
                print("GOT", self.p)
                self.next(self.end)

            @step
            def end(self):
                pass

        if __name__ == "__main__":
            AskFlow()
        """
    )
    done = project.flow("run")
    assert done.err.count("computing for ann on local") == 1
    assert got(done) == 3
    given = project.flow("run", "--p", "4")
    assert "computing" not in given.err
    assert got(given) == 4


def test_a_function_that_fails_shows_the_users_frames(project):
    project.write(
        """
        def compute(context):
            return 1 // 0

        class AskFlow(FlowSpec):
            p = Parameter("p", default=compute)

            @step
            def start(self):
                pass

        AskFlow()
        """
    )
    done = project.flow("run")
    assert done.code == 1
    assert "    Parameter field failed in file " in done.err
    assert "ZeroDivisionError" in done.err
    assert "in compute" in done.err
    assert "metaflow/" not in done.err


def test_a_declaration_that_cannot_work_names_its_line(project):
    project.with_parameters("p = Parameter('max-workers')")
    done = project.flow("run")
    assert done.code == 1
    assert "    Invalid parameter name in file " in done.err
    assert "on line " in done.err


def test_an_option_that_click_does_not_know(project):
    project.with_parameters("p = Parameter('p', colour='red')")
    done = project.flow("run")
    assert done.code == 1
    assert "    Invalid parameter option in file " in done.err
    assert "colour" in done.err


@pytest.mark.parametrize("tag", ["", "x" * 501])
def test_invalid_tags(project, tag):
    done = project.flow("run", "--tag", tag)
    assert done.code == 1
    assert "    Tagging error:\n" in done.err
    assert "starting" not in done.out


def test_too_many_tags(project):
    done = project.flow("run", METAFLOW_RUN_TAGS=" ".join(f"t{i}" for i in range(51)))
    assert done.code == 1
    assert "Tagging error" in done.err


def test_the_first_run_makes_the_local_store(project):
    first = project.flow("run")
    root = project.directory / ".metaflow"
    assert f"Creating local datastore in current directory ({root})\n" in first.err
    assert root.is_dir()
    assert "Creating" not in project.flow("run").err


def test_the_root_can_be_named(project):
    done = project.flow("--datastore-root", "store", "run")
    assert done.code == 0
    assert (project.directory / "store" / "HelloFlow" / "latest_run").is_file()
    assert not (project.directory / ".metaflow").exists()


def test_run_files(project):
    done = project.flow("run", "--run-id-file", "id", "--runner-attribute-file", "attributes")
    assert done.code == 0
    run_id = (project.directory / "id").read_text()
    attributes = json.loads((project.directory / "attributes").read_text())
    assert attributes["run_id"] == run_id
    assert attributes["flow_name"] == "HelloFlow"


def test_without_a_run_there_is_nothing_to_resume(project):
    done = project.flow("resume")
    assert done.code == 1
    assert "    Invalid command:\n" in done.err
    assert "--origin-run-id" in done.err


def test_an_unknown_origin_makes_no_store(project):
    done = project.flow("resume", "--origin-run-id", "17")
    assert done.code == 1
    assert "Resume could not find run id" in done.err
    assert not (project.directory / ".metaflow").exists()


def test_an_interrupt_aborts(project):
    project.write(
        """
        import os, signal

        def interrupt(context):
            os.kill(os.getpid(), signal.SIGINT)

        class AskFlow(FlowSpec):
            p = Parameter("p", default=interrupt)

            @step
            def start(self):
                pass

        AskFlow()
        """
    )
    done = project.flow("run")
    assert done.code == 1
    assert done.err.endswith("Aborted!\n")


def test_an_unknown_step_cannot_be_rerun(project):
    project.flow("run")
    done = project.flow("resume", "bogus")
    assert done.code == 1
    assert "    Invalid command:\n" in done.err
    assert "`start`, `end`" in done.err


def test_a_step_in_another_case_is_understood(project):
    project.flow("run")
    done = project.flow("resume", "START")
    assert done.code == 0
    assert "Resuming from step start." in done.err
    assert "Cloning" not in done.out


def test_a_run_id_of_ones_own_is_no_integer(project):
    done = project.flow("resume", "--run-id", "123")
    assert done.code == 2
    assert "'--run-id'" in done.err


def test_a_resumed_run_is_not_the_next_origin(project):
    project.flow("run", "--run-id-file", "id")
    origin = (project.directory / "id").read_text()
    for _ in range(2):
        assert f"Cloning previously run task {origin}/start/1" in project.flow("resume").out


def test_run_level_decorators_win_over_others(project):
    source = (project.directory / "flow.py").read_text()
    (project.directory / "flow.py").write_text(
        source.replace("print(self.greeting)", "raise ValueError(self.greeting)")
    )
    done = project.flow(
        *("--with", "retry:times=4", "run", "--with", "retry:times=1"),
        METAFLOW_DEFAULT_DECOSPECS="retry:times=3",
    )
    assert done.code == 1
    assert done.out.count("Task is starting") == 2


def test_only_what_the_command_needs_is_imported(project):
    project.write(
        "import atexit, sys\natexit.register(lambda: print('LOADED', *sys.modules))\n",
        "sitecustomize.py",
    )
    path = str(project.directory)
    for command, unwanted in {
        "run": (
            "metaflow.client",
            "metaflow.cli.dump",
            "metaflow.cli.tag",
            "asyncio",
            "dataclasses",
        ),
        "show": ("metaflow.engine", "metaflow.cli.run", "metaflow.session", "sqlite3"),
    }.items():
        done = project.flow(command, PYTHONPATH=path)
        loaded = next(line for line in done.out.splitlines() if line.startswith("LOADED")).split()
        assert "metaflow.cli.scope" in loaded
        assert not set(unwanted) & set(loaded)


def test_a_store_above_is_named_for_the_first_run_only(project):
    (project.directory / ".metaflow").mkdir()
    below = project.directory / "below"
    below.mkdir()
    (project.directory / "flow.py").rename(below / "flow.py")
    project.directory = below
    note = f"Using the local datastore {below.parent / '.metaflow'}\n"
    assert note in project.flow("run").err
    assert note not in project.flow("run").err
