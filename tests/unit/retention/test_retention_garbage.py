"""Random histories of runs, removals and collections: what is in use stays, the rest goes."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from metaflow.artifact_store.local import LocalArtifactStore
from metaflow.errors.retention import RunGoesOn, RunPinned, RunsGoOn
from metaflow.model.artifact import manifest_from_json
from metaflow.model.records import AttemptDone, AttemptStarted, NewRun, RunDone, TaskCreated
from metaflow.retention import collecting, sweeping
from metaflow.retention.erasing import erase_run, finish_erasures
from metaflow.retention.inventory import stored_files
from metaflow.retention.keeping import Keeping
from metaflow.retention.rules import Rule
from metaflow.session import Session

FLOW = "Train"
VALUES = {"small": 7, "text": "t" * 700, "blob": os.urandom(70_000), "more": os.urandom(90_000)}
HOUR = 3600.0


class Root:
    """A root with runs of one task each."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.now = 1e9
        self.session = Session(path)
        self.artifacts = LocalArtifactStore(path)

    def begin(self, run_id, origin=None):
        pack = f"packs/{FLOW}/{run_id}"
        new = NewRun(FLOW, run_id, self.now, "ann", (), (), {}, origin, pack)
        return self.session.store.begin_run(new), pack

    def save(self, pack, names, known=None):
        values = {name: VALUES[name] for name in names}
        refs, errors = self.artifacts.save(values, pack, known or {})
        assert not errors
        return refs

    def commit(self, key, refs):
        changes = (
            TaskCreated("1", "start", self.now, (), ()),
            AttemptStarted("1", 0, self.now, 1),
            AttemptDone("1", 0, self.now, True, False, refs, None),
            RunDone(self.now, True),
        )
        self.session.store.write(key, changes)

    def manifest(self, run_id):
        run = self.session.store.run(FLOW, run_id)
        return manifest_from_json(json.loads(self.session.store.manifest(run.key, "1", 0)))

    def keeping(self):
        return Keeping(self.path, lambda: self.now)

    def age(self):
        """Let all files look as if they had been written before now."""
        for file in stored_files(self.path):
            path = f"{self.path}/{file.name}"
            os.utime(path, ns=(file.mtime_ns - 10**9, file.mtime_ns - 10**9))

    def close(self):
        self.artifacts.close()
        self.session.store.close()
        self.session.journal.close()


