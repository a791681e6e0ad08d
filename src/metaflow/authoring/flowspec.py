"""What a flow is to its author: steps, transitions, attributes that become artifacts."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from metaflow import registry
from metaflow.authoring import inputs as joins
from metaflow.authoring import transitions
from metaflow.authoring.constants import not_modifiable
from metaflow.authoring.state import TaskState
from metaflow.authoring.steps import StepFunction, step_functions
from metaflow.errors.base import MetaflowException
from metaflow.model.artifact import read_ref
from metaflow.model.task import Input

if TYPE_CHECKING:
    from metaflow.model.foreach_frame import ForeachFrame

ITEM_CHARS = 20
"""How much of a foreach item `str(self)` shows."""
FACES = {"_worker": "worker", "_exit_hook": "exit_hooks"}
"""What the program becomes when we have started it ourselves, by its first argument."""


class _OwnClass:
    """The class itself, also on the class: older code looks for it below mutators."""

    def __get__(self, instance: FlowSpec | None, owner: type[FlowSpec]) -> type[FlowSpec]:
        return owner


class FlowSpec:
    """Base class of all flows.

    Write one method per step, mark it with `@step`, and end each with `self.next(...)`.
    Everything assigned to `self` is an artifact: it is stored when the task ends, versioned,
    and visible in the steps that follow.

    Parameters
    ----------
    use_cli : bool, default True
        Run the command line. The usual last line of a flow file is `MyFlow()`, which does
        nothing when the file is merely imported.

    Examples
    --------
    >>> class HelloFlow(FlowSpec):
    ...     @step
    ...     def start(self):
    ...         self.greeting = "hello"
    ...         self.next(self.end)
    ...
    ...     @step
    ...     def end(self):
    ...         print(self.greeting)
    """

    def __init_subclass__(cls, **options: Any) -> None:
        """Note a flow that a program defines; see whether it is started, too."""
        super().__init_subclass__(**options)
        if cls.__module__ == "__main__" and len(sys.argv) > 1:
            import atexit

            atexit.register(_tell_unstarted, cls)

    def __init__(self, use_cli: bool = True) -> None:
        _made.add(True)
        caller = sys._getframe(1)  # noqa: SLF001 - its module tells a program from an import
        if use_cli and _is_program(caller.f_globals, caller.f_code.co_name):
            face = FACES.get(sys.argv[1] if len(sys.argv) > 1 else "", "command_line")
            # Nothing follows this call that could want the process back.
            is_last = caller.f_back is None and not caller.f_code.co_exceptiontable
            registry.load("face", face)(self, is_last=is_last)

    # ── what users call ──────────────────────────────────────────────────────────────────

    @property
    def index(self) -> int | None:
        """Position of this task in the innermost foreach, from 0; None outside of one."""
        frames = self.__dict__["__state__"].foreach_frames() if self._has_state() else []
        return frames[-1].index if frames else None

    @property
    def input(self) -> Any:
        """Item of the innermost foreach that this task works on; None outside of one."""
        if not self._has_state():
            return None
        state: TaskState = self.__dict__["__state__"]
        frames = state.foreach_frames()
        return state.foreach_value(frames[-1]) if frames else None

    @property
    def script_name(self) -> str:
        """Base name of the file that defines the flow."""
        return os.path.basename(_source_file(type(self)))

    def foreach_stack(self) -> list[tuple[int, Any, Any]]:
        """Open foreachs as (index, number of items, item), outermost first.

        The number is None in a gang.
        """
        if not self._has_state():
            return []
        state: TaskState = self.__dict__["__state__"]
        return [
            (frame.index, frame.count, state.foreach_value(frame))
            for frame in state.foreach_frames()
        ]

    def next(self, *dsts: Any, **kwargs: Any) -> None:
        """Say which step comes next; the last thing that a step does.

        Parameters
        ----------
        *dsts : step methods, or one dict
            `self.next(self.a)` goes on to `a`; several steps run in parallel; with
            `foreach='x'` the step runs once per item of `self.x`; a dict with
            `condition='v'` runs the step that stands under the value of `self.v`.
        foreach : str, optional
            Name of the attribute to iterate over.
        num_parallel : int, optional
            Run the step as a gang of so many tasks; it has the decorator `@parallel`.
        condition : str, optional
            Name of the attribute that chooses a step.

        Raises
        ------
        InvalidNextException
            The call makes no sense; the message says why and on which line.
        """
        caller = sys._getframe(1)  # noqa: SLF001 - errors name the line of the user's call
        place = (caller.f_code.co_filename, caller.f_lineno)
        state = self._state("self.next")
        state.transition = transitions.resolve(self, state, dsts, kwargs, place)

    def merge_artifacts(
        self,
        inputs: Iterable[FlowSpec],
        exclude: Iterable[str] | None = None,
        include: Iterable[str] | None = None,
    ) -> None:
        """Carry the artifacts of a join's inputs on where they agree.

        Parameters
        ----------
        inputs : iterable of inputs
            What the join received.
        exclude : iterable of str, optional
            Names to leave out.
        include : iterable of str, optional
            The only names to carry on.

        Raises
        ------
        UnhandledInMergeArtifactsException
            Inputs disagree on artifacts that the join has not set itself.
        MissingInMergeArtifactsException
            `include` has names that no input has.
        """
        state = self._state("merge_artifacts")
        merged = joins.merge(self, state, inputs, exclude, include)
        state.inherited.update(merged)

    def cmd(
        self,
        cmdline: str,
        input: dict[str, str | bytes] | None = None,  # noqa: A002 - public keyword
        output: Iterable[str] = (),
    ) -> list[bytes]:
        """Run a shell command in an empty folder, with files put in and files taken out.

        Parameters
        ----------
        cmdline : str
            What the shell runs.
        input : dict of str to str or bytes, optional
            Content of files to create first, by name.
        output : iterable of str
            Names of files to read afterwards.

        Returns
        -------
        list of bytes
            Contents of the output files, in the order asked.
        """
        from metaflow.authoring.shell import run_command

        return run_command(cmdline, input or {}, output)

    def __iter__(self) -> Iterator[StepFunction]:
        """Iterate over the step methods."""
        for name, _ in step_functions(type(self)):
            yield getattr(self, name)

    # ── attributes ───────────────────────────────────────────────────────────────────────

    def __getattr__(self, name: str) -> Any:
        """Load an artifact of the predecessor when the task has not set it itself."""
        state: TaskState | None = self.__dict__.get("__state__")
        ref = None if state is None else state.inherited.get(name)
        if state is None or ref is None:
            message = f"Flow {type(self).__name__} has no attribute '{name}'"
            raise AttributeError(message, name=name, obj=self)
        value = state.load(name, read_ref(ref))
        self.__dict__[name] = value
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an artifact, unless the name is fixed for the whole run."""
        state: TaskState | None = self.__dict__.get("__state__")
        if state is not None:
            if state.read_only:
                raise not_modifiable(name, "an artifact of a finished task")
            if name in state.sealed:
                is_parameter = name in state.context.parameter_names
                raise not_modifiable(name, "a parameter" if is_parameter else "a class constant")
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        """Forget what this task has assigned; what it inherits stays, and a warning says so."""
        state: TaskState | None = self.__dict__.get("__state__")
        if state is not None and (state.read_only or name in state.sealed):
            raise not_modifiable(name, "fixed for the whole run")
        is_inherited = state is not None and name in state.inherited
        if name in self.__dict__ or not is_inherited:
            object.__delattr__(self, name)
        if is_inherited:
            import warnings

            warnings.warn(
                f"`{name}` is inherited from the step before and stays visible: `del` only "
                "forgets what this step has assigned. Assign None to hide it.",
                stacklevel=2,
            )

    def __dir__(self) -> list[str]:
        """Names on the instance, its class and among the inherited artifacts."""
        state: TaskState | None = self.__dict__.get("__state__")
        inherited = [] if state is None else list(state.inherited)
        return [*object.__dir__(self), *inherited]

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        """Refuse to be stored: a flow is not a value."""
        raise MetaflowException(
            f"Flow {type(self).__name__} can't be serialized: `self` or an element of `inputs` "
            "was stored in an artifact.",
            hint="store the values you need (`self.x = inputs[0].x`), not the whole object",
        )

    def __str__(self) -> str:
        state: TaskState | None = self.__dict__.get("__state__")
        flow = type(self).__name__
        if state is None:
            return f"<flow {flow}>"
        frames = state.foreach_frames()
        if not frames:
            return f"<flow {flow} step {state.step}>"
        item = str(self.input)
        if len(item) > ITEM_CHARS:
            item = item[:ITEM_CHARS] + "..."
        place = ",".join(str(frame.index) for frame in frames)
        return f"<flow {flow} step {state.step}[{place}] (input: {item})>"

    # ── what tools and older code read ───────────────────────────────────────────────────

    @property
    def name(self) -> str:
        """Name of the flow, which is the name of its class."""
        return type(self).__name__

    @property
    def _current_step(self) -> str | None:
        return self.__dict__["__state__"].step if self._has_state() else None

    @property
    def _foreach_stack(self) -> list[ForeachFrame]:
        from metaflow.model.foreach_frame import ForeachFrame

        frames = self.__dict__["__state__"].foreach_frames() if self._has_state() else ()
        return [
            ForeachFrame(frame.step, frame.var, frame.count, frame.index, place[2])
            for frame, place in zip(frames, self.foreach_stack(), strict=True)
        ]

    @property
    def _graph(self) -> Any:
        return flow_graph(type(self))

    _flow_cls = _OwnClass()

    def _has_state(self) -> bool:
        return "__state__" in self.__dict__

    def _state(self, call: str) -> TaskState:
        if not self._has_state():
            raise MetaflowException(f"`{call}` can only be called while a step runs.")
        state: TaskState = self.__dict__["__state__"]
        return state


