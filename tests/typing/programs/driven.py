"""Flows driven by programs: runners, deployers, files as parameters, code packages."""

from metaflow import (
    Deployer,
    FlowSpec,
    IncludeFile,
    NBDeployer,
    NBRunner,
    Run,
    Runner,
    run_flow,
    step,
)
from metaflow.includefile import IncludedFile
from metaflow.package import MetaflowPackage
from metaflow.packaging_sys import ContentType
from metaflow.plugins.secrets import get_secret
from metaflow.runner.deployer import DeployedFlow, TriggeredRun
from metaflow.runner.metaflow_runner import ExecutingRun


class DrivenFlow(FlowSpec):
    table = IncludeFile("table", default="table.csv", is_text=True, help="Rows.")

    @step
    def start(self) -> None:
        self.rows = self.table.splitlines()


def local() -> None:
    with Runner("flow.py", show_output=False, pylint=False, env={"A": "1"}) as runner:
        executing: ExecutingRun = runner.run(alpha=0.5, max_workers=2, tags=["a"])
        print(executing.status, executing.returncode, executing.stdout, executing.run.data.rows)
    with runner.resume(step_to_rerun="end") as again:
        print(again.run.successful)


async def later() -> None:
    async with Runner("flow.py") as runner:
        executing = await runner.async_run(alpha=0.5)
        async for position, line in executing.stream_log("stdout"):
            print(position, line)
        await executing.wait(timeout=5)


def notebook() -> Run:
    run: Run = NBRunner(DrivenFlow).nbrun()
    NBDeployer(DrivenFlow).cleanup()
    return run


def deployed() -> None:
    deployer = Deployer("flow.py")
    flow: DeployedFlow = deployer.argo_workflows(name="x").create()
    triggered: TriggeredRun = flow.trigger(alpha=1)
    run = triggered.run
    print(flow.name, None if run is None else run.pathspec)


def direct() -> int:
    run: Run = run_flow(DrivenFlow, parameters={"table": "rows.csv"})
    print(get_secret("inline.x"), ContentType.USER_CONTENT, MetaflowPackage, IncludedFile)
    return len(run.data.rows)
