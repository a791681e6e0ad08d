"""`Deployer` with a target that a package brings by an entry point, as a project would see it."""

from __future__ import annotations

import pytest

PACKAGE = '''
"""A scheduler that keeps deployments in a folder and runs flows at once."""

import json
import os
import subprocess
import uuid

from metaflow.protocols.deploy_target import Deployment, Triggered

FOLDER = "deployed"


class FolderTarget:
    name = "folder"

    def create(self, request):
        os.makedirs(FOLDER, exist_ok=True)
        name = request.target_options.get("name") or request.flow.__name__.lower()
        told = {
            "flow_name": request.flow.__name__,
            "program": request.program,
            "priority": request.create_options.get("priority"),
        }
        with open(os.path.join(FOLDER, name), "w") as file:
            json.dump(told, file)
        return self.find(name, None)

    def find(self, identifier, metadata):
        with open(os.path.join(FOLDER, identifier)) as file:
            told = json.load(file)
        return Deployment(identifier, told["flow_name"], metadata or "local@.", told)

    def list_deployments(self, flow_name):
        for name in sorted(os.listdir(FOLDER)):
            found = self.find(name, None)
            if flow_name in (None, found.flow_name):
                yield found

    def trigger(self, deployment, parameters):
        options = [f"--{name}={value}" for name, value in parameters.items()]
        command = [*deployment.details["program"], "run", *options, "--run-id-file", "id"]
        subprocess.run(command, check=True, capture_output=True)
        with open("id") as file:
            return self.find_triggered(deployment.name, file.read(), None)

    def find_triggered(self, identifier, run_id, metadata):
        flow = self.find(identifier, metadata).flow_name
        return Triggered(f"{identifier}-{run_id}", f"{flow}/{run_id}", "local@.")

    def delete(self, deployment):
        os.unlink(os.path.join(FOLDER, deployment.name))
        return True
'''

FLOW = """
from metaflow import FlowSpec, Parameter, step

class DeployedOneFlow(FlowSpec):
    alpha = Parameter("alpha", default=1)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    DeployedOneFlow()
"""


@pytest.fixture
def project(workspace):
    """A project with a flow, and an installed package with a deploy target."""
    installed = workspace.folder / "installed"
    facts = installed / "folder_target-1.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: folder-target\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(
        "[metaflow.deploy]\nfolder = folder_target:FolderTarget\n"
    )
    (installed / "folder_target.py").write_text(PACKAGE)
    workspace.env["PYTHONPATH"] = str(installed)
    workspace.write(FLOW)
    return workspace


def test_a_target_of_another_package(project):
    project.write(
        """
        from metaflow import DeployedFlow, Deployer

        with Deployer("flow.py", pylint=False) as deployer:
            print(sorted(name for name in dir(deployer) if name == "folder"))
            deployed = deployer.folder(name="nightly").create(priority=3)
            print(deployed.name, deployed.flow_name, deployed.details["priority"], deployed)
            print(deployed.deployer is deployer, deployed.metadata)
            try:
                deployed.trigger(beta=1)
            except ValueError as error:
                print(error)
            triggered = deployed.trigger(alpha=4)
            run = triggered.wait_for_run()
            print(run.pathspec == triggered.pathspec, run.data.alpha, triggered.status)
        print([one.name for one in DeployedFlow.list_folder()])
        print([one.name for one in DeployedFlow.list_deployed_flows("Other", impl="folder")])
        found = DeployedFlow.from_folder("nightly")
        again = DeployedFlow.get_triggered_folder_run("nightly", run.id)
        print(found.flow_name, found.deployer, again.run.data.alpha, again.name)
        never = DeployedFlow.get_triggered_run("nightly", "12", impl="folder")
        print(never.run)
        for call in (lambda: never.wait_for_run(0.01, timeout=0.05), never.terminate):
            try:
                call()
            except Exception as error:
                print(type(error).__name__, error)
        print(found.delete(), list(DeployedFlow.list_folder()))
        """,
        "deploy.py",
    )
    done = project.python("deploy.py")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[:5] == [
        "['folder']",
        "nightly DeployedOneFlow 3 <DeployedFlow nightly on folder>",
        "True local@.",
        "Unknown argument: 'beta'. `run` does not take it.",
        lines[4],
    ]
    assert "True 4 None" in lines
    assert "['nightly']" in lines
    assert "[]" in lines
    assert any(line.startswith("DeployedOneFlow None 4 nightly-") for line in lines)
    assert "None" in lines
    assert any(line.startswith("RunNotBegun") for line in lines)
    assert any(line.startswith("DeployTargetCannot The deploy target `folder`") for line in lines)
    assert lines[-1] == "True []"


@pytest.mark.parametrize("target", ["argo_workflows", "step_functions", "airflow"])
def test_a_known_target_without_a_back_end_says_so(project, target):
    project.write(
        f"""
        from metaflow import DeployedFlow, Deployer
        from metaflow.exception import MetaflowException

        deployer = Deployer("flow.py")
        for call in (lambda: deployer.{target}(), lambda: DeployedFlow.from_{target}("x")):
            try:
                call()
            except MetaflowException as error:
                print(error)
        """,
        "deploy.py",
    )
    done = project.python("deploy.py")
    assert done.out.count(f"can't be deployed to `{target}`") == 2, done.err


def test_an_unknown_target_is_an_error_with_the_known_ones(project):
    project.write(
        """
        from metaflow import DeployedFlow, Deployer

        try:
            Deployer("flow.py").moon()
        except AttributeError as error:
            print(error)
        try:
            DeployedFlow.from_deployment("x", impl="moon")
        except ValueError as error:
            print(error)
        print(hasattr(DeployedFlow, "from_moon"), hasattr(DeployedFlow, "list_folder"))
        """,
        "deploy.py",
    )
    done = project.python("deploy.py")
    assert done.code == 0, done.err
    assert "There is no deploy target `moon`; there are `airflow`, `argo_workflows`" in done.out
    assert "`folder`" in done.out
    assert done.out.endswith("False True\n")
