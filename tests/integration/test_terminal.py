"""What a run shows: on a terminal, into a pipe, and to a reader that goes away."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pexpect
import pytest

FLOW = """
import os, sys, time
from metaflow import FlowSpec, step


class ScreenFlow(FlowSpec):
    @step
    def start(self):
        print("hello from start")
        self.items = range(6)
        self.next(self.work, foreach="items")

    @step
    def work(self):
        print("item", self.input)
        time.sleep(float(os.environ.get("PAUSE", "0")))
        if os.environ.get("FAIL") == str(self.input):
            raise ValueError("as asked")
        self.next(self.join)

    @step
    def join(self, inputs):
        print("joined", len(inputs), file=sys.stderr)
        self.next(self.end)

    @step
    def end(self):
        open("ended", "w").close()


if __name__ == "__main__":
    ScreenFlow()
"""
STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}"
LIVE = re.compile(r"(\d+)(?:/(\d+))? done\s+(\d+) running.*?([\d.]+) tasks/s")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLORS = re.compile(r"\x1b\[(?:\d+;)*(?:[349]\d|10\d)(?:;\d+)*m")
"""Escapes that set a colour; bold and dim letters are no colours."""
PATIENCE_S = 60


class Terminal:
    """A flow, and a way to run it under a terminal or a pipe."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "flow.py").write_text(FLOW)
        unwanted = ("METAFLOW", "COV", "NO_COLOR", "COLUMNS", "LINES", "FORCE_COLOR")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(unwanted)}
        home = str(folder / "home")
        self.env = {**kept, "METAFLOW_USER": "ann", "METAFLOW_HOME": home, "TERM": "xterm-256color"}

    def watch(self, *arguments, columns=100, code=0, **env):
        """Run the flow on a terminal until its end and return all that it wrote there."""
        child = pexpect.spawn(
            sys.executable,
            ["flow.py", "--no-pylint", "run", "--max-workers", "1", *arguments],
            cwd=self.folder,
            env=self.env | env,
            dimensions=(24, columns),
            timeout=PATIENCE_S,
            encoding="utf-8",
        )
        child.expect(pexpect.EOF)
        text = child.before
        child.close()
        assert child.exitstatus == code, text
        return text

    def piped(self, *arguments, **env):
        return subprocess.run(
            [sys.executable, "flow.py", "--no-pylint", "run", *arguments],
            cwd=self.folder,
            env=self.env | env,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def shell(self, command, **env):
        return subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.folder,
            env=self.env | {"PYTHON": sys.executable} | env,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    @property
    def ended(self):
        return (self.folder / "ended").exists()


class Screen:
    """The lines that a terminal shows after it was sent this text; long lines are not wrapped."""

    def __init__(self, text):
        self.lines = [""]
        self.most_live_lines = 0
        column = 0
        for part in re.split(r"(\x1b\[[0-9;?]*[A-Za-z]|\r|\n)", text):
            if part == "\r":
                column = 0
            elif part == "\n":
                self.lines.append("")
                column = 0
            elif part == "\x1b[2K":
                self.lines[-1] = ""
            elif ESCAPES.fullmatch(part):
                assert part[-1] in "mhl", f"an escape that moves the cursor: {part!r}"
            elif part:
                line = self.lines[-1].ljust(column)
                self.lines[-1] = line[:column] + part + line[column + len(part) :]
                column += len(part)
            live = [line for line in self.lines if LIVE.search(line)]
            self.most_live_lines = max(self.most_live_lines, len(live))
            # Nothing is ever written below the live line.
            assert not live or live[-1] is self.lines[-1]


@pytest.fixture
def terminal(tmp_path):
    return Terminal(tmp_path)


def test_a_terminal_shows_the_live_line_below_and_is_clean_at_the_end(terminal):
    text = terminal.watch(PAUSE="0.25")
    assert terminal.ended
    screen = Screen(text)
    assert screen.most_live_lines == 1
    assert not any(LIVE.search(line) for line in screen.lines)
    assert screen.lines[-2].endswith("Done!")
    assert screen.lines[-1] == ""

    states = [match.groups() for match in LIVE.finditer(ESCAPES.sub("", text))]
    assert len(states) > 3
    done = [int(state[0]) for state in states]
    assert done == sorted(done)
    assert done[-1] > done[0]
    # The number of items is known once the first step has said it.
    assert {state[1] for state in states if int(state[0]) >= 1} == {"9"}
    assert "1" in {state[2] for state in states}
    assert any(float(state[3]) > 0 for state in states)


def test_log_lines_of_a_terminal_are_those_of_a_pipe_with_colours(terminal):
    text = terminal.watch(PAUSE="0.2")
    assert COLORS.search(text)
    shown = [line for line in Screen(text).lines if re.match(STAMP, line)]
    piped = terminal.piped("--max-workers", "1").stdout.splitlines()

    def bare(lines):
        return sorted(re.sub(rf"{STAMP}|\d{{16}}|pid \d+", "#", line) for line in lines)

    assert bare(shown) == bare(piped)


def test_a_short_run_shows_no_live_line(terminal):
    text = terminal.watch()
    assert "Done!" in text
    assert Screen(text).lines[-2].endswith("Done!")


def test_a_narrow_terminal_cuts_the_live_line(terminal):
    text = terminal.watch(columns=30, PAUSE="0.25")
    pieces = [piece for piece in re.split(r"\r|\n", ESCAPES.sub("", text)) if " running" in piece]
    assert pieces
    assert all(len(piece) <= 30 for piece in pieces)
    assert Screen(text).lines[-1] == ""


def test_a_failing_run_leaves_a_clean_screen_too(terminal):
    text = terminal.watch(PAUSE="0.25", FAIL="3", code=1)
    screen = Screen(text)
    assert not any(LIVE.search(line) for line in screen.lines)
    assert any(line.endswith("Workflow failed.") for line in screen.lines)
    assert "    Step work (task-id 5) failed." in screen.lines
    assert screen.lines[-1] == ""


def test_an_interrupted_run_leaves_a_clean_screen_and_no_processes(terminal):
    child = pexpect.spawn(
        sys.executable,
        ["flow.py", "--no-pylint", "run"],
        cwd=terminal.folder,
        env=terminal.env | {"PAUSE": "30"},
        timeout=PATIENCE_S,
        encoding="utf-8",
    )
    child.expect(r"\(pid (\d+)\)\S* item 5")
    before = child.before + child.after
    child.sendintr()
    child.expect("Workflow interrupted")
    child.sendintr()
    child.expect(pexpect.EOF)
    rest = child.before
    child.close()
    assert child.exitstatus == 1
    assert not any(LIVE.search(line) for line in Screen(rest).lines)
    assert not terminal.ended
    for pid in set(map(int, re.findall(r"\(pid (\d+)\)", before))):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_no_color_is_respected(terminal):
    text = terminal.watch(PAUSE="0.25", NO_COLOR="1")
    assert not COLORS.search(text)
    assert LIVE.search(text)
    assert not any(LIVE.search(line) for line in Screen(text).lines)
    assert COLORS.search(terminal.watch())


PLAIN = [
    r"Workflow starting \(run-id (\d+)\):",
    r"\[\1/start/1 \(pid \d+\)\] Task is starting\.",
    r"\[\1/start/1 \(pid \d+\)\] hello from start",
    r"\[\1/start/1 \(pid \d+\)\] Foreach yields 6 child steps\.",
    r"\[\1/start/1 \(pid \d+\)\] Task finished successfully\.",
    *(
        line
        for task in range(2, 8)
        for line in (
            rf"\[\1/work/{task} \(pid \d+\)\] Task is starting\.",
            rf"\[\1/work/{task} \(pid \d+\)\] item {task - 2}",
            rf"\[\1/work/{task} \(pid \d+\)\] Task finished successfully\.",
        )
    ),
    r"\[\1/join/8 \(pid \d+\)\] Task is starting\.",
    r"\[\1/join/8 \(pid \d+\)\] joined 6",
    r"\[\1/join/8 \(pid \d+\)\] Task finished successfully\.",
    r"\[\1/end/9 \(pid \d+\)\] Task is starting\.",
    r"\[\1/end/9 \(pid \d+\)\] Task finished successfully\.",
    r"Done!",
]


def test_a_pipe_gets_exactly_the_plain_lines(terminal):
    done = terminal.piped("--max-workers", "1", PAUSE="0.1")
    whole = "".join(rf"{STAMP} {line}\n" for line in PLAIN)
    assert re.fullmatch(whole, done.stdout), done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert "\r" not in done.stdout + done.stderr
    assert done.returncode == 0


def test_a_file_gets_the_plain_lines_too(terminal):
    assert terminal.shell('"$PYTHON" flow.py run --max-workers 1 > out 2> err').returncode == 0
    whole = "".join(rf"{STAMP} {line}\n" for line in PLAIN)
    assert re.fullmatch(whole, (terminal.folder / "out").read_text())
    assert (terminal.folder / "err").read_text().startswith("Metaflow ")


def test_lines_reach_a_pipe_while_the_run_goes_on(terminal):
    # Items wait for a file that appears only when the first line of the run has been read.
    source = FLOW.replace(
        'time.sleep(float(os.environ.get("PAUSE", "0")))',
        "while not os.path.exists('read'): time.sleep(0.01)",
    )
    (terminal.folder / "flow.py").write_text(source)
    command = (
        '"$PYTHON" flow.py run 2>&1 | while read -r line; do '
        'case "$line" in *"item 0"*) : > read;; esac; done'
    )
    assert terminal.shell(command).returncode == 0
    assert terminal.ended


@pytest.mark.parametrize(
    "command",
    [
        '"$PYTHON" flow.py run | head -1',
        '"$PYTHON" flow.py run 2>&1 | head -1',
        '"$PYTHON" flow.py run 2>/dev/null | true',
        '"$PYTHON" flow.py run >&-',
        '"$PYTHON" flow.py run >&- 2>&-',
        '"$PYTHON" flow.py run > /dev/full',
    ],
)
def test_a_run_completes_although_nobody_reads_its_output(terminal, command):
    done = terminal.shell(
        f"{{ {command}; }}; while [ ! -e ended ] && [ $((n += 1)) -lt 200 ]; do sleep 0.05; done",
        PAUSE="0.05",
    )
    assert terminal.ended, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_the_exit_code_tells_of_the_run_and_not_of_its_readers(terminal):
    done = terminal.shell('{ "$PYTHON" flow.py run; echo "code $?" >&2; } | head -1', PAUSE="0.05")
    assert "code 0" in done.stderr
    assert terminal.ended
