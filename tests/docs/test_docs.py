"""What the documentation tells readers to run does run, in order, and prints what it shows.

A page is one session in an empty folder. A block `python flow=NAME` is saved under that name
for the `bash` blocks behind it; other `python` blocks are programs. `exit=1` says that a block
fails, `no-run: reason` that it cannot run here. A block `text output` shows lines of what the
block before it printed; numbers and times may differ, and `...` stands for anything.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from docs_pages import PAGES, Block, blocks_of, name_of

RUNNABLE = {"python", "bash"}
NUMBER = re.compile(r"\d+")


class Session:
    """A reader at work: runs the blocks of one page in one folder."""

    def __init__(self, page: Path, folder: Path) -> None:
        self.page = name_of(page)
        self.folder = folder
        self.printed = ""
        self.unused: dict[str, int] = {}
        kept = {name: text for name, text in os.environ.items() if not name.startswith("METAFLOW")}
        self.env = kept | {
            "METAFLOW_USER": "ada",
            "METAFLOW_HOME": str(folder / "home"),
            # An editable installation may be older than the entry point of the plug-in.
            "PYTEST_PLUGINS": "metaflow.testing.pytest_plugin",
            "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"],
        }

    def follow(self, block: Block) -> None:
        place = f"{self.page}, line {block.line}"
        if block.is_output:
            self.compare(block, place)
        elif block.language not in RUNNABLE or block.reason_not_to_run is not None:
            return
        elif block.flow is not None:
            (self.folder / block.flow).write_text(block.text, encoding="utf-8")
            self.unused[block.flow] = block.line
        elif block.language == "python":
            program = self.folder / f"block_{block.line}.py"
            program.write_text(block.text, encoding="utf-8")
            self.run([sys.executable, program.name], block, place)
        else:
            for name in [name for name in self.unused if name in block.text]:
                del self.unused[name]
            self.run(["bash", "-euo", "pipefail", "-c", block.text], block, place)

    def run(self, command: list[str], block: Block, place: str) -> None:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        self.printed = done.stdout
        assert done.returncode == block.exit_code, f"{place}:\n{done.stdout}"

    def compare(self, block: Block, place: str) -> None:
        lines = {NUMBER.sub("0", line.strip()) for line in self.printed.splitlines()}
        for line in block.text.splitlines():
            shown = NUMBER.sub("0", line.strip())
            if not shown or shown == "...":
                continue
            pattern = ".*".join(re.escape(part) for part in shown.split("..."))
            assert any(re.fullmatch(pattern, known) for known in lines), (
                f"{place}: `{line}` is not in\n{self.printed}"
            )


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_does_what_it_shows(page, tmp_path):
    session = Session(page, tmp_path)
    for block in blocks_of(page):
        session.follow(block)
    assert not session.unused, f"{session.page}: no block runs {session.unused}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_block_that_is_not_run_says_why(page):
    for block in blocks_of(page):
        reason = block.reason_not_to_run
        assert reason is None or len(reason.split()) > 1, f"{name_of(page)}, line {block.line}"


def test_most_blocks_are_run():
    blocks = [block for page in PAGES for block in blocks_of(page) if block.language in RUNNABLE]
    run = [block for block in blocks if block.reason_not_to_run is None]
    assert len(run) > 0.8 * len(blocks) > 20


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{name_of(page)}: {target}"
