"""Decorators whose back end this installation does not have: what they take, what they need.

A flow that uses them imports, checks and shows. It also runs where they ask for nothing, such
as `@conda(disabled=True)`; otherwise a run says what is missing before anything starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from metaflow.authoring.flow_decorators import FlowDecorator, FlowDecoratorSyntax
from metaflow.authoring.step_decorators import DecoratorSyntax, StepDecorator
from metaflow.model.flow_facts import FlowFacts, Sensor, Situation
from metaflow.model.spec import Lack, StepSpec

CONDA: Mapping[str, Any] = {"packages": {}, "libraries": {}, "python": None, "disabled": None}
PYPI: Mapping[str, Any] = {"packages": {}, "python": None, "disabled": None}
SENSOR: Mapping[str, Any] = {
    "timeout": 3600,
    "poke_interval": 60,
    "mode": "reschedule",
    "exponential_backoff": True,
    "pool": None,
    "soft_fail": False,
    "name": None,
    "description": None,
}


class Unavailable(StepDecorator):
    """A step decorator that is checked and shown, and keeps a flow from running here."""

    needs: ClassVar[str]
    """The back end, as in «which needs …»."""
    default_of: ClassVar[str | None] = None
    """The flow decorator whose `disabled` counts for steps that say nothing."""

    def declare(self, spec: StepSpec) -> StepSpec:
        """Say what is missing, unless nothing is asked for."""
        if self.default_of is not None and _asks_for_nothing(self.attributes):
            return spec
        default_of = self.default_of if self.attributes.get("disabled") is None else None
        lack = Lack(self.name, self.needs, not self.statically_defined, default_of)
        return spec._replace(unavailable=(*spec.unavailable, lack))


class UnavailableBase(FlowDecorator):
    """A flow decorator that sets what all steps need, and keeps a flow from running here."""

    needs: ClassVar[str]

    def declare(self, facts: FlowFacts, situation: Situation) -> FlowFacts:
        """Say what is missing, unless nothing is asked for."""
        del situation
        if self.attributes["disabled"]:
            return facts._replace(disabled=(*facts.disabled, self.name))
        if _asks_for_nothing(self.attributes):
            return facts
        return facts._replace(unavailable=(*facts.unavailable, Lack(self.name, self.needs)))


def _asks_for_nothing(attributes: Mapping[str, Any]) -> bool:
    if attributes["disabled"]:
        return True
    return not any(attributes.get(name) for name in ("packages", "libraries", "python"))


class AirflowSensor(FlowDecorator):
    """Something that Airflow waits for; runs that are started by hand do not."""

    allow_multiple = True

    def declare(self, facts: FlowFacts, situation: Situation) -> FlowFacts:
        """Hand the attributes on to whoever writes the deployment."""
        del situation
        sensor = Sensor(self.name, dict(self.attributes))
        return facts._replace(sensors=(*facts.sensors, sensor))


class BatchDecorator(Unavailable):
    """Run the step on AWS Batch."""

    name = "batch"
    needs = "the AWS Batch back end"
    defaults: ClassVar[Mapping[str, Any]] = {
        "cpu": None,
        "gpu": None,
        "memory": None,
        "image": None,
        "queue": None,
        "iam_role": None,
        "execution_role": None,
        "shared_memory": None,
        "max_swap": None,
        "swappiness": None,
        "inferentia": None,
        "trainium": None,
        "efa": None,
        "host_volumes": None,
        "efs_volumes": None,
        "use_tmpfs": False,
        "tmpfs_tempdir": True,
        "tmpfs_size": None,
        "tmpfs_path": "/metaflow_temp",
        "aws_batch_tags": {},
        "ephemeral_storage": None,
        "log_driver": None,
        "log_options": None,
        "executable": None,
        "privileged": False,
    }


class KubernetesDecorator(Unavailable):
    """Run the step on Kubernetes."""

    name = "kubernetes"
    needs = "the Kubernetes back end"
    defaults: ClassVar[Mapping[str, Any]] = {
        "cpu": "1",
        "memory": "4096",
        "disk": "10240",
        "image": None,
        "image_pull_policy": None,
        "image_pull_secrets": None,
        "service_account": None,
        "secrets": None,
        "node_selector": None,
        "namespace": None,
        "gpu": None,
        "gpu_vendor": None,
        "tolerations": None,
        "labels": None,
        "annotations": None,
        "use_tmpfs": False,
        "tmpfs_size": None,
        "tmpfs_path": "/metaflow_temp",
        "tmpfs_tempdir": True,
        "persistent_volume_claims": None,
        "shared_memory": None,
        "port": None,
        "compute_pool": None,
        "executable": None,
        "hostname_resolution_timeout": 600,
        "qos": "Burstable",
        "extended_resources": {},
        "security_context": None,
    }


class CondaDecorator(Unavailable):
    """Run the step with these packages from Conda."""

    name = "conda"
    needs = "Conda environments"
    default_of: ClassVar[str | None] = "conda_base"
    defaults: ClassVar[Mapping[str, Any]] = CONDA


class PypiDecorator(Unavailable):
    """Run the step with these packages from PyPI."""

    name = "pypi"
    needs = "PyPI environments"
    default_of: ClassVar[str | None] = "pypi_base"
    defaults: ClassVar[Mapping[str, Any]] = PYPI


class AirflowInternal(Unavailable):
    """What a deployment on Airflow adds to each step."""

    name = "airflow_internal"
    needs = "the Airflow deployment"


class ArgoWorkflowsInternal(Unavailable):
    """What a deployment on Argo Workflows adds to each step."""

    name = "argo_workflows_internal"
    needs = "the Argo Workflows deployment"


class StepFunctionsInternal(Unavailable):
    """What a deployment on AWS Step Functions adds to each step."""

    name = "step_functions_internal"
    needs = "the AWS Step Functions deployment"


class CondaBase(UnavailableBase):
    """Run all steps with these packages from Conda."""

    name = "conda_base"
    needs = "Conda environments"
    defaults: ClassVar[Mapping[str, Any]] = CONDA


class PypiBase(UnavailableBase):
    """Run all steps with these packages from PyPI."""

    name = "pypi_base"
    needs = "PyPI environments"
    defaults: ClassVar[Mapping[str, Any]] = PYPI


class AirflowExternalTaskSensor(AirflowSensor):
    """Let Airflow wait for tasks of another DAG."""

    name = "airflow_external_task_sensor"
    defaults: ClassVar[Mapping[str, Any]] = {
        **SENSOR,
        "external_dag_id": None,
        "external_task_ids": None,
        "allowed_states": None,
        "failed_states": None,
        "execution_delta": None,
        "check_existence": None,
    }

    def check(self, flow: type, graph: Any) -> None:
        """Refuse a sensor that waits for nothing."""
        del flow, graph
        if not self.attributes["external_dag_id"]:
            raise self.invalid("", "`external_dag_id` is missing")


class AirflowS3KeySensor(AirflowSensor):
    """Let Airflow wait for objects in S3."""

    name = "airflow_s3_key_sensor"
    defaults: ClassVar[Mapping[str, Any]] = {
        **SENSOR,
        "bucket_key": None,
        "bucket_name": None,
        "wildcard_match": None,
        "aws_conn_id": None,
        "verify": None,
    }

    def check(self, flow: type, graph: Any) -> None:
        """Refuse a sensor that waits for nothing."""
        del flow, graph
        if not self.attributes["bucket_key"]:
            raise self.invalid("", "`bucket_key` is missing")


batch: DecoratorSyntax = DecoratorSyntax(BatchDecorator)
kubernetes: DecoratorSyntax = DecoratorSyntax(KubernetesDecorator)
conda: DecoratorSyntax = DecoratorSyntax(CondaDecorator)
pypi: DecoratorSyntax = DecoratorSyntax(PypiDecorator)
airflow_internal: DecoratorSyntax = DecoratorSyntax(AirflowInternal)
argo_workflows_internal: DecoratorSyntax = DecoratorSyntax(ArgoWorkflowsInternal)
step_functions_internal: DecoratorSyntax = DecoratorSyntax(StepFunctionsInternal)
conda_base: FlowDecoratorSyntax = FlowDecoratorSyntax(CondaBase)
pypi_base: FlowDecoratorSyntax = FlowDecoratorSyntax(PypiBase)
airflow_external_task_sensor: FlowDecoratorSyntax = FlowDecoratorSyntax(AirflowExternalTaskSensor)
airflow_s3_key_sensor: FlowDecoratorSyntax = FlowDecoratorSyntax(AirflowS3KeySensor)
