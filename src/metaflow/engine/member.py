"""Which member of a gang a single task is, when a scheduler starts each member by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from metaflow.engine.place import check_inputs
from metaflow.errors.run import InputPathsWrong
from metaflow.model.records import PARAMETERS_STEP
from metaflow.model.task import GANG_VAR, Frame, GangPlace

if TYPE_CHECKING:
    from metaflow.model.records import OriginTask
    from metaflow.model.task import Transition

FIRST_PORT, PORTS = 20_000, 10_000
"""Where members meet that nobody has told a port."""


class MemberRequest(NamedTuple):
    """Which member a scheduler means, and what it tells of the others."""

    is_control: bool
    count: int = 0  # type: ignore[assignment]  # the word is worth more than tuple's method
    """How many members there are to be; 0 if it does not say."""
    control_id: str = ""
    """Id of the control task; empty if it follows from the task's own."""
    main_ip: str = ""
    """Address of node 0; empty for this machine."""
    port: int = 0
    """Where the members meet; 0 for one that follows from the control task's id."""


class MemberPlace(NamedTuple):
    """What follows for a member of a gang from the task before it."""

    frames: tuple[Frame, ...]
    inputs: tuple[OriginTask, ...]
    gang: GangPlace


def find_member(
    step: str,
    task_id: str,
    inputs: list[OriginTask],
    split_index: int | None,
    request: MemberRequest,
) -> MemberPlace:
    """Find a member's place from the task that starts its gang.

    Parameters
    ----------
    step : str
        The task's step.
    task_id : str
        Its id.
    inputs : list of OriginTask
        The task before it.
    split_index : int, optional
        Number of the member; the control task of a gang needs none.
    request : MemberRequest
        Which member.

    Raises
    ------
    InputPathsWrong
        No such member follows from this task.
    """
    check_inputs(step, [task for task in inputs if task.step != PARAMETERS_STEP])
    before = inputs[0] if len(inputs) == 1 else None
    transition = None if before is None else before.transition
    if before is None or transition is None or not transition.is_gang:
        raise InputPathsWrong(
            step, "they start no gang", hint="leave out `--ubf-context` and `--num-parallel`"
        )
    count, name = transition.width, f"{before.step}/{before.task_id}"
    if request.count not in {0, count}:
        problem = f"`--num-parallel` is {request.count}, but `{name}` starts a gang of {count}"
        raise InputPathsWrong(step, problem)
    node = _node(step, name, transition, split_index, request)
    gang = GangPlace(
        task_id if request.is_control else _control_id(step, task_id, transition, node, request),
        node,
        count,
        main_ip=request.main_ip,
    )
    if node < 0:
        return MemberPlace(before.frames, (before,), gang)
    frame = Frame(
        before.step, before.task_id, transition.var or GANG_VAR, node, None, transition.items
    )
    return MemberPlace((*before.frames, frame), (before,), gang)


def port_of(gang: GangPlace, run_id: str, attempt: int, request: MemberRequest) -> int:
    """Choose where members meet so that all of them choose alike, and each attempt anew."""
    told = f"{run_id}/{gang.control_id}/{attempt}"
    return request.port or FIRST_PORT + crc32(told.encode()) % PORTS


def _node(
    step: str, name: str, transition: Transition, index: int | None, request: MemberRequest
) -> int:
    first = 0 if transition.var is None else -1
    if request.is_control:
        if index not in {None, first}:
            problem = f"the control task of `{name}` is number {first}, not {index}"
            raise InputPathsWrong(step, problem)
        return first
    if index is None or not first < index < transition.width:
        problem = (
            f"`--split-index` is {index}, but `{name}` starts members {first + 1} to "
            f"{transition.width - 1} beside the control task"
        )
        raise InputPathsWrong(step, problem)
    return index


def _control_id(
    step: str, task_id: str, transition: Transition, node: int, request: MemberRequest
) -> str:
    if request.control_id:
        return request.control_id
    ending = f"_node_{node}" if transition.var is None else f"-{node}"
    if not task_id.endswith(ending):
        raise InputPathsWrong(
            step,
            f"nothing tells the control task of `{task_id}`",
            hint=f"set MF_PARALLEL_CONTROL_TASK_ID, or give the task the id CONTROL{ending}",
        )
    return task_id.removesuffix(ending)
