"""Output that the documentation shows: each `$ posicional …` of a console block is run, its output stands below it.

`python tests/documentation.py` writes all of it anew; look at the difference before you commit it.
"""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path

from click import Command, Group

from commands import ROOT, arrive_bytes, posicional
from posicional.cli import commands

READMES = (ROOT / "README.md", ROOT / "README.pt-BR.md")
COMMANDS = ROOT / "docs" / "commands.md"

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`([\w./-]+)`:\n\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# What differs from one run to the next, and how the documentation shows it.
VARYING = (
    (re.compile(r"http://127\.0\.0\.1:\d+"), "http://127.0.0.1:9200"),
    (re.compile(r"in \d+\.\d s\b"), "in 0.1 s"),
    (re.compile(r"\b(\d\d:\d\d):\d\d\b"), r"\1:00"),
)

# The demo has a clock of its own; everything else shows the time of the test.
NOW = (
    (re.compile(r"^\d\d:\d\d:\d\d", re.MULTILINE), "09:26:00"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "2026-11-20 09:26:00"),
)


def stable(text: str, line: str) -> str:
    """Output of a command line, without what differs from one run to the next."""
    for pattern, shown in VARYING if "demo" in line else VARYING + NOW:
        text = pattern.sub(shown, text)
    return text


def readme(text: str) -> str:
    """The README with the output of its commands as it is now; its files lie in the folder they run in."""
    with tempfile.TemporaryDirectory() as folder:
        lay_out(text, Path(folder))
        return BLOCK.sub(lambda block: _shown(block, Path(folder)), text)


def lay_out(text: str, folder: Path) -> None:
    """Write the files that the README shows, under the names that stand above them."""
    for name, language, content in NAMED.findall(text):
        if language == "text":
            arrive_bytes(folder / "dados", Path(name).name, content.encode("cp1252"))
        else:
            (folder / name).write_text(content)


def _shown(block: re.Match[str], folder: Path) -> str:
    if block[1] != "console":
        return block[0]
    lines = [line for line in block[2].splitlines() if line.startswith("$ ")]
    return f"```console\n{''.join(_run(line, folder) for line in lines)}```"


def _run(line: str, folder: Path) -> str:
    said = posicional(*shlex.split(line.removeprefix("$ "))[1:], cwd=folder)
    return f"{line}\n{stable(said.text.replace(f'{folder}/', ''), line)}"


def command_page() -> str:
    """The page of all commands: the help of each."""
    return "\n".join(_command_lines())


def _command_lines() -> Iterator[str]:
    yield "# The commands\n"
    yield "What `posicional COMMAND --help` says; a test compares.\n"
    for words in _command_words(commands):
        said = posicional(*words, "--help")
        yield f"## {' '.join(['posicional', *words])}\n\n```text\n{said.out}```\n"


def _command_words(command: Command, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of a command and of those below it."""
    yield above
    if isinstance(command, Group):
        for name, inner in sorted(command.commands.items()):
            yield from _command_words(inner, (*above, name))


if __name__ == "__main__":
    for page in READMES:
        page.write_text(readme(page.read_text(encoding="utf-8")), encoding="utf-8")
    COMMANDS.write_text(command_page(), encoding="utf-8")
