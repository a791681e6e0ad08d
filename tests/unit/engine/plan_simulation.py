"""A loop without processes for plans, and a sequential model of a run to hold against it."""

from __future__ import annotations

import random
import zlib
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from metaflow.engine.plan import Plan
from metaflow.engine.plan_graph import PlanGraph, StepNode
from metaflow.engine.plan_messages import (
    AttemptFailed,
    AttemptSucceeded,
    Clone,
    ClonesRecorded,
    Command,
    EndGang,
    Event,
    Launch,
    RecordClones,
    RetryDue,
    RetryLater,
    RunStarted,
    RunSucceeded,
    StepFailed,
    StopRequested,
    StopRunning,
)
from metaflow.engine.plan_origin import OriginRun
from metaflow.model.artifact import ItemsRef, Part
from metaflow.model.records import OriginTask
from metaflow.model.spec import MAX_ATTEMPTS, StepSpec
from metaflow.model.task import GANG_VAR, Frame, Transition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Path = tuple[tuple[str, int], ...]
Key = tuple[str, Path, int]
"""What a task is, whatever its id: step, branches that lead to it, turn in a loop."""


def graph_of(*steps: tuple[Any, ...], specs: Iterable[StepSpec] = ()) -> PlanGraph:
    """Build a graph from (name, kind, target, target…); the first step is the start."""
    by_name = {spec.name: spec for spec in specs}
    nodes = {
        name: StepNode(name, kind, targets, by_name.get(name, StepSpec(name)))
        for name, kind, *rest in steps
        for targets in [tuple(rest)]
    }
    return PlanGraph(steps[0][0], nodes)


class GraphMaker:
    """Draws random well-formed graphs, from the end towards the start."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any], *, specs: bool) -> None:
        self.draw = draw
        self.specs = specs
        self.steps: dict[str, StepNode] = {}

    def make(self) -> PlanGraph:
        end = self.add("end", ())
        return PlanGraph(self.sequence(3, end), self.steps)

    def add(self, kind: Any, targets: tuple[str, ...]) -> str:
        name = f"{kind}_{len(self.steps)}"
        spec = StepSpec(name)
        if self.specs:
            spec = StepSpec(
                name,
                retries=self.draw(st.integers(0, 6)),
                retry_wait_s=self.draw(st.sampled_from([0.0, 60.0])),
                fallbacks=self.draw(st.sampled_from([0, 0, 1, 3, 7])),
            )
        self.steps[name] = StepNode(name, kind, targets, spec)
        return name

    def sequence(self, depth: int, successor: str) -> str:
        for _ in range(self.draw(st.integers(1, 2 if depth else 1))):
            successor = self.block(depth, successor)
        return successor

    def block(self, depth: int, successor: str) -> str:
        kinds = ["linear"]
        if depth:
            kinds += ["split", "foreach", "switch", "loop", "parallel", "unbounded"]
        kind = self.draw(st.sampled_from(kinds))
        if kind == "linear":
            return self.add("linear", (successor,))
        if kind in {"parallel", "unbounded"}:
            join = self.add("join", (successor,))
            gang = self.add("linear", (join,))
            if kind == "parallel":
                return self.add("parallel", (gang,))
            name = self.add("foreach", (gang,))
            self.steps[f"un{name}"] = self.steps.pop(name)._replace(name=f"un{name}")
            return f"un{name}"
        if kind in {"split", "foreach"}:
            join = self.add("join", (successor,))
            width = self.draw(st.integers(2, 3)) if kind == "split" else 1
            return self.add(kind, tuple(self.sequence(depth - 1, join) for _ in range(width)))
        width = self.draw(st.integers(1, 2))
        cases = [self.sequence(depth - 1, successor) for _ in range(width)]
        name = f"switch_{len(self.steps)}"
        if kind == "loop":
            cases.insert(self.draw(st.integers(0, width)), name)
        else:
            cases.append(successor)
        return self.add("switch", tuple(cases))


@st.composite
def graphs(draw: Callable[[st.SearchStrategy[Any]], Any], *, specs: bool = False) -> PlanGraph:
    return GraphMaker(draw, specs=specs).make()


class Oracle:
    """Decides, for good, what the user's code does in each task."""

    def __init__(self, seed: int, trouble: float = 0.0) -> None:
        self.seed = seed
        self.trouble = trouble

    def draw(self, count: int, *question: object) -> int:
        return zlib.crc32(repr((self.seed, question)).encode()) % count

    def transition(self, node: StepNode, key: Key) -> Transition | None:
        if node.kind == "end":
            return None
        if node.name.startswith("un"):
            items = ItemsRef(1 + self.draw(3, key), Part("d", 1, 0, 1))
            return Transition(node.targets, "xs", None, items)
        if node.kind == "foreach":
            return Transition(node.targets, "xs", 1 + self.draw(3, key))
        if node.kind == "parallel":
            return Transition(node.targets, count=self.draw(4, key))
        if node.kind == "switch":
            ahead = [name for name in node.targets if name != node.name or key[2] < 2]
            return Transition((ahead[self.draw(len(ahead), key)],), condition="c")
        return Transition(node.targets)

    def fate(self, key: Key, attempt: int, *, fallback: bool) -> str:
        if self.draw(1000, "lucky", key, attempt) >= 1000 * self.trouble:
            return "handled" if fallback else "ok"
        return ["fail", "fail for good", "crash", "crash for good"][
            self.draw(4, "fate", key, attempt)
        ]


