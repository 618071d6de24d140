"""A real browser for the tests of the board: the system's Chromium, and axe, which looks for what some cannot use."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, sync_playwright

AXE = "axe-core@4.14.1"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium without a window; the test is skipped where there is none, unless it is required."""
    path = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    if path is None:
        missing("needs Chromium (apt-get install chromium)")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def axe(folder: Path) -> str:
    """The script of axe, from npm's package of this very version."""
    npm = shutil.which("npm")
    if npm is None:
        missing("needs npm, which brings axe")
    packed = subprocess.run(
        [npm, "pack", "--silent", AXE], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    if packed.returncode:
        missing(f"{AXE} cannot be had from npm")
    with tarfile.open(folder / packed.stdout.split()[-1]) as archive:
        script = archive.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


def missing(what: str) -> NoReturn:
    """Skip the test, or fail it where a browser is required (POSICIONAL_REQUIRE=browser)."""
    if "browser" in os.environ.get("POSICIONAL_REQUIRE", ""):
        pytest.fail(what)
    pytest.skip(what)
