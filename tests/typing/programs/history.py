"""What the client shows of past runs, and what it raises."""

from datetime import datetime

from metaflow import (
    DataArtifact,
    Flow,
    Metaflow,
    Run,
    Step,
    Task,
    __version__,
    default_metadata,
    default_namespace,
    get_metadata,
    get_namespace,
    inspect_spin,
    metadata,
    namespace,
)
from metaflow.client.core import Metadata, MetaflowCode, MetaflowData
from metaflow.exception import (
    METAFLOW_EXIT_DISALLOW_RETRY,
    MetaflowException,
    MetaflowNamespaceMismatch,
    MetaflowNotFound,
)


def scope() -> None:
    namespace(None)
    print(get_namespace(), default_namespace(), metadata("local@."), get_metadata())
    print(default_metadata(), __version__, METAFLOW_EXIT_DISALLOW_RETRY)
    inspect_spin(".")


def latest() -> float:
    first = Flow("TrainFlow").latest_run
    score: float = first.data.score if first is not None else 0.0
    run = Flow("TrainFlow").latest_run
    print(run.finished_at - run.created_at, run.end_task.data.score)
    best: float = max(score, Flow("TrainFlow").latest_successful_run.data.score)
    return best


def walk() -> None:
    for flow in Metaflow():
        for run in flow.runs("tag", "other"):
            ended: datetime | None = run.finished_at
            print(run.id, run.pathspec, ended, run.successful, run.finished, run.trigger)
            for made in run:
                visit(made)
            run.add_tag("good")
            run.replace_tags(["good"], ["better", "best"])
            print(sorted(run.tags | run.user_tags | run.system_tags))


def visit(made: Step) -> None:
    for task in made.tasks():
        if task.successful:
            print(task.data.anything, "anything" in task.data, task.artifacts.anything.data)
            print(task.stdout, task.metadata_dict.get("attempt"), task.index)
        elif task.exception is not None:
            print(task.exception.type, task.exception.stacktrace)
        for when, line in task.loglines("stdout"):
            print(when.isoformat(), line)
    code: MetaflowCode | None = made.task.code
    print(made.task.code.flowspec, code, made.environment_info)


def one() -> None:
    try:
        run = Run("TrainFlow/12")
        task = Task("TrainFlow/12/start/1", attempt=0)
        data: MetaflowData = task.data
        facts: list[Metadata] = task.metadata
        artifact = DataArtifact("TrainFlow/12/start/1/score")
        print(run["start"].task, data, facts, artifact.data + 1, artifact.sha, artifact.size)
        print(run.end_task, [step.id for step in run.steps()], "start" in run)
    except MetaflowNotFound as error:
        print(error.headline, error.message)
    except (MetaflowNamespaceMismatch, MetaflowException) as error:
        print(error.line_no, error.source_file)