_made: set[bool] = set()
"""Not empty once a flow object was made: the program knows how flows are started."""


def _tell_unstarted(flow: type[FlowSpec]) -> None:
    """At the end of a program, tell its user that it has not done what they asked for."""
    import atexit

    atexit.unregister(_tell_unstarted)  # of several flows the last one is told of
    if not _made and not hasattr(sys, "last_value"):
        registry.load("face", "unstarted")(flow, sys.argv)


def bind(flow: type[FlowSpec], state: TaskState) -> FlowSpec:
    """Make the flow instance that a task's code works on."""
    instance = object.__new__(flow)
    instance.__dict__["__state__"] = state
    return instance


def show_finished(flow: type[FlowSpec], item: Input, state: TaskState) -> FlowSpec:
    """Make the read-only flow that shows a predecessor to the join behind `state`."""
    shown = TaskState(
        state.context, item.step, item.frames, dict(item.manifest), state.store, read_only=True
    )
    return bind(flow, shown)


def flow_graph(flow: type[FlowSpec]) -> Any:
    """Graph of a flow class, read from its source once per process."""
    graph = vars(flow).get("__graph__")
    if graph is None:
        from metaflow.graph import build_graph

        graph = build_graph(flow)
        type.__setattr__(flow, "__graph__", graph)
    return graph


def _source_file(flow: type) -> str:
    module = sys.modules.get(flow.__module__)
    return str(getattr(module, "__file__", None) or sys.argv[0])


def _is_program(caller: dict[str, Any], function: str) -> bool:
    """Tell `MyFlow()` in a program from the same line in an imported file or a notebook."""
    if caller.get("__name__") == "__main__":
        return "get_ipython" not in caller
    # Inside a function the author decides; at the top level of an imported module the
    # program is somebody else's.
    return function != "<module>"
