"""Every flow decorator, and the step decorators whose back end comes later."""

from metaflow import (
    FlowSpec,
    Run,
    airflow_external_task_sensor,
    airflow_internal,
    airflow_s3_key_sensor,
    argo_workflows_internal,
    batch,
    conda,
    conda_base,
    current,
    exit_hook,
    kubernetes,
    namespaced_event_name,
    project,
    pypi,
    pypi_base,
    schedule,
    secrets,
    step,
    step_functions_internal,
    trigger,
    trigger_on_finish,
)
from metaflow.integrations import ArgoEvent
from metaflow.plugins.secrets import SecretsProvider, get_secret


def tell(run: Run) -> None:
    print(run.pathspec)


@exit_hook(on_success=[tell], on_error=["tell"])
@schedule
@trigger(event=namespaced_event_name("news"))
@project(name="shop", branch="trial")
class DeployedFlow(FlowSpec):
    @secrets(sources=["inline.none"], role=None, allow_override=True)
    @conda(packages={"numpy": "2.0"})
    @kubernetes(cpu=2)
    @step
    def start(self) -> None:
        event: str | None = ArgoEvent("news").add_to_payload("a", 1).safe_publish()
        print(event, current.project_name, current.trigger.run.data.rows)
        self.next(self.end)

    @pypi(packages={})
    @batch
    @airflow_internal
    @argo_workflows_internal
    @step_functions_internal
    @step
    def end(self) -> None:
        values: dict[str, str] = get_secret("inline.none")
        print(values, SecretsProvider.TYPE)


@airflow_external_task_sensor(external_dag_id="dag")
@airflow_s3_key_sensor(bucket_key="s3://bucket/key")
@conda_base(python="3.12")
@pypi_base(disabled=True)
@schedule(hourly=True)
@trigger_on_finish(flow="DeployedFlow")
class FollowingFlow(DeployedFlow):
    pass


if __name__ == "__main__":
    decorated: type[DeployedFlow] = FollowingFlow
    decorated()
