"""Notes every hook that is called, with what it is given."""

import os
from typing import Any, NamedTuple

from metaflow import current
from metaflow.decorators import StepDecorator


def note(text):
    with open(os.environ["ACME_NOTES"], "a") as file:
        file.write(f"{text}\n")


class Datum(NamedTuple):
    field: str
    value: Any
    type: str
    tags: list


class NoteDecorator(StepDecorator):
    """Note the hooks.

    Parameters
    ----------
    word : str, default "plain"
        Begins each note.
    """

    name = "acme_note"
    defaults = {"word": "plain"}

    def init(self):
        self.word = self.attributes["word"]
        self.where = "launcher"

    def note(self, hook, *facts):
        note(" ".join([self.word, hook, *map(str, facts)]))

    def step_init(self, flow, graph, step_name, decorators, environment, flow_datastore, logger):
        if self.word == "refused":
            from metaflow.exception import AcmeException

            raise AcmeException(f"step {step_name} is refused")
        self.step = step_name
        if os.getpid() == int(os.environ.get("ACME_LAUNCHER", "0") or 0):
            self.note("step_init", flow.name, graph[step_name].type, flow_datastore.TYPE)

    def runtime_init(self, flow, graph, package, run_id):
        self.run_id = run_id
        self.note("runtime_init", flow.name, run_id.isdigit())

    def runtime_task_created(
        self, task_datastore, task_id, split_index, input_paths, is_cloned, ubf_context
    ):
        paths = [path.partition("/")[2] for path in input_paths]
        task = f"{task_datastore.step_name}/{task_datastore.task_id}"
        self.note("runtime_task_created", task, split_index, paths, is_cloned)

    def runtime_step_cli(self, cli_args, retry_count, max_user_code_retries, ubf_context):
        cli_args.env["ACME_WORD"] = f"{self.word}{retry_count}"
        self.note("runtime_step_cli", retry_count, max_user_code_retries)
        if self.word == "command":
            cli_args.entrypoint = ["somewhere", "else"]

    def task_pre_step(
        self,
        step_name,
        task_datastore,
        metadata,
        run_id,
        task_id,
        flow,
        graph,
        retry_count,
        max_user_code_retries,
        ubf_context,
        inputs,
    ):
        current._update_env({"acme": f"{self.word} for {task_datastore.pathspec}"})
        fact = Datum("acme-word", self.word, "acme", ["a"])
        metadata.register_metadata(run_id, step_name, task_id, [fact])
        count = None if inputs is None else len(inputs)
        self.note("task_pre_step", step_name, task_id, retry_count, count)

    def task_decorate(
        self, step_func, flow, graph, retry_count, max_user_code_retries, ubf_context
    ):
        def wrapped(*args, **kwargs):
            self.note("before", step_func.__name__, os.environ.get("ACME_WORD"))
            step_func(*args, **kwargs)
            flow.decorated = f"by {self.word}"

        return wrapped

    def task_post_step(self, step_name, flow, graph, retry_count, max_user_code_retries):
        self.note("task_post_step", flow.decorated)

    def task_exception(self, exception, step_name, flow, graph, retry_count, max_user_code_retries):
        self.note("task_exception", type(exception).__name__, retry_count, max_user_code_retries)
        return False

    def task_finished(self, step_name, flow, graph, is_task_ok, retry_count, max_user_code_retries):
        self.note("task_finished", is_task_ok)

    def runtime_finished(self, exception):
        self.note("runtime_finished", exception is None)