class Mixed(Oracle):
    """One oracle for some steps, another for the rest."""

    def __init__(self, steps: frozenset[str], these: Oracle, rest: Oracle) -> None:
        super().__init__(0)
        self.steps, self.these, self.rest = steps, these, rest

    def transition(self, node: StepNode, key: Key) -> Transition | None:
        return (self.these if node.name in self.steps else self.rest).transition(node, key)


def model_run(graph: PlanGraph, oracle: Oracle) -> dict[Key, tuple[Key, ...]]:
    """Run the flow one task after another; return each task with its inputs."""
    done: dict[Key, tuple[Key, ...]] = {}

    def walk(step: str, path: Path, inputs: tuple[Key, ...]) -> tuple[str, Key]:
        turn = 0
        while True:
            node = graph.steps[step]
            key = (step, path, turn)
            assert key not in done
            done[key] = inputs
            transition = oracle.transition(node, key)
            if transition is None:
                return "", key
            if node.kind in {"split", "foreach", "parallel"}:
                children = transition.targets
                if node.kind != "split":
                    children = transition.targets * transition.width
                if node.name.startswith("un"):
                    done[children[0], path, 0] = (key,)
                arrivals = [
                    walk(child, (*path, (step, index)), (key,))
                    for index, child in enumerate(children)
                ]
                (target,) = {join for join, _ in arrivals}
                inputs = tuple(last for _, last in arrivals)
            else:
                (target,) = transition.targets
                if graph.steps[target].is_join:
                    return target, key
                inputs = (key,)
            turn = turn + 1 if target == step else 0
            step = target

    walk(graph.start, (), ())
    return done


def next_attempt(spec: StepSpec, failures: list[str]) -> str | None:
    """Say what follows these failures: `user`, `fallback` or nothing."""
    user_limit = max(1, min(spec.retries + 1, MAX_ATTEMPTS - spec.fallbacks))
    # A failure for good ends the user's attempts, and so does the last of them.
    user = next((n for n, fate in enumerate(failures, 1) if fate.endswith("for good")), user_limit)
    user = min(user, user_limit)
    if len(failures) < user:
        return "user"
    budget = min(spec.fallbacks, MAX_ATTEMPTS - user)
    crashed_on = all(fate.startswith("crash") for fate in failures[user - 1 :])
    return "fallback" if crashed_on and len(failures) - user < budget else None


