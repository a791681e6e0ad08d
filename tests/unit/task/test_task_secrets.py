"""Where secrets come from, and that their values are shown nowhere."""

from __future__ import annotations

import os
import sys

import pytest

from metaflow import FlowSpec, secrets, step
from metaflow.errors.secrets import (
    SecretNotFetched,
    SecretsClash,
    SecretSourceInvalid,
    SecretSourceUnknown,
)
from metaflow.graph import build_graph
from metaflow.graph.drawing import output_raw, output_raw_json
from metaflow.plugins.secrets import get_secret
from metaflow.protocols.step_hook import Attempt
from metaflow.settings import load_settings
from metaflow.task.secrets import masked, read_source

VALUE = "hunter2"


def inline(name="a", **values):
    return {"type": "inline", "id": name, "options": {"env_vars": values}}


def decorator_of(*sources, **more):
    class SecretFlow(FlowSpec):
        @secrets(sources=list(sources), **more)
        @step
        def start(self):
            pass

    return SecretFlow.start.decorators[0], SecretFlow


def seen_by_step(*sources, **more):
    """Variables while the step runs, and the names that are new afterwards."""
    before = dict(os.environ)
    during: dict[str, str] = {}
    decorator, _ = decorator_of(*sources, **more)
    attempt = Attempt(None, "start", 0, last=True, fallback=False)
    decorator.around(attempt, lambda: during.update(os.environ))
    assert dict(os.environ) == before
    return {name: value for name, value in during.items() if before.get(name) != value}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in ("DEFAULT_SECRETS_BACKEND_TYPE", "DEFAULT_SECRETS_ROLE"):
        monkeypatch.delenv(f"METAFLOW_{name}", raising=False)


def test_variables_are_there_during_the_step_only(monkeypatch):
    assert seen_by_step(inline(A="1"), inline("b", B="2")) == {"A": "1", "B": "2"}
    monkeypatch.setenv("A", "mine")
    assert seen_by_step(inline(A="1"), allow_override=True) == {"A": "1"}


def test_variables_go_when_the_step_fails():
    decorator, _ = decorator_of(inline(GONE="1"))

    def fail():
        raise ValueError(os.environ["GONE"])

    with pytest.raises(ValueError, match="1"):
        decorator.around(Attempt(None, "start", 0, last=True, fallback=False), fail)
    assert "GONE" not in os.environ


@pytest.mark.parametrize(
    ("sources", "what"),
    [
        ([inline(METAFLOW_X=VALUE)], "begins with `METAFLOW_`"),
        ([inline(**{"a-b": VALUE})], "not the name of an environment variable"),
        ([inline(**{"": VALUE})], "not the name of an environment variable"),
        ([inline(A=7)], "is not a string"),
        ([{"type": "inline", "options": {"env_vars": {1: VALUE}}}], "is not a string"),
        ([inline(A=VALUE + "\0")], "zero byte"),
        ([inline("one", A=VALUE), inline("two", A="other")], "also in the source `inline.one`"),
        ([inline(PATH=VALUE)], "an environment variable already"),
    ],
)
def test_what_cannot_be_a_variable_fails_without_its_value(sources, what):
    with pytest.raises(SecretsClash) as caught:
        seen_by_step(*sources)
    assert what in str(caught.value)
    assert VALUE not in str(caught.value)


def test_a_source_can_be_written_in_several_ways():
    settings = load_settings({"METAFLOW_DEFAULT_SECRETS_ROLE": "r0"})
    assert read_source("a.b.c", None, settings) == ("a", "b.c", {}, "r0")
    assert read_source("a.b.c", "r1", settings).role == "r1"
    given = {"type": "a", "id": "b", "options": {"json": True}, "role": "r2"}
    assert read_source(given, "r1", settings) == ("a", "b", {"json": True}, "r2")
    default = load_settings({"METAFLOW_DEFAULT_SECRETS_BACKEND_TYPE": "kind"})
    assert read_source("name", None, default) == ("kind", "name", {}, None)
    assert read_source({"id": "name"}, None, default).kind == "kind"


@pytest.mark.parametrize(
    "source",
    ["name", "", ".a", "a.", 3, {}, {"type": "a"}, {"id": "a"}, {"type": "a", "id": 3}]
    + [{"type": "a", "id": "b", **more} for more in ({"role": 3}, {"options": 3}, {"x": 1})],
)
def test_a_source_that_cannot_be_understood(source):
    with pytest.raises(SecretSourceInvalid):
        get_secret(source)


@pytest.mark.parametrize("kind", ["aws-secrets-manager", "gcp-secret-manager", "az-key-vault"])
def test_what_has_no_back_end_yet_says_so_before_the_run(kind):
    decorator, flow = decorator_of(f"{kind}.name")
    with pytest.raises(SecretSourceUnknown) as caught:
        decorator.check("start", build_graph(flow)["start"])
    assert "no back end yet" in str(caught.value)


def test_an_unknown_type_is_told_with_the_known_ones():
    with pytest.raises(SecretSourceUnknown) as caught:
        get_secret("inlin.x")
    assert "did you mean `inline`?" in str(caught.value)


def test_a_package_can_offer_a_type(tmp_path, monkeypatch):
    (tmp_path / "vaults.py").write_text(
        "from metaflow.plugins.secrets import SecretsProvider\n"
        "class Vault(SecretsProvider):\n"
        "    TYPE = 'vault'\n"
        "    def get_secret_as_dict(self, secret_id, options={}, role=None):\n"
        "        if secret_id == 'broken': raise OSError('the password is hunter2')\n"
        "        return {'ID': secret_id, 'ROLE': str(role), **options}\n"
    )
    info = tmp_path / "vaults-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: vaults\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[metaflow.secret_source]\nvault = vaults:Vault\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "vaults", raising=False)
    assert get_secret("vault.x", role="r") == {"ID": "x", "ROLE": "r"}
    assert seen_by_step("vault.x") == {"ID": "x", "ROLE": "None"}
    with pytest.raises(SecretNotFetched) as caught:
        seen_by_step("vault.broken")
    assert VALUE not in str(caught.value)
    assert caught.value.__suppress_context__
    with pytest.raises(OSError, match=VALUE):
        get_secret("vault.broken")


def test_values_are_shown_nowhere():
    decorator, flow = decorator_of(
        inline(A=VALUE), {"type": "x", "id": "y", "options": {"k": VALUE}}
    )
    graph = build_graph(flow)
    described = f"{decorator} {output_raw(graph)} {output_raw_json(graph)}"
    assert VALUE not in described
    assert "'A': '***'" in described
    assert decorator.attributes["sources"][0]["options"]["env_vars"]["A"] == VALUE
    assert masked({"type": "t", "id": "i", "options": {"region": "eu", "env_vars": VALUE}}) == {
        "type": "t",
        "id": "i",
        "options": {"region": "eu", "env_vars": "***"},
    }
    assert masked({"secret": VALUE, "options": VALUE}) == {"secret": "***", "options": "***"}
    assert masked(("a",)) == "<tuple>"
