"""What older paths do, beyond having their names."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module

import pytest

import metaflow
from metaflow import FlowSpec, step
from metaflow.errors.base import MetaflowException
from metaflow.exception import MetaflowTaggingError


class LintedFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


class BrokenFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.nowhere)


def test_the_linter_checks_a_graph():
    from metaflow.lint import LintWarn, linter

    linter.run_checks(LintedFlow(use_cli=False)._graph)
    with pytest.raises(LintWarn, match="only step"):
        linter.run_checks(BrokenFlow(use_cli=False)._graph)


def test_nodes_have_what_tools_read():
    graph = LintedFlow(use_cli=False)._graph
    node = graph["start"]
    assert (node.type, list(node.out_funcs), list(node.in_funcs)) == ("start", ["end"], [])
    for name in ("decorators", "parallel_step", "matching_join", "split_parents", "node_info"):
        assert hasattr(node, name)
    assert node.is_inside_foreach is False
    assert (graph.start_step, graph.end_step) == ("start", "end")
    assert list(graph.sorted_nodes) == ["start", "end"]
    steps, structure = graph.output_steps()
    assert list(steps) == structure == ["start", "end"]


def test_click_is_the_installed_one(tmp_path):
    program = (
        "import metaflow._vendor.click as vendored, click\n"
        "from metaflow._vendor import click as named\n"
        "from metaflow._vendor.click.testing import CliRunner\n"
        "assert vendored is named is click\n"
        "print(CliRunner().invoke(click.Command('x', callback=lambda: click.echo('hi'))).output)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("hi", "")


def test_yaml_says_what_to_install():
    try:
        import yaml
    except ImportError:
        with pytest.raises(ImportError, match="pip install pyyaml"):
            import_module("metaflow._vendor.yaml")
    else:
        from metaflow._vendor import yaml as vendored

        assert vendored is yaml


@pytest.mark.parametrize("name", ["Markdown", "get_cards"])
def test_cards_say_that_they_come_later(name):
    cards = metaflow.cards
    with pytest.raises(ImportError, match="does not have cards yet") as caught:
        getattr(cards, name)
    assert isinstance(caught.value, MetaflowException)
    assert not hasattr(cards, "NoSuchCard")


def test_names_that_come_later_say_so():
    with pytest.raises(ImportError, match="does not have the S3 client yet"):
        from metaflow import S3  # noqa: F401


def test_modules_are_reached_through_the_package(tmp_path):
    program = (
        "import metaflow\n"
        "print(metaflow.R.use_r(), metaflow.metaflow_version.get_version(),"
        " metaflow.exception.MetaflowException.headline)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("False ")


def test_r_says_that_it_comes_later():
    with pytest.raises(ImportError, match="flows written in R"):
        metaflow.R.run("flow.R")


def test_tags_are_checked():
    from metaflow.tagging_util import MAX_TAG_SIZE, validate_tag, validate_tags

    validate_tags(["a", "b"], existing_tags=["c"])
    with pytest.raises(MetaflowTaggingError):
        validate_tag("x" * (MAX_TAG_SIZE + 1))
    with pytest.raises(MetaflowTaggingError):
        validate_tags([str(number) for number in range(30)], [f"old {n}" for n in range(30)])


def test_small_functions(monkeypatch):
    from metaflow import util

    for name in [name for name in os.environ if name.startswith("METAFLOW")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("METAFLOW_USER", "ann")
    assert (util.get_username(), util.resolve_identity()) == ("ann", "user:ann")
    assert [util.is_stringish(value) for value in (b"", "", 1)] == [True, True, False]
    assert util.to_pod({"f": len, "t": (1, {2})}) == {"f": "len", "t": [1, [2]]}
