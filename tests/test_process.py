"""Whether an earlier writer's process has ended: yes only when that is certain."""

from __future__ import annotations

import subprocess
import sys

import pytest

from posicional.backends.process import gone, who

pytestmark = pytest.mark.skipif(
    not who().endswith(")"), reason="this system does not tell one life of a process from another (no /proc)"
)


def test_a_living_process_is_not_gone() -> None:
    """Ours is at work."""
    assert not gone(who())


def test_a_process_that_has_ended_is_gone() -> None:
    """Another's name, taken while it lived; its number may be somebody else's by now."""
    child = subprocess.run(
        [sys.executable, "-c", "from posicional.backends.process import who; print(who())"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert gone(child.stdout.strip())


def test_a_number_that_was_given_again_is_another_process() -> None:
    """The start time tells them apart."""
    name, _, _ = who().rpartition("start ")
    assert gone(f"{name}start 1)")


@pytest.mark.parametrize("name", ["", "ana", "ana@outra pid 1 (boot x, start 1)", "ana@maquina pid 1", "a@b pid x"])
def test_nothing_is_known_of_others(name: str) -> None:
    """Another machine's process, or a name without its life, is left to its lease."""
    assert not gone(name)


def test_another_boot_is_left_to_the_lease() -> None:
    """Another machine may have our name."""
    assert not gone(who().replace("(boot ", "(boot 0"))
