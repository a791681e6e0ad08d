"""When the user's code is packed, and what a run records of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from metaflow.authoring.composition import is_plain, with_specs
from metaflow.model.records import Change, RunMetadata

if TYPE_CHECKING:
    from metaflow.engine.console import Console
    from metaflow.engine.request import RunRequest
    from metaflow.model.package import PackageOrder
    from metaflow.protocols.workers import CodePacked, PacksCode, WorkerSource

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
    from metaflow.code_package.snapshot import take_snapshot

    assert request.package is not None, "packs_first says that there is something to pack"
    return take_snapshot(request.package, request.flow, request.root)


def changes_of(packed: CodePacked) -> list[Change]:
    """Return what the run records."""
    return [RunMetadata(name, value) for name, value in packed.facts]


def tell_problem(packed: CodePacked, console: Console) -> None:
    """Say why there is no package, if there is none."""
    if packed.problem is not None:
        console.say(f"The code of this run is not packed: {packed.problem}")
