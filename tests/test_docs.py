"""The documentation shows what the program does now."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import documentation as docs
from commands import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", docs.READMES, ids=lambda page: page.name)
def test_readme_shows_what_its_commands_print(page: Path) -> None:
    """Every command of the README, in both languages, prints what stands below it, with the README's own files."""
    text = page.read_text(encoding="utf-8")
    assert docs.readme(text) == text


def test_the_page_of_commands_is_their_help() -> None:
    """Every command and option is documented, in the words of its help."""
    assert docs.COMMANDS.read_text(encoding="utf-8") == docs.command_page()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of the documentation names a file that is there."""
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
