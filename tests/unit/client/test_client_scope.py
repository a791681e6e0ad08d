"""Which store and which namespace the client looks at."""

from __future__ import annotations

import os
import pickle
import shutil

import pytest

from metaflow.ambient import UNSET, ambient
from metaflow.client import (
    Flow,
    Metaflow,
    Run,
    Task,
    default_metadata,
    default_namespace,
    get_metadata,
    get_namespace,
    inspect_spin,
    metadata,
    namespace,
)
from metaflow.client.scope import OPEN_STORES
from metaflow.errors.input import MetaflowUnknownUser
from metaflow.errors.metadata import (
    MetadataTypeUnknown,
    MetaflowNamespaceMismatch,
    MetaflowNotFound,
)


def test_the_default_namespace_is_ones_identity(monkeypatch):
    assert get_namespace() == "user:ann"
    monkeypatch.setenv("METAFLOW_PRODUCTION_TOKEN", "tok")
    assert get_namespace() == "user:ann"
    assert default_namespace() == "production:tok"
    assert get_namespace() == "production:tok"
    assert namespace("user:bob") == "user:bob"
    assert namespace(None) is None
    assert get_namespace() is None


def test_nobody_has_no_default_namespace(monkeypatch):
    monkeypatch.delenv("METAFLOW_USER")
    with pytest.raises(MetaflowUnknownUser):
        get_namespace()


def test_a_running_task_sets_the_defaults(world, tmp_path_factory, monkeypatch):
    world.small_run()
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    ambient.current = {"namespace": None, "metadata_spec": f"local@{world.directory}"}
    assert get_metadata() == f"local@{world.directory}"
    assert get_namespace() is None
    assert Run("F/1").successful
    namespace("user:bob")
    assert get_namespace() == "user:bob"


def test_the_nearest_store_upward_is_the_default(world, monkeypatch):
    world.small_run()
    below = os.path.join(world.directory, "a", "b")
    os.makedirs(below)
    monkeypatch.chdir(below)
    assert get_metadata() == f"local@{world.directory}"
    assert Flow("F").latest_run.id == "1"


def test_a_new_directory_holds_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert get_metadata() == f"local@{tmp_path}"
    assert Metaflow().flows == []
    assert "F" not in Metaflow()
    with pytest.raises(MetaflowNotFound, match="There is no flow `F`"):
        Flow("F")
    with pytest.raises(MetaflowNotFound, match="There is no flow `F`"):
        Task("F/1/start/1")
    assert os.listdir(tmp_path) == []


def test_choosing_a_store(world, tmp_path_factory, monkeypatch):
    world.small_run()
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    spec = f"local@{world.directory}"
    for choice in (spec, world.directory, world.root, f"local@{world.root}", f"{world.directory}/"):
        assert metadata(choice) == spec
        assert get_metadata() == spec
        assert Run("F/1").finished
    assert default_metadata() == f"local@{os.getcwd()}"
    with pytest.raises(MetaflowNotFound):
        Run("F/1")
    with pytest.raises(ValueError, match=r"contains no `\.metaflow`"):
        metadata(os.getcwd())
    assert get_metadata() == f"local@{os.getcwd()}"


def test_a_root_by_another_name(world, tmp_path):
    world.small_run()
    world.store.close()
    elsewhere = tmp_path / "store"
    shutil.move(world.root, elsewhere)
    assert metadata(str(elsewhere)) == f"local@{elsewhere}"
    assert Run("F/1").data.x == 3


@pytest.mark.parametrize("spec", ["service@http://example.test", "http://example.test/api", "s3@x"])
def test_types_that_are_not_there(spec):
    with pytest.raises(MetadataTypeUnknown) as caught:
        metadata(spec)
    assert "`local`" in caught.value.hint
    assert ambient.metadata is UNSET


