"""Who writes facts from this machine, and whether an earlier writer's process has ended.

A claim holds its writer's name; so a run that was killed is taken over at once by the next command on the same machine,
rather than when its lease ends.
"""

from __future__ import annotations

import getpass
import os
import re
import socket
from functools import cache
from pathlib import Path


def who() -> str:
    """This process as it stands in the facts: `user@host pid 123 (boot 1f2e3d4c, start 456)`.

    The boot and start time tell a process from a later one with the same number; they are there on Linux only.
    """
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()} pid {os.getpid()}{_life(os.getpid())}"


def gone(name: str) -> bool:
    """Whether the process that `who` named so is known to have ended. False for another machine's."""
    found = re.fullmatch(r"[^@]+@(\S+) pid (\d+)( \(boot [^)]*\))?", name)
    if found is None or found[1] != socket.gethostname() or not found[3]:
        return False
    boot, pid = _boot(), int(found[2])
    if not boot or not found[3].startswith(f" (boot {boot},"):
        return False  # another container with our host's name, or an earlier boot: its lease decides
    return _life(pid) != found[3]


def _life(pid: int) -> str:
    """The life of a process, as it stands behind its number; empty when there is none, or no way to know."""
    try:
        # The command's name may hold blanks and brackets; what follows its last bracket does not.
        words = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return f" (boot {_boot()}, start {words[19]})" if words[0] != "Z" else ""


@cache
def _boot() -> str:
    """The machine's boot and the pid namespace; two containers on one machine do not share process numbers."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
        return f"{boot}-{os.stat('/proc/self/ns/pid').st_ino}"  # noqa: PTH116 - the link's target has no path
    except OSError:
        return ""
