"""Configs: their values, what stands for them, where they come from, files they are read from."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from metaflow import (
    Config,
    ConfigValue,
    FlowSpec,
    Parameter,
    conda_environment_yml_parser,
    config_expr,
    pyproject_toml_parser,
    requirements_txt_parser,
    resources,
    retry,
    step,
    yaml_parser,
)
from metaflow.authoring.composition import begin, finish, named_configs
from metaflow.authoring.config_settling import GivenConfigs, settle
from metaflow.authoring.delayed import is_delayed, resolve
from metaflow.authoring.deploy_time import ParameterContext
from metaflow.authoring.parameters import collect_parameters
from metaflow.errors.config import (
    ConfigInvalid,
    ConfigNameInvalid,
    ConfigNotKnownYet,
    DelayedValueFailed,
    ParserUnavailable,
    ParserValueError,
)

CONTEXT = ParameterContext("F", "ann", "", print, "local", {})
DATA = {"a": {"b": 1}, "l": [{"c": 2}, (3, {"d": 4})], "dash-key": "x"}

# ── values ───────────────────────────────────────────────────────────────────────────────────


def test_a_value_is_a_dict_with_dots():
    value = ConfigValue(DATA)
    assert value.a.b == value["a"]["b"] == 1
    assert value.l[0].c == 2
    assert value.l[1][1].d == 4
    assert value == DATA
    assert {**value.a} == {"b": 1}
    assert json.loads(json.dumps(value))["a"] == {"b": 1}
    assert "a" in dir(value)


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(x=1),
        lambda v: v.__setitem__("x", 1),
        lambda v: v.__delitem__("a"),
        lambda v: setattr(v, "x", 1),
        lambda v: delattr(v, "a"),
        lambda v: v.pop("a"),
        lambda v: v.popitem(),
        lambda v: v.clear(),
        lambda v: v.setdefault("x", 1),
        lambda v: v.__ior__({"x": 1}),
        lambda v: v.a.update(x=1),
    ],
)
def test_a_value_cannot_be_changed(change):
    value = ConfigValue(DATA)
    with pytest.raises(TypeError, match="to_dict"):
        change(value)
    assert value == DATA


def test_what_is_missing_is_told_apart():
    value = ConfigValue(DATA)
    with pytest.raises(AttributeError, match="has no `z`; it has `a`, `l`, `dash-key`"):
        _ = value.z
    with pytest.raises(KeyError):
        value["z"]


@pytest.mark.parametrize(
    "again", [lambda v: pickle.loads(pickle.dumps(v)), copy.copy, copy.deepcopy, lambda v: v.copy()]
)
def test_a_copy_is_a_value_too(again):
    made = again(ConfigValue(DATA))
    assert type(made) is ConfigValue
    assert made == DATA
    assert type(made.a) is ConfigValue


def test_plain_copies_are_plain_all_the_way_down():
    plain = ConfigValue(DATA).to_dict()
    assert plain == DATA
    assert {type(plain), type(plain["a"]), type(plain["l"][0]), type(plain["l"][1][1])} == {dict}
    plain["a"]["b"] = 2


# ── delayed values ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda c: c.a.b, 1),
        (lambda c: c["a"]["b"], 1),
        (lambda c: c["dash-key"], "x"),
        (lambda c: c.l[0].c, 2),
        (lambda c: [c.a.b, (c.a.b, {"k": c.a.b})], [1, (1, {"k": 1})]),
        (lambda c: {**c.a, "z": 0}, {"b": 1, "z": 0}),
        (lambda c: {c.a.b}, {1}),
        (lambda c: config_expr("cfg.a.b + CONTEXT.configs.get('n', 5)"), 6),
        (lambda c: config_expr("cfg").a.b, 1),
        (lambda c: "nothing delayed", "nothing delayed"),
    ],
)
def test_delayed_values_are_computed(make, expected):
    class F(FlowSpec):
        cfg = Config("cfg")

    begin(F, {"cfg": DATA})
    assert resolve(make(Config("cfg")), named_configs(F)) == expected


def test_mappings_become_plain_where_built_in_code_reads_them():
    cfg = Config("cfg")
    values = {"cfg": ConfigValue(DATA)}
    assert type(resolve(cfg.a, values, plain=True)) is dict
    assert type(resolve(cfg.l, values, plain=True)[0]) is dict
    assert type(resolve(cfg.a, values)) is ConfigValue


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (lambda: Config("cfg").a.z, "`cfg.a.z` cannot be computed: AttributeError"),
        (lambda: Config("cfg")["q"], r"`cfg\['q'\]` cannot be computed: KeyError: q"),
        (lambda: Config("other").a, "no config `other`"),
        (lambda: config_expr("nowhere + 1"), "NameError"),
        (lambda: {**Config("cfg").a.b}, r"`\*\*cfg.a.b` cannot be computed: .*not a mapping"),
    ],
)
def test_what_cannot_be_computed_is_named(expression, reason):
    with pytest.raises(DelayedValueFailed, match=reason):
        resolve(expression(), {"cfg": ConfigValue(DATA)})


@pytest.mark.parametrize(
    "use",
    [
        bool,
        list,
        len,
        str.format,
        int,
        float,
        lambda v: 1 in v,
        lambda v: f"{v}",
        lambda v: "ab"[v],
    ],
)
def test_what_would_go_wrong_before_the_value_is_known_is_refused(use):
    value = Config("cfg").a
    with pytest.raises((ConfigNotKnownYet, TypeError)) as caught:
        use(value) if use is not str.format else "{}".format(value)  # noqa: UP032
    assert caught.type is ConfigNotKnownYet
    assert "`cfg.a`" in str(caught.value)


def test_every_public_name_is_a_key():
    cfg = Config("cfg", help="text", default_value={})
    assert all(is_delayed(value) for value in (cfg.name, cfg.default, cfg.help, cfg.parser))


# ── declarations ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"name": "a b"}, "letters, digits"),
        ({"name": "a", "default": "f", "default_value": {}}, "`default_value`"),
    ],
)
def test_a_bad_declaration_is_refused(arguments, problem):
    with pytest.raises(ConfigNameInvalid, match=problem) as caught:
        Config(**arguments)
    assert caught.value.source_file == __file__


def test_names_differ_in_more_than_case():
    class F(FlowSpec):
        a = Config("my-cfg")
        b = Config("My_Cfg")

    with pytest.raises(ConfigNameInvalid, match="already has a config `my-cfg`"):
        settle(F, GivenConfigs(), CONTEXT)


def test_a_config_is_no_constant_and_cannot_be_set():
    class F(FlowSpec):
        cfg = Config("cfg")

    with pytest.raises(AttributeError, match="not modifiable"):
        F(use_cli=False).cfg = 1
    assert is_delayed(F.cfg)
    begin(F, {"cfg": {"a": 1}})
    assert F.cfg.a == 1


# ── where values come from ───────────────────────────────────────────────────────────────────


def settled(given=GivenConfigs(), **declaration):  # noqa: B008
    class F(FlowSpec):
        attribute = Config("my-cfg", **declaration)

    return settle(F, given, CONTEXT)["attribute"]


def test_files_texts_and_defaults(tmp_path):
    file = tmp_path / "c.json"
    file.write_text('{"a": 1}')
    assert settled() is None
    assert settled(default=str(file)) == {"a": 1}
    assert settled(default=lambda context: str(file)) == {"a": 1}
    assert settled(default_value={"b": 2}) == {"b": 2}
    assert settled(default_value='{"b": 3}') == {"b": 3}
    assert settled(default_value=lambda context: {"for": context.parameter_name}) == {
        "for": "my-cfg"
    }
    assert settled(GivenConfigs(paths={"MY_cfg": str(file)}), required=True) == {"a": 1}
    assert settled(GivenConfigs(texts={"my-cfg": '{"c": 4}'}), default=str(file)) == {"c": 4}
    assert settled(GivenConfigs(texts={"my-cfg": {"c": 4}})) == {"c": 4}
    assert settled(GivenConfigs(settled={"my-cfg": {"s": 5}}), default=str(file)) == {"s": 5}


def test_parsers():
    assert settled(default_value="a = 1", parser="tomllib.loads") == {"a": 1}
    assert settled(default_value="a: 1", parser=".yaml_parser") == {"a": 1}
    assert settled(default_value="a,b", parser=lambda text: text.split(","), plain=True) == [
        "a",
        "b",
    ]
    assert settled(default_value="as it is", plain=True) == "as it is"


@pytest.mark.parametrize(
    ("declaration", "given", "problem"),
    [
        ({"required": True}, {}, "a value is required: give a file with `--config my-cfg FILE`"),
        ({"default": "/nowhere"}, {}, "file `/nowhere` cannot be read: No such file"),
        ({"default_value": "["}, {}, "its default value is not valid JSON"),
        ({"default_value": "[1]"}, {}, "its default value is of type `list`, not a mapping"),
        ({"default_value": 3}, {}, "is of type `int`, not a mapping"),
        ({"default": lambda c: 3}, {}, "its default is of type `int`, not a path"),
        ({"default_value": lambda c: 1 / 0}, {}, "raised ZeroDivisionError: division by zero"),
        ({"default_value": "x", "parser": "no.such"}, {}, "`no.such` cannot be imported"),
        ({"default_value": "x", "parser": "tomllib.loads"}, {}, "cannot read its default value"),
        ({"default_value": "x", "parser": len}, {}, "of type `int`, not a mapping"),
        (
            {},
            {"paths": {"my-cfg": "f"}, "texts": {"my_cfg": "{}"}},
            "`--config` and `--config-value` are both given",
        ),
        ({}, {"texts": {"other": "{}"}}, "The flow has no config `other`; it has `my-cfg`."),
    ],
)
def test_problems_are_told(declaration, given, problem):
    with pytest.raises(ConfigInvalid) as caught:
        settled(GivenConfigs(**given), **declaration)
    assert problem in caught.value.message


def test_all_problems_are_told_at_once():
    class F(FlowSpec):
        a = Config("a", required=True)
        b = Config("b", default="/nowhere")

    with pytest.raises(ConfigInvalid) as caught:
        settle(F, GivenConfigs(texts={"z": "1"}), CONTEXT)
    assert len(caught.value.problems) == 3


def test_the_command_line_beats_the_environment_name_by_name():
    here = GivenConfigs(texts={"A": "1"})
    around = GivenConfigs(paths={"a": "f", "b": "g"}, texts={"c": "3"})
    both = here.over(around)
    assert both.paths == {"b": "g"}
    assert both.texts == {"A": "1", "c": "3"}


# ── files of packages ────────────────────────────────────────────────────────────────────────


def test_requirements():
    text = """
    # comment
    numpy>=2,<3
    pandas == 2.2.3   # pinned
    scikit_learn
    requests[security, socks]~=2.31
    torch != 2.1 , \\
        >=2
    python==3.12
    """
    assert requirements_txt_parser(text) == {
        "packages": {
            "numpy": ">=2,<3",
            "pandas": "2.2.3",
            "scikit_learn": "",
            "requests[security,socks]": "~=2.31",
            "torch": "!=2.1,>=2",
        },
        "python": "3.12",
    }


@pytest.mark.parametrize(
    "line",
    [
        "numpy; python_version < '3.12'",
        "-r other.txt",
        "--index-url https://x",
        "-e .",
        "pkg @ https://x/y.whl",
        "numpy==",
    ],
)
def test_requirements_that_cannot_be_expressed(line):
    with pytest.raises(ParserValueError, match="is not a package with versions"):
        requirements_txt_parser(line)


def test_pyproject():
    text = '[project]\nrequires-python = ">=3.11"\ndependencies = ["numpy>=2", "lz4==4.4.5"]\n'
    assert pyproject_toml_parser(text) == {
        "packages": {"numpy": ">=2", "lz4": "4.4.5"},
        "python": ">=3.11",
    }
    assert pyproject_toml_parser("[project]\n") == {"packages": {}, "python": None}
    with pytest.raises(ParserValueError, match="no table"):
        pyproject_toml_parser("[tool.x]\n")
    with pytest.raises(ParserValueError, match="not TOML"):
        pyproject_toml_parser("[")


def test_conda_environments():
    text = """
    name: x
    channels: [conda-forge]
    dependencies:
      - python=3.12
      - numpy=2.1
      - conda-forge::pandas>=2
      - pip
    """
    assert conda_environment_yml_parser(text) == {
        "packages": {"numpy": "2.1", "pandas": ">=2", "pip": ""},
        "python": "3.12",
    }
    with pytest.raises(ParserValueError, match="is not a conda package"):
        conda_environment_yml_parser("dependencies:\n  - pip:\n    - x\n")
    with pytest.raises(ParserValueError, match="no list"):
        conda_environment_yml_parser("name: x")


def test_yaml(monkeypatch):
    assert yaml_parser("a: [1, 2]") == {"a": [1, 2]}
    with pytest.raises(ParserValueError, match="not YAML"):
        yaml_parser("a: [")
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    with pytest.raises(ParserUnavailable, match="pip install pyyaml"):
        yaml_parser("a: 1")


# ── in declarations of a flow ────────────────────────────────────────────────────────────────


class ConfiguredFlow(FlowSpec):
    cfg = Config("cfg")
    size = Parameter("size", default=cfg.size, help=cfg.help)
    whole = Parameter("whole", **cfg.parameter)

    @retry(times=cfg.times)
    @resources(**cfg.resources)
    @step
    def start(self):
        pass


FIRST = {
    "size": 3,
    "help": "how many",
    "times": 1,
    "resources": {"cpu": 2},
    "parameter": {"type": int, "required": True},
}


def test_parameters_and_decorators_take_their_values_from_configs():
    begin(ConfiguredFlow, {"cfg": FIRST})
    size, whole = (parameter for _, parameter in collect_parameters(ConfiguredFlow))
    assert (size.default, size.help, size.value_type) == (3, "how many", int)
    assert (whole.value_type, whole.required, whole.options) == (int, True, {})
    given = [decorator.given for decorator in ConfiguredFlow.start.decorators]
    assert given == [{"cpu": 2}, {"times": 1}]


def test_other_configs_start_from_the_source_again():
    begin(ConfiguredFlow, {"cfg": FIRST})
    finish(ConfiguredFlow, ["timeout:seconds=1"])
    begin(ConfiguredFlow, {"cfg": {**FIRST, "size": "text", "times": 0}})
    size, _ = collect_parameters(ConfiguredFlow)
    assert size[1].default == "text"
    assert [d.name for d in ConfiguredFlow.start.decorators] == ["resources", "retry"]


def test_a_bad_key_of_a_config_leaves_the_flow_as_it_was():
    begin(ConfiguredFlow, {"cfg": FIRST})
    with pytest.raises(DelayedValueFailed, match=r"`cfg.times` cannot be computed"):
        begin(ConfiguredFlow, {"cfg": {k: v for k, v in FIRST.items() if k != "times"}})
    begin(ConfiguredFlow, {"cfg": FIRST})
    assert ConfiguredFlow.start.decorators[1].given == {"times": 1}