class Histories(RuleBasedStateMachine):
    """Runs share values; any may be removed or erased; writers may stop at any point."""

    runs = Bundle("runs")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir=_fast())
        self.root = Root(self.folder.name)
        self.live: dict[str, dict[str, object]] = {}
        self.count = 0

    def teardown(self) -> None:
        self.root.close()
        self.folder.cleanup()

    def _name(self):
        self.count += 1
        return str(self.count)

    @rule(target=runs, names=st.sets(st.sampled_from(sorted(VALUES)), min_size=1))
    def run(self, names):
        run_id = self._name()
        key, pack = self.root.begin(run_id)
        self.root.commit(key, self.root.save(pack, sorted(names)))
        self.live[run_id] = {name: VALUES[name] for name in names}
        return run_id

    @rule(target=runs, origin=runs, names=st.sets(st.sampled_from(sorted(VALUES))))
    def resume(self, origin, names):
        if origin not in self.live:
            return origin
        known = self.root.manifest(origin)
        run_id = self._name()
        key, pack = self.root.begin(run_id, origin)
        self.root.commit(key, {**known, **self.root.save(pack, sorted(names), known)})
        self.live[run_id] = {**self.live[origin], **{name: VALUES[name] for name in names}}
        return run_id

    @rule(names=st.sets(st.sampled_from(sorted(VALUES)), min_size=1))
    def writer_dies_before_it_commits(self, names):
        key, pack = self.root.begin(self._name())
        self.root.save(pack, sorted(names))
        self.root.session.store.write(key, (RunDone(self.root.now, False),))

    @rule(
        names=st.sets(st.sampled_from(sorted(VALUES)), min_size=1), grace=st.sampled_from([0, HOUR])
    )
    def collection_between_saving_and_committing(self, names, grace):
        """What is saved is not known to be in use yet when garbage is collected."""
        run_id = self._name()
        key, pack = self.root.begin(run_id)
        refs = self.root.save(pack, sorted(names))
        with self.root.keeping() as keeping:
            keeping.collect(grace or HOUR)
        self.root.commit(key, refs)
        self.live[run_id] = {name: VALUES[name] for name in names}

    @rule(names=st.sets(st.sampled_from(["blob", "more"]), min_size=1), moment=st.integers(0, 3))
    def writer_finds_what_is_just_being_deleted(self, names, moment):
        run_id = self._name()
        key, pack = self.root.begin(run_id)
        found = []
        calls = []

        def save_now():
            calls.append(None)
            if len(calls) == moment + 1:
                found.append(self.root.save(pack, sorted(names)))

        patch = pytest.MonkeyPatch()
        stat, rename = os.stat, os.rename
        with patch.context() as patched, self.root.keeping() as keeping:
            used = keeping.references(keeping.runs())
            patched.setattr(sweeping.os, "stat", lambda *a, **k: (save_now(), stat(*a, **k))[1])
            patched.setattr(sweeping.os, "rename", lambda *a: (save_now(), rename(*a))[1])
            notes = [note for page in keeping.store.garbage() for note in page]
            for note in notes:
                if not collecting.is_used(note.name, used):
                    sweeping.delete_unless_touched(self.root.path, note.name, note.mtime_ns)
        refs = found[0] if found else self.root.save(pack, sorted(names))
        self.root.commit(key, refs)
        self.live[run_id] = {name: VALUES[name] for name in names}

    @rule(kept=st.integers(0, 3))
    def remove(self, kept):
        with self.root.keeping() as keeping:
            removed = keeping.remove([Rule(keep_last=kept)])
        for run in removed:
            self.live.pop(run.run_id, None)

    @rule(run_id=runs, stops=st.booleans())
    def erase(self, run_id, stops):
        if run_id not in self.live:
            return
        with self.root.keeping() as keeping:
            if stops:
                with pytest.MonkeyPatch.context() as patched:
                    patched.setattr(Keeping, "forget", _stop)
                    with pytest.raises(KeyboardInterrupt):
                        erase_run(keeping, FLOW, run_id, "ann", "")
                assert finish_erasures(keeping) == [f"{FLOW}/{run_id}"]
            else:
                receipt = erase_run(keeping, FLOW, run_id, "ann", "asked")
                assert receipt["complete"]
        del self.live[run_id]

    @rule()
    def collect(self):
        with self.root.keeping() as keeping:
            keeping.collect(HOUR)
        self.root.now += HOUR

    @rule()
    def collect_killed_between_aside_and_gone(self):
        with self.root.keeping() as keeping, pytest.MonkeyPatch.context() as patched:
            patched.setattr(sweeping.os, "unlink", _stop)
            used = keeping.references(keeping.runs())
            with suppress(KeyboardInterrupt):
                collecting.sweep(self.root.path, keeping.store, used, self.root.now)

    @rule()
    def collect_all(self):
        """Two passes leave nothing that no run refers to."""
        self.root.age()
        with self.root.keeping() as keeping:
            keeping.collect(HOUR)
            self.root.now += HOUR
            keeping.collect(HOUR)
            used = keeping.references(keeping.runs())
            left = [file.name for file in stored_files(self.root.path) if not file.is_used(used)]
        assert left == []
        assert not os.listdir(_made(f"{self.root.path}/{sweeping.ASIDE}"))

    @invariant()
    def what_is_in_use_is_there(self):
        reader = LocalArtifactStore(self.root.path)
        for run_id, values in self.live.items():
            refs = self.root.manifest(run_id)
            assert {name: reader.load(refs[name]) for name in values} == values
        reader.close()


