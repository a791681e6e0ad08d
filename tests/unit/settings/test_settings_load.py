"""Where a setting comes from, and what a bad one says."""

from __future__ import annotations

import json
import pickle

import pytest

from metaflow.errors.input import (
    MetaflowUnknownUser,
    ProfileNotFound,
    SettingInvalid,
    SettingsFileInvalid,
)
from metaflow.settings import Settings, load_settings
from metaflow.settings.identity import get_username, resolve_identity


@pytest.fixture
def places(tmp_path):
    """A profile directory and a project two levels above the working directory."""
    home = tmp_path / "home"
    project = tmp_path / "project"
    inner = project / "a" / "b"
    for directory in (home, project / ".metaflow", inner):
        directory.mkdir(parents=True)

    class Places:
        cwd = str(inner)
        env = {"METAFLOW_HOME": str(home)}

        def profile(self, values, name="config.json"):
            (home / name).write_text(json.dumps(values))

        def project(self, values):
            (project / ".metaflow" / "config.json").write_text(json.dumps(values))

        def load(self, **env):
            return load_settings({**self.env, **env}, self.cwd)

    return Places()


def test_nothing_set_gives_the_defaults(places):
    settings = places.load()
    assert settings._replace(raw={}) == Settings(raw={})


def test_profile_then_project_then_environment(places):
    places.profile({"METAFLOW_DEFAULT_DATASTORE": "s3", "METAFLOW_TEMPDIR": "/p"})
    assert places.load().default_datastore == "s3"
    places.project({"METAFLOW_DEFAULT_DATASTORE": "azure"})
    assert places.load().default_datastore == "azure"
    settings = places.load(METAFLOW_DEFAULT_DATASTORE="gs")
    assert settings.default_datastore == "gs"
    assert settings.tempdir == "/p"


def test_an_empty_variable_hides_the_files(places):
    places.profile({"METAFLOW_DATASTORE_SYSROOT_LOCAL": "/elsewhere"})
    assert places.load().datastore_sysroot_local == "/elsewhere"
    assert places.load(METAFLOW_DATASTORE_SYSROOT_LOCAL="").datastore_sysroot_local is None


def test_the_nearest_project_file_counts(places, tmp_path):
    places.project({"METAFLOW_TEMPDIR": "/outer"})
    nearer = tmp_path / "project" / "a" / ".metaflow"
    nearer.mkdir()
    (nearer / "config.json").write_text('{"METAFLOW_TEMPDIR": "/inner"}')
    assert places.load().tempdir == "/inner"


def test_a_named_profile_has_its_own_file(places):
    places.profile({"METAFLOW_TEMPDIR": "/default"})
    places.profile({"METAFLOW_TEMPDIR": "/named"}, "config_team.json")
    assert places.load().tempdir == "/default"
    assert places.load(METAFLOW_PROFILE="team").tempdir == "/named"


def test_a_named_profile_must_exist(places):
    with pytest.raises(ProfileNotFound, match=r"config_team\.json") as caught:
        places.load(METAFLOW_PROFILE="team")
    assert caught.value.profile == "team"


@pytest.mark.parametrize("text", ["{", "[1]", '"x"'])
def test_a_broken_file_is_named(places, tmp_path, text):
    (tmp_path / "home" / "config.json").write_text(text)
    with pytest.raises(SettingsFileInvalid, match=r"home/config\.json"):
        places.load()


def test_a_file_that_is_no_text_is_named(places, tmp_path):
    (tmp_path / "home" / "config.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(SettingsFileInvalid, match="cannot be read"):
        places.load()


def test_values_of_files_read_like_the_environment(places):
    places.profile(
        {
            "METAFLOW_INCLUDE_FOREACH_STACK": False,
            "METAFLOW_MAXIMUM_FOREACH_VALUE_CHARS": 12,
            "METAFLOW_DEFAULT_DECOSPECS": None,
            "METAFLOW_CONTACT_INFO": {"Ask": "the team"},
            "METAFLOW_SERVICE_HEADERS": {"a": "b"},
        }
    )
    settings = places.load()
    assert settings.include_foreach_stack is False
    assert settings.maximum_foreach_value_chars == 12
    assert settings.default_decospecs == ()
    assert settings.contact_info == {"Ask": "the team"}
    assert json.loads(settings.raw["SERVICE_HEADERS"]) == {"a": "b"}


@pytest.mark.parametrize(
    ("text", "meaning"),
    [("1", True), ("true", True), ("yes", True), ("0", False), ("False", False), ("", False)],
)
def test_truth_of_a_text(places, text, meaning):
    settings = places.load(METAFLOW_INCLUDE_FOREACH_STACK=text)
    assert settings.include_foreach_stack is meaning


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("TASK_START", "thread"),
        ("DURABILITY", "earthquake"),
        ("MAXIMUM_FOREACH_VALUE_CHARS", "many"),
        ("CONTACT_INFO", "no json"),
    ],
)
def test_a_meaningless_value_is_refused(places, key, value):
    with pytest.raises(SettingInvalid, match=f"METAFLOW_{key}") as caught:
        places.load(**{f"METAFLOW_{key}": value})
    assert value in caught.value.message
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("word", ["auto", "fork", "spawn"])
def test_how_tasks_start(places, word):
    assert places.load(METAFLOW_TASK_START=word).task_start == word


@pytest.mark.parametrize("word", ["process", "power"])
def test_what_survives(places, word):
    assert places.load().durability == "process"
    assert places.load(METAFLOW_DURABILITY=word).durability == word


def test_lists_are_split(places):
    settings = places.load(
        METAFLOW_DEFAULT_DECOSPECS="retry:times=2  timeout:seconds=5",
        METAFLOW_DEFAULT_PACKAGE_SUFFIXES=".py,.yml",
    )
    assert settings.default_decospecs == ("retry:times=2", "timeout:seconds=5")
    assert settings.default_package_suffixes == (".py", ".yml")


@pytest.mark.parametrize(
    ("env", "name"),
    [
        ({"METAFLOW_USER": "a", "SUDO_USER": "b", "USERNAME": "c", "USER": "d"}, "a"),
        ({"METAFLOW_USER": "", "SUDO_USER": "b", "USERNAME": "c", "USER": "d"}, "b"),
        ({"METAFLOW_USER": "root", "USERNAME": "c", "USER": "d"}, "c"),
        ({"SUDO_USER": "root", "USER": "d"}, "d"),
        ({"USER": "root"}, None),
        ({}, None),
    ],
)
def test_who_the_user_is(places, env, name):
    assert get_username(places.load(**env)) == name


def test_a_profile_can_name_the_user(places):
    places.profile({"METAFLOW_USER": "ann"})
    assert resolve_identity(places.load(USER="bob")) == "user:ann"


def test_a_production_token_is_the_identity(places):
    settings = places.load(METAFLOW_PRODUCTION_TOKEN="t1", USER="bob")
    assert resolve_identity(settings) == "production:t1"


def test_nobody_is_told_what_to_do(places):
    with pytest.raises(MetaflowUnknownUser, match="METAFLOW_USER") as caught:
        resolve_identity(places.load(USER="root"))
    assert caught.value.headline == "Unknown user"
    assert "export METAFLOW_USER" in str(caught.value)


def test_the_process_environment_is_the_default(monkeypatch, tmp_path):
    monkeypatch.setenv("METAFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("METAFLOW_TEMPDIR", "/here")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    assert settings.tempdir == "/here"
    assert settings.no_color is True
    assert settings.raw["TEMPDIR"] == "/here"