class GangTrack:
    """What became of the members in the attempt at hand."""

    def __init__(self) -> None:
        self.finished: dict[str, Transition | None] = {}
        """Members that are through for good, if the whole gang will be."""
        self.running: list[str] = []
        self.doomed: set[str] = set()
        self.fates: dict[str, str] = {}
        """Of members that failed by themselves."""

    def fate(self) -> str:
        """Sum the failures up as those of one task."""
        if not self.fates:
            return "crash for good"
        fates = self.fates.values()
        kind = "crash" if all(fate.startswith("crash") for fate in fates) else "fail"
        return f"{kind} for good" if any(fate.endswith("for good") for fate in fates) else kind


class Simulation:
    """Feeds a plan in random order and checks every command it gives."""

    def __init__(
        self,
        graph: PlanGraph,
        oracle: Oracle,
        seed: int,
        *,
        max_workers: int = 3,
        origin: list[OriginTask] | None = None,
        step_to_rerun: str | None = None,
        clone_only: bool = False,
    ) -> None:
        self.graph = graph
        self.oracle = oracle
        self.expected = model_run(graph, oracle)
        self.random = random.Random(seed)
        self.max_workers = max_workers
        self.clone_only = clone_only
        self.plan = Plan(
            graph,
            max_workers=max_workers,
            max_num_splits=100,
            origin=None if origin is None else OriginRun(origin),
            step_to_rerun=step_to_rerun,
            clone_only=clone_only,
            clones_at_once=1 + seed % 4,
        )
        self.keys: dict[str, Key] = {}
        self.facts: dict[str, Launch | Clone] = {}
        self.finished: dict[Key, str] = {}
        self.failures: dict[str, list[str]] = {}
        self.launched: list[Key] = []
        self.cloned: list[Key] = []
        self.running: dict[str, Launch] = {}
        self.sleeping: set[str] = set()
        self.failed: set[str] = set()
        self.gangs: dict[str, GangTrack] = {}
        self.stopping = False
        self.clones_wait = False
        self.ending: Command | None = None
        self.history: list[Event] = []
        self.commands: list[Command] = []
        self.records: dict[str, OriginTask] = {}

    def run(self, events: int | None = None) -> Simulation:
        """Go on to the end, or for so many events."""
        while self.ending is None and (events is None or len(self.history) < events):
            self.feed(self.next_event() if self.history else RunStarted())
        return self

    def feed(self, event: Event) -> None:
        self.history.append(event)
        commands = self.plan.feed(event)
        for command in commands:
            assert self.ending is None
            self.obey(command)
        self.commands += commands
        self.check()

    def next_event(self) -> Event:
        if self.clones_wait:
            self.clones_wait = False
            return ClonesRecorded()
        task_id = self.random.choice([*self.running, *sorted(self.sleeping)])
        if task_id in self.sleeping:
            self.sleeping.remove(task_id)
            return RetryDue(task_id)
        launch = self.running.pop(task_id)
        if launch.gang is not None:
            return self.next_of_member(launch, self.gangs[launch.gang.control_id])
        key = self.keys[task_id]
        fate = self.oracle.fate(key, launch.attempt, fallback=launch.fallback)
        if fate in {"ok", "handled"}:
            handled = fate == "handled"
            transition = self.oracle.transition(self.graph.steps[launch.step], key)
            self.finish(launch, transition, handled=handled)
            return AttemptSucceeded(task_id, launch.attempt, transition, handled)
        self.failures[task_id].append(fate)
        self.records[task_id] = self.record(launch, launch.attempt, None, ok=False)
        if (
            self.stopping
            or next_attempt(self.graph.steps[key[0]].spec, self.failures[task_id]) is None
        ):
            self.failed.add(task_id)
        return AttemptFailed(
            task_id,
            launch.attempt,
            retryable=not fate.endswith("for good"),
            crashed=fate.startswith("crash"),
        )

    def next_of_member(self, launch: Launch, gang: GangTrack) -> Event:
        task_id, spec = launch.task_id, self.graph.steps[launch.step].spec
        fate = self.oracle.fate(self.keys[task_id], launch.attempt, fallback=launch.fallback)
        gang.running.remove(task_id)
        if fate.startswith("fail") and spec.fallbacks and launch.last_attempt:
            fate = "handled"
        was_doomed = task_id in gang.doomed and self.random.random() < 0.8
        event: AttemptSucceeded | AttemptFailed
        if was_doomed or fate not in {"ok", "handled"}:
            self.records[task_id] = self.record(launch, launch.attempt, None, ok=False)
            if not was_doomed:
                gang.fates[task_id] = fate
            event = AttemptFailed(
                task_id,
                launch.attempt,
                retryable=not was_doomed and not fate.endswith("for good"),
                crashed=was_doomed or fate.startswith("crash"),
                killed=was_doomed,
            )
        else:
            transition = Transition(self.graph.steps[launch.step].targets)
            gang.finished[task_id] = transition
            handled = fate == "handled"
            self.records[task_id] = self.record(
                launch, launch.attempt, transition, ok=True, handled=handled
            )
            event = AttemptSucceeded(task_id, launch.attempt, transition, handled)
        if not gang.running:
            self.gang_ended(launch, gang)
        return event

    def gang_ended(self, launch: Launch, gang: GangTrack) -> None:
        control_id = launch.gang.control_id
        members = [
            task_id
            for task_id, task in self.facts.items()
            if task.gang is not None and task.gang.control_id == control_id
        ]
        left = [task_id for task_id in members if task_id not in gang.finished]
        if not left:
            for task_id in members:
                self.finished[self.keys[task_id]] = task_id
            return
        self.failures[control_id].append(gang.fate())
        spec = self.graph.steps[launch.step].spec
        if self.stopping:
            is_over = bool(gang.fates)
        else:
            is_over = next_attempt(spec, self.failures[control_id]) is None
        if is_over:
            self.failed.add(next(iter(gang.fates), left[0]))

    def record(
        self,
        task: Launch | Clone,
        attempt: int,
        transition: Transition | None,
        *,
        ok: bool,
        handled: bool = False,
    ) -> OriginTask:
        return OriginTask(
            task.task_id,
            task.step,
            task.frames,
            task.input_ids,
            attempt,
            ok,
            handled,
            "{}",
            transition,
        )

    def finish(self, task: Launch | Clone, transition: Transition | None, *, handled: bool) -> None:
        key = self.keys[task.task_id]
        assert key not in self.finished
        self.finished[key] = task.task_id
        attempt = task.attempt if isinstance(task, Launch) else task.origin.attempt
        self.records[task.task_id] = self.record(
            task, attempt, transition, ok=True, handled=handled
        )

    def obey(self, command: Command) -> None:
        if isinstance(command, Launch):
            self.launch(command)
        elif isinstance(command, Clone):
            self.meet(command)
            self.cloned.append(self.keys[command.task_id])
            self.finish(command, command.origin.transition, handled=command.origin.handled)
        elif isinstance(command, RecordClones):
            self.clones_wait = True
        elif isinstance(command, EndGang):
            gang = self.gangs[self.facts[command.failed_id].gang.control_id]
            assert not gang.doomed, "each attempt of a gang is ended once"
            assert list(command.task_ids) == gang.running
            gang.doomed = set(command.task_ids)
        elif isinstance(command, RetryLater):
            spec = self.graph.steps[self.keys[command.task_id][0]].spec
            assert command.wait_s == spec.retry_wait_s > 0
            assert next_attempt(spec, self.failures[command.task_id]) == "user"
            self.sleeping.add(command.task_id)
        elif isinstance(command, StepFailed):
            assert command.task_id in self.failed
            assert command.step == self.keys[command.task_id][0]
            self.stopping = True
        elif isinstance(command, StopRunning):
            assert self.running
            self.stopping = True
        else:
            self.ending = command

    def launch(self, launch: Launch) -> None:
        assert not self.stopping
        assert not self.clone_only
        assert not self.clones_wait, "all clones come before anything new"
        spec = self.graph.steps[launch.step].spec
        control_id = launch.gang.control_id if launch.gang is not None else launch.task_id
        failures = self.failures.setdefault(control_id, [])
        self.records.pop(launch.task_id, None)
        if launch.attempt == 0:
            self.meet(launch)
            self.launched.append(self.keys[launch.task_id])
        assert launch.attempt == len(failures) < MAX_ATTEMPTS
        assert next_attempt(spec, failures) == ("fallback" if launch.fallback else "user")
        assert launch.last_attempt == (next_attempt(spec, [*failures, "fail"]) != "user")
        assert launch.is_join == self.graph.steps[launch.step].is_join
        assert (
            launch._replace(attempt=0, last_attempt=False, fallback=False)
            == self.facts[launch.task_id]
        )
        assert launch.task_id not in self.running
        assert control_id not in self.sleeping
        self.running[launch.task_id] = launch
        assert self.slots() <= self.max_workers
        if launch.gang is not None:
            gang = self.gangs.setdefault(control_id, GangTrack())
            if not gang.running:
                gang.fates, gang.doomed = {}, set()
                if not launch.fallback:
                    gang.finished = {}
            assert launch.task_id not in gang.finished
            gang.running.append(launch.task_id)

    def slots(self) -> int:
        """Count what runs; a gang counts once."""
        return len(
            {
                launch.gang.control_id if launch.gang is not None else launch.task_id
                for launch in self.running.values()
            }
        )

    def meet(self, task: Launch | Clone) -> None:
        """Check a task that is seen for the first time."""
        if task.gang is None or task.task_id == task.gang.control_id:
            numbered = [task_id for task_id in self.keys if task_id.isdecimal()]
            assert int(task.task_id) == len(numbered) + 1
        else:
            between = "-" if task.frames[-1].items is not None else "_node_"
            assert task.task_id == f"{task.gang.control_id}{between}{task.gang.node}"
        inputs = tuple(self.keys[input_id] for input_id in task.input_ids)
        path = tuple((frame.step, frame.index) for frame in task.frames)
        looped = inputs and inputs[0][:2] == (task.step, path)
        if task.gang is not None:
            assert task.gang.control_id in {*self.keys, task.task_id}
        key = (task.step, path, inputs[0][2] + 1 if looped else 0)
        self.keys[task.task_id] = key
        self.facts[task.task_id] = (
            task._replace(attempt=0, last_attempt=False, fallback=False)
            if isinstance(task, Launch)
            else task
        )
        assert inputs == self.expected[key]
        assert all(input_key in self.finished for input_key in inputs)
        for depth, frame in enumerate(task.frames):
            self.check_frame(frame, path[:depth])

    def check_frame(self, frame: Frame, outer: Path) -> None:
        key = self.keys[frame.task_id]
        assert key == (frame.step, outer, 0)
        assert self.finished[key] == frame.task_id
        transition = self.oracle.transition(self.graph.steps[frame.step], key)
        assert transition is not None
        assert frame.var == (GANG_VAR if frame.is_gang else transition.var)
        assert frame.count == (None if transition.is_gang else transition.width)
        assert frame.items == transition.items
        assert 0 <= frame.index < transition.width

    def check(self) -> None:
        progress = self.plan.progress()
        assert progress.done == len(self.finished)
        assert progress.cloned == len(self.cloned)
        assert progress.running == len(self.running)
        assert progress.failed == len(self.failed)
        if self.stopping:
            assert progress.waiting == 0
        elif progress.waiting > len(self.sleeping) and not self.clones_wait:
            assert self.slots() == self.max_workers, "a slot is idle"
        if progress.total is not None:
            assert progress.total == len(self.expected)
        if self.ending is not None:
            assert not self.running
            assert self.plan.feed(StopRequested("too late")) == []

    def origin(self) -> list[OriginTask]:
        """Return what a store would know if the launcher died now, in no special order."""
        tasks = list(self.records.values())
        self.random.shuffle(tasks)
        return tasks

    def assert_complete(self) -> None:
        assert isinstance(self.ending, RunSucceeded)
        assert set(self.finished) == set(self.expected)
        assert self.plan.progress().total == len(self.expected)
