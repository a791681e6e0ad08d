"""When the user's code is packed, and what a run records of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from metaflow.authoring.composition import is_plain, with_specs
from metaflow.errors.base import MetaflowException
from metaflow.model.records import Change, RunMetadata
from metaflow.protocols.workers import CodePacked

if TYPE_CHECKING:
    from metaflow.engine.console import Console
    from metaflow.engine.request import RunRequest
    from metaflow.model.package import PackageOrder
    from metaflow.protocols.metadata_store import FactWriter
    from metaflow.protocols.workers import PacksCode, WorkerSource

WITHIN_S: Final = 10.0
"""How long a launcher whose run is over waits for the package."""


def packs_first(request: RunRequest, workers: WorkerSource | PacksCode) -> bool:
    """Tell whether the launcher packs the code by itself before the first task.

    It does when the settings say so, and where no process has time for it meanwhile.
    """
    if request.package is None:
        return False
    will_pack = getattr(workers, "will_pack", None)
    return request.settings.feat_always_upload_code_package or not (will_pack and will_pack())


def begin_packing(request: RunRequest, workers: WorkerSource | PacksCode) -> PackageOrder | None:
    """Let the source of workers pack the code while this process gets ready for the run.

    Returns
    -------
    PackageOrder or None
        What can only be packed once the run's decorators are attached: it goes with the
        context of the run.
    """
    if request.package is None or packs_first(request, workers):
        return None
    flow = request.flow
    if with_specs(flow) or not is_plain(flow):
        return request.package
    _packing(workers).pack(request.package, request.root)
    return None


def pack_later(workers: WorkerSource | PacksCode) -> None:
    """Let the source of workers pack what `begin_packing` has left."""
    _packing(workers).pack_as_configured()


def _packing(workers: WorkerSource | PacksCode) -> PacksCode:
    packing: Any = workers  # `packs_first` has found out that it is one
    packer: PacksCode = packing
    return packer


def pack_first(request: RunRequest) -> CodePacked:
    """Pack the code in this process."""
    from metaflow.code_package.snapshot import known_snapshot, take_snapshot

    order = request.package
    assert order is not None, "packs_first says that there is something to pack"
    root = order.root or request.root
    if order.known_only:
        return known_snapshot(order, request.flow, root) or CodePacked(())
    return take_snapshot(order, request.flow, root)


def changes_of(packed: CodePacked) -> list[Change]:
    """Return what the run records."""
    return [RunMetadata(name, value) for name, value in packed.facts]


def record_package(packed: CodePacked, journal: FactWriter, run: int) -> CodePacked:
    """Record a package outside of the loop.

    Parameters
    ----------
    packed : CodePacked
        What has become of the order.
    journal : FactWriter
        Where facts go.
    run : int
        The journal's key of the run.

    Returns
    -------
    CodePacked
        The same, or why it could not be recorded.
    """
    changes = changes_of(packed)
    try:
        if changes:
            journal.write(run, changes)
    except MetaflowException as error:
        return packed._replace(problem=error.message)
    return packed


def await_package(
    workers: WorkerSource | PacksCode, journal: FactWriter, run: int, console: Console
) -> None:
    """Record the package of a run that was over sooner, or say why there is none."""
    wait = getattr(workers, "packed", None)
    packed = None if wait is None else wait(WITHIN_S)
    if packed is not None:
        tell_problem(record_package(packed, journal, run), console)


def tell_problem(packed: CodePacked, console: Console) -> None:
    """Say why there is no package, if there is none."""
    if packed.problem is not None:
        console.say(f"The code of this run is not packed: {packed.problem}")
