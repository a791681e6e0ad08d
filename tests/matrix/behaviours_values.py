"""What tasks keep: artifacts of all kinds, names that are not kept, constants, parameters, configs."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import uuid

import pytest
from matrix_behaviour import WHOLE, Behaviour

from metaflow import Task

KINDS = {
    "set": {1, 2},
    "frozen": frozenset("ab"),
    "complex": 1 + 2j,
    "bytes": b"\x00\xff",
    "bytearray": bytearray(b"ab"),
    "ordered": collections.OrderedDict(b=1, a=2),
    "counter": collections.Counter("aab"),
    "deque": collections.deque([1, 2]),
    "decimal": decimal.Decimal("1.10"),
    "uuid": uuid.UUID(int=5),
    "moment": dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC),
    "span": dt.timedelta(days=2),
    "range": range(3),
    "slice": slice(1, 2),
    "ellipsis": ...,
    "infinite": float("inf"),
    "type": int,
    "huge": 10**300,
}


class KindsOfValues(Behaviour):
    each = """
    import collections, datetime as dt, decimal, uuid
    self.kinds = {
        "set": {1, 2}, "frozen": frozenset("ab"), "complex": 1 + 2j, "bytes": b"\\x00\\xff",
        "bytearray": bytearray(b"ab"), "ordered": collections.OrderedDict(b=1, a=2),
        "counter": collections.Counter("aab"), "deque": collections.deque([1, 2]),
        "decimal": decimal.Decimal("1.10"), "uuid": uuid.UUID(int=5),
        "moment": dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC), "span": dt.timedelta(days=2),
        "range": range(3), "slice": slice(1, 2), "ellipsis": ..., "infinite": float("inf"),
        "type": int, "huge": 10**300,
    }
    """

    def check_task(self, cell, key, task):
        found = task["kinds"].data
        assert found == KINDS
        assert {k: type(v) for k, v in found.items()} == {k: type(v) for k, v in KINDS.items()}


class EmptyValues(Behaviour):
    each = "self.nothing, self.empty, self.zero, self.untrue = None, '', 0, False"

    def check_task(self, cell, key, task):
        for name, value in {"nothing": None, "empty": "", "zero": 0, "untrue": False}.items():
            assert name in task
            assert task[name].data is value or task[name].data == value


class ValuesOfItsOwn(Behaviour):
    each = "self.own_value = (step, self.index, self.input)"

    def check_task(self, cell, key, task):
        assert task["own_value"].data == (key[0], *cell.model[key].values["place"])


class ClassesOfTheFlow(Behaviour):
    module = """
    class Point:
        def __init__(self, x):
            self.x = x
        def __reduce__(self):
            return complex, (self.x, 1)
    """
    each = "import added; self.point = added.Point(3)"

    def check_task(self, cell, key, task):
        assert task["point"].data == 3 + 1j


class NamesInAnyScript(Behaviour):
    each = "self.größe, self.名前 = 'ß', step"

    def check_task(self, cell, key, task):
        assert (task["größe"].data, task["名前"].data) == ("ß", key[0])


class PrivateNames(Behaviour):
    each = "self._hidden = [step]"

    def check_task(self, cell, key, task):
        assert task["_hidden"].data == [key[0]]
        assert "_hidden" not in {artifact.id for artifact in task}


class DunderNames(Behaviour):
    each = "setattr(self, '__left_behind', 1); self.saw_dunder = getattr(self, '__left_behind')"

    def check_task(self, cell, key, task):
        assert task["saw_dunder"].data == 1
        assert "__left_behind" not in task


class PropertiesAndMethods(Behaviour):
    members = """
    @property
    def doubled(self):
        return 2 * len(self.trail)
    @staticmethod
    def helper():
        return 5
    @classmethod
    def of_class(cls):
        return cls.__name__
    """
    each = "self.computed = (self.doubled, self.helper(), self.of_class())"

    def check_task(self, cell, key, task):
        doubled = 2 * len(cell.model[key].values["trail"])
        assert task["computed"].data == (doubled, 5, cell.shape.flow)
        assert not {"doubled", "helper", "of_class", "added"} & {artifact.id for artifact in task}


class FunctionsAreNotKept(Behaviour):
    each = "self.function = lambda: 1; self.called = self.function()"

    def check_task(self, cell, key, task):
        assert task["called"].data == 1
        assert "function" not in task
        assert "function" in task.stderr + task.stdout, "a note tells of it"


class DeletedArtifacts(Behaviour):
    each = "self.passing = 1; del self.passing; self.gone = not hasattr(self, 'passing')"

    def check_task(self, cell, key, task):
        assert task["gone"].data is True
        assert "passing" not in task


class Constants(Behaviour):
    members = "COLOURS = {'red': (1, 2)}\nRATE = 0.5"
    each = "self.of_constants = (dict(self.COLOURS), self.RATE)"

    def check_task(self, cell, key, task):
        assert task["of_constants"].data == ({"red": (1, 2)}, 0.5)
        assert task["COLOURS"].data == {"red": (1, 2)}
        assert task["RATE"].data == 0.5


class ReadOnlyNames(Behaviour):
    members = "FIXED = 1"
    each = """
    self.refused = []
    for name in ("FIXED", "level"):
        try:
            setattr(self, name, 2)
        except AttributeError as error:
            self.refused.append("not modifiable" in str(error))
    """

    def check_task(self, cell, key, task):
        assert task["refused"].data == [True, True]


class MissingNames(Behaviour):
    each = """
    try:
        self.nowhere_set
    except AttributeError as error:
        self.missing = str(error)
    """

    def check_task(self, cell, key, task):
        text = task["missing"].data
        assert "nowhere_set" in text
        assert cell.shape.flow in text


class LoadedWhenTouched(Behaviour):
    module = """
    class Loud:
        def __reduce__(self):
            return print, ("a value is loaded",)
    """
    each = """
    import added
    self.loud = added.Loud()
    """

    def check_task(self, cell, key, task):
        assert "a value is loaded" not in task.stdout
        assert "loud" in task


class ContentAddresses(Behaviour):
    each = "self.same_in_all = list(range(500))"
    contexts = WHOLE

    def check(self, cell):
        artifacts = [task["same_in_all"] for task in cell.tasks.values()]
        assert len({artifact.sha for artifact in artifacts}) == 1
        assert len({artifact.size for artifact in artifacts}) == 1
        assert artifacts[0].size > 500


class KeptByReference(Behaviour):
    contexts = WHOLE
    intrinsic = True

    def check(self, cell):
        assert len({task["kept"].sha for task in cell.tasks.values()}) == 1
        files = [f for f in (cell.workspace.folder / ".metaflow").rglob("*") if f.is_file()]
        stored = sum(f.stat().st_size for f in files if "packs" in f.parts or "blobs" in f.parts)
        assert stored < 100_000 + 12_000 * len(cell.tasks), "the large value is stored once"


class ParameterText(Behaviour):
    members = "text = Parameter('text', default='a')"
    arguments = {"text": "ä, 'ö' \"ü\" $HOME"}

    def check_task(self, cell, key, task):
        assert task["text"].data == self.arguments["text"]


class ParameterInt(Behaviour):
    members = "number = Parameter('number', type=int, default=1)"
    arguments = {"number": -12}

    def check_task(self, cell, key, task):
        assert task["number"].data == -12


class ParameterFloat(Behaviour):
    members = "rate = Parameter('learning-rate', default=0.1)"
    arguments = {"learning_rate": 1e-3}

    def check_task(self, cell, key, task):
        assert task["rate"].data == 1e-3


class ParameterBool(Behaviour):
    members = "quick = Parameter('quick', default=False)"
    arguments = {"quick": True}

    def check_task(self, cell, key, task):
        assert task["quick"].data is True


class ParameterNone(Behaviour):
    members = "absent = Parameter('absent', type=int)\nabsent2 = Parameter('absent2')"

    def check_task(self, cell, key, task):
        assert task["absent"].data is None
        assert task["absent2"].data is None


class ParameterJson(Behaviour):
    members = "grid = Parameter('grid', type=JSONType, default='{}')"
    each = "self.from_grid = self.grid['depth'][1]"
    arguments = {"grid": {"depth": [3, 4], "n": None}}

    def check_task(self, cell, key, task):
        assert task["grid"].data == self.arguments["grid"]
        assert task["from_grid"].data == 4


class ParameterList(Behaviour):
    members = "names = Parameter('names', separator=',', default='x,y')"

    def check_task(self, cell, key, task):
        assert task["names"].data == ["x", "y"]


class ParameterDeployTime(Behaviour):
    module = """
    def computed_default(context):
        return f"{context.flow_name} {context.user_name} {context.parameter_name}"
    """
    members = "delayed = Parameter('delayed', default=computed_default)"

    def check_task(self, cell, key, task):
        assert task["delayed"].data == f"{cell.shape.flow} ann delayed"


class ParameterRequired(Behaviour):
    members = "needed = Parameter('needed', required=True, type=str)"
    arguments = {"needed": "here"}

    def check_task(self, cell, key, task):
        assert task["needed"].data == "here"

    def check(self, cell):
        if cell.context != "run":
            return
        done = cell.workspace.flow("run")
        assert done.code == 2
        assert "needed" in done.err


class IncludedText(Behaviour):
    members = "words = IncludeFile('words', default='words.txt')"
    each = "self.of_words = self.words.split()"
    files = {"words.txt": "stone\nwäter\n"}

    def check_task(self, cell, key, task):
        assert task["of_words"].data == ["stone", "wäter"]
        assert task["words"].data == "stone\nwäter\n"


class IncludedBytes(Behaviour):
    members = "raw = IncludeFile('raw', default='raw.bin', is_text=False)"
    each = "self.of_raw = bytes(self.raw)"
    files = {"raw.bin": b"\x00\xfe\xff"}

    def check_task(self, cell, key, task):
        assert task["of_raw"].data == b"\x00\xfe\xff"


class IncludedAndParsed(Behaviour):
    members = "rules = IncludeFile('rules', default='rules.json', parser='json.loads')"
    each = "self.of_rules = self.rules['longest']"
    files = {"rules.json": '{"longest": 9}'}

    def check_task(self, cell, key, task):
        assert task["of_rules"].data == 9


class ConfigJson(Behaviour):
    members = "cfg = Config('cfg', default='cfg.json')"
    each = "self.of_cfg = (self.cfg.model.depth, self.cfg['layers'][1], dict(self.cfg.model))"
    files = {"cfg.json": '{"model": {"depth": 3}, "layers": [8, 16], "minutes": 7}'}

    def check_task(self, cell, key, task):
        assert task["of_cfg"].data == (3, 16, {"depth": 3})
        assert task["cfg"].data["model"] == {"depth": 3}


class ConfigParsed(Behaviour):
    members = "toml = Config('toml', default='cfg.toml', parser='tomllib.loads')"
    each = "self.of_toml = self.toml.part.value"
    files = {"cfg.toml": "[part]\nvalue = 4\n"}

    def check_task(self, cell, key, task):
        assert task["of_toml"].data == 4


class ConfigPlain(Behaviour):
    members = "plain = Config('plain', default='plain.txt', plain=True)"
    each = "self.of_plain = str(self.plain)"
    files = {"plain.txt": "just text"}

    def check_task(self, cell, key, task):
        assert task["of_plain"].data == "just text"


class ConfigYaml(Behaviour):
    members = "ycfg = Config('ycfg', default='cfg.yml', parser=yaml_parser)"
    each = "self.of_yaml = self.ycfg.deep.list[0]"
    files = {"cfg.yml": "deep:\n  list: [5, 6]\n"}

    def check_task(self, cell, key, task):
        assert task["of_yaml"].data == 5


class ConfigInDecorators(Behaviour):
    members = "dcfg = Config('dcfg', default_value={'minutes': 7, 'word': 'w'})"
    decorator = "@timeout(minutes=config_expr('dcfg.minutes'))"
    each = "self.of_dcfg = self.dcfg.word"
    contexts = WHOLE

    def check_task(self, cell, key, task):
        assert task["of_dcfg"].data == "w"

    def check(self, cell):
        steps = cell.end["_graph_info"].data["steps"]
        for step in cell.shape.steps:
            found = [d for d in steps[step]["decorators"] if d["name"] == "timeout"]
            assert [d["attributes"]["minutes"] for d in found] == [7]


class ParameterOfConfig(Behaviour):
    members = (
        "pcfg = Config('pcfg', default_value={'depth': 5})\n"
        "depth = Parameter('depth', default=pcfg.depth)"
    )

    def check_task(self, cell, key, task):
        assert task["depth"].data == 5


class ValuesOfEarlierAttempts(Behaviour):
    each = "self.of_attempt = current.retry_count"

    def check_task(self, cell, key, task):
        assert task["of_attempt"].data == 0
        if cell.context != "spin":
            assert Task(task.pathspec, attempt=0)["of_attempt"].data == 0


class ArtifactsOfAllTasks(Behaviour):
    intrinsic = True

    def check_task(self, cell, key, task):
        wanted = dict(cell.model[key].values)
        facts, told = wanted.pop("facts"), dict(task["facts"].data)
        assert set(facts.pop("parameters")) <= set(told.pop("parameters"))
        if cell.context == "resume" and key not in cell.cloned:
            facts["tags"] = []  # those of the origin are not taken over
        assert told == facts
        assert {name: task[name].data for name in wanted} == wanted
        with pytest.raises(KeyError):
            task["no_such_artifact"]