def _stop(*_args, **_keywords):
    raise KeyboardInterrupt


def _fast():
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _made(path):
    Path(path).mkdir(exist_ok=True)
    return path


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


@pytest.fixture
def root(tmp_path):
    made = Root(str(tmp_path))
    yield made
    made.close()


def test_what_goes_on_is_neither_removed_nor_erased_nor_in_the_way(root, monkeypatch):
    root.begin("1")
    monkeypatch.setattr(Keeping, "is_open", lambda *_: True)
    with root.keeping() as keeping:
        assert keeping.remove([Rule(keep_last=0)]) == []
        with pytest.raises(RunGoesOn, match="Train/1"):
            erase_run(keeping, FLOW, "1", "ann", "")
        with pytest.raises(RunsGoOn, match="Train/1"):
            keeping.collect(0)
        keeping.collect(HOUR)


def test_a_pinned_run_has_to_be_unpinned_before_it_is_erased(root):
    key, pack = root.begin("1")
    root.commit(key, root.save(pack, ["small"]))
    with root.keeping() as keeping:
        keeping.pin(keeping.find(FLOW, "1"), pinned=True)
        keeping.pin(keeping.find(FLOW, "1"), pinned=True)
        with pytest.raises(RunPinned, match="unpin"):
            erase_run(keeping, FLOW, "1", "ann", "")
        keeping.pin(keeping.find(FLOW, "1"), pinned=False)
        assert erase_run(keeping, FLOW, "1", "ann", "")["shared_with"] == []


def test_nothing_that_was_erased_stays_in_any_file(root):
    secret = os.urandom(30).hex()
    key, pack = root.begin("1")
    refs, _ = root.artifacts.save({"secret": secret}, pack)
    root.commit(key, refs)
    other, pack_of_other = root.begin("2")
    refs, _ = root.artifacts.save({"own": "x" * 90}, pack_of_other)
    root.commit(other, {**refs, **root.save(pack, ["small"])})
    with root.keeping() as keeping:
        receipt = erase_run(keeping, FLOW, "1", "ann", "asked")
    assert receipt["shared_with"] == ["Train/2"]
    assert root.artifacts.load(root.manifest("2")["small"]) == VALUES["small"]
    root.session.store.close()
    for folder, _, files in os.walk(root.path):
        for name in files:
            assert secret.encode() not in Path(folder, name).read_bytes()


def test_a_root_keeps_what_another_one_refers_to(root, tmp_path_factory):
    from metaflow.artifact_store.origins import add_origin

    key, pack = root.begin("1")
    root.commit(key, root.save(pack, ["blob", "small"]))
    refs = root.manifest("1")
    beside = Root(str(tmp_path_factory.mktemp("beside")))
    add_origin(beside.path, root.path)
    mine, _ = beside.begin("9")
    beside.commit(mine, refs)
    root.age()
    with root.keeping() as keeping:
        keeping.remove([Rule(keep_last=0)])
        keeping.collect(HOUR)
        root.now += HOUR
        assert keeping.collect(HOUR).deleted == 0
    assert beside.artifacts.load(refs["blob"]) == VALUES["blob"]
    beside.close()


def test_a_plan_tells_whose_the_garbage_is_and_changes_nothing(root):
    first, pack = root.begin("1")
    root.commit(first, root.save(pack, ["blob", "small"]))
    second, pack = root.begin("2")
    root.commit(second, root.save(pack, ["more", "small"]))
    before = sorted(file.name for file in stored_files(root.path))
    with root.keeping() as keeping:
        plan = keeping.plan([Rule(keep_last=1)])
        assert [run.run_id for run in plan.runs] == ["1"]
        assert plan.kept_runs == 1
        assert (
            plan.garbage.objects == plan.by_flow[FLOW].objects == plan.by_user["ann"].objects == 2
        )
        assert plan.total.objects == 4
        assert len(keeping.runs()) == 2
        assert list(keeping.store.garbage()) == []
    assert sorted(file.name for file in stored_files(root.path)) == before