def test_spin_has_a_store_of_its_own(world):
    world.small_run()
    world.store.close()
    shutil.move(world.root, os.path.join(world.directory, ".metaflow_spin"))
    assert inspect_spin() is None
    assert get_metadata() == f"spin@{world.directory}"
    assert Run("F/1").data.x == 3
    assert metadata(f"spin@{world.directory}") == f"spin@{world.directory}"
    assert pickle.loads(pickle.dumps(Run("F/1"))).data.x == 3


def test_a_store_that_appears_or_is_replaced_is_noticed(world):
    world.small_run()
    assert Run("F/1").finished
    world.store.close()
    shutil.rmtree(world.root)
    with pytest.raises(MetaflowNotFound):
        Run("F/1")
    again = type(world)(world.directory)
    again.small_run(run_id="2")
    assert [run.id for run in Flow("F")] == ["2"]
    again.close()


def test_namespaces_hide_what_others_ran(world):
    world.small_run("Mine", "1")
    world.small_run("Theirs", "1", system_tags=("user:bob",))
    world.small_run("Both", "1")
    world.small_run("Both", "2", system_tags=("user:bob",), tags=("team",))

    assert [flow.id for flow in Metaflow()] == ["Both", "Mine"]
    assert [run.id for run in Flow("Both")] == ["1"]
    assert Flow("Both").latest_run.id == "1"
    assert Flow("Both").latest_successful_run.id == "1"
    for cls, pathspec in [(Flow, "Theirs"), (Run, "Both/2"), (Task, "Both/2/end/3")]:
        with pytest.raises(MetaflowNamespaceMismatch) as caught:
            cls(pathspec)
        assert caught.value.namespace == "user:ann"
        found = cls(pathspec, _namespace_check=False)
        assert found.pathspec == pathspec
    with pytest.raises(MetaflowNamespaceMismatch):
        Flow("Both")["2"]
    assert "2" in Flow("Both")
    both = Flow("Both", _namespace_check=False)
    assert [run.id for run in both] == ["2", "1"]
    assert both["2"]["end"].task.parent.parent.parent.pathspec == "Both"

    run = Run("Both/1")
    namespace("team")
    assert [flow.id for flow in Metaflow()] == ["Both"]
    assert not run.is_in_namespace()
    assert Run("Both/2").is_in_namespace()
    assert not Flow("Mine", _namespace_check=False).latest_run.tags & {"team"}
    namespace(None)
    assert [run.id for run in Flow("Both")] == ["2", "1"]
    assert run.is_in_namespace()


def test_unpickled_objects_keep_their_store_and_namespace(world, tmp_path_factory, monkeypatch):
    world.small_run("F", "1")
    world.small_run("F", "2", system_tags=("user:bob",))
    task = Task("F/1/work/2", attempt=0)
    things = [Flow("F"), Run("F/1"), Run("F/1")["end"], task, task["x"]]
    pickled = pickle.dumps([Metaflow(), *things, Run("F/1").data])
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    namespace("user:nobody")
    root, *restored, data = pickle.loads(pickled)
    assert [repr(flow) for flow in root] == ["Flow('F')"]
    assert [repr(one) for one in restored] == [repr(one) for one in things]
    assert [run.id for run in restored[0]] == ["1"]
    assert restored[4].data == 2
    assert data.x == 3
    assert get_namespace() == "user:nobody"
    with pytest.raises(MetaflowNamespaceMismatch):
        restored[0]["2"]


def test_looking_at_many_stores_keeps_few_files_open(world, tmp_path_factory):
    world.small_run()
    world.store.close()
    seen = []
    for number in range(3 * OPEN_STORES):
        copied = tmp_path_factory.mktemp(f"copy{number}") / ".metaflow"
        shutil.copytree(world.root, copied)
        metadata(str(copied.parent))
        seen.append(Run("F/1"))
        assert seen[-1].data.x == 3
        if number == OPEN_STORES:
            before = len(os.listdir("/proc/self/fd"))
    assert len(os.listdir("/proc/self/fd")) <= before
    assert [run.data.x for run in seen] == [3] * len(seen)
