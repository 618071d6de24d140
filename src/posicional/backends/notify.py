"""Those who are told of alerts: a terminal or log, a file of JSON lines, and whatever Apprise reaches.

An address of Apprise's may hold secrets, and so may what Apprise says of it. So neither ever leaves here: a channel has
a name, and why it failed is put in words of our own.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from posicional.contract.feed import SEVERITIES, Recipient, Severity
from posicional.errors import NotifyError
from posicional.ports import Channel, Notice

LONGEST = 30.0
"""Seconds after which a channel that has not answered counts as failed."""

EVERY: frozenset[Severity] = frozenset(SEVERITIES)


@dataclass(frozen=True, slots=True)
class Lines:
    """Hands the text to `write`: a terminal, a log."""

    write: Callable[[str], None]
    name: str = "terminal"
    when: frozenset[Severity] = EVERY

    def send(self, notice: Notice) -> None:
        """Write the text."""
        self.write(notice.text)


@dataclass(frozen=True, slots=True)
class JsonLines:
    """A file that gets one line for each alert, durable; several processes may write it at once."""

    path: Path
    name: str = "file"
    when: frozenset[Severity] = EVERY

    def send(self, notice: Notice) -> None:
        """Append a line. Raises `NotifyError`."""
        words = asdict(notice) | {"date": notice.date.isoformat()}
        line = (json.dumps(words, ensure_ascii=False) + "\n").encode()
        try:
            with open(self.path, "ab", buffering=0) as file:  # noqa: PTH123 - unbuffered: a line is one write
                file.write(line)
                os.fsync(file.fileno())
        except OSError as error:
            raise NotifyError("the alert cannot be written", where=str(self.path), got=error.strerror or "") from error


@dataclass(frozen=True, slots=True)
class Reached:
    """Whoever an address of Apprise's reaches: mail, a chat, a webhook, a telephone."""

    name: str
    url: str = field(repr=False)
    when: frozenset[Severity] = EVERY

    def send(self, notice: Notice) -> None:
        """Send it: what is the matter as the title, the rest as the text. Raises `NotifyError`."""
        service, words = self._service()
        kinds = {"alarm": words.NotifyType.FAILURE, "warning": words.NotifyType.WARNING}
        done = service.notify(
            body=notice.text.partition("\n")[2] or notice.title,  # some take no empty text
            title=notice.title,
            notify_type=words.NotifyType.SUCCESS if notice.over else kinds[notice.severity],
            body_format=words.NotifyFormat.TEXT,
        )
        if not done:
            raise NotifyError(_why(entry.message for entry in done.logs()), where=self.name)

    def check(self) -> None:
        """Raise `NotifyError` where Apprise does not know the address. Sends nothing."""
        self._service()

    def _service(self) -> tuple[Any, Any]:
        """Apprise with this address alone, and its words. It keeps no files, and works in this thread.

        What it logs may quote the address, so it is heard by nobody.
        """
        try:
            import apprise
        except ModuleNotFoundError:
            hint = "pip install 'posicional[alerts]'"
            raise NotifyError("Apprise is not installed", where=self.name, hint=hint) from None
        log = logging.getLogger("apprise")
        log.propagate = False
        if not log.handlers:
            log.addHandler(logging.NullHandler())
        asset = apprise.AppriseAsset(
            app_id="posicional",
            app_desc="posicional",
            storage_mode=apprise.PersistentStoreMode.MEMORY,
            service_timeout=0,  # ours is kept from outside: its own would leave a thread that the process waits for
            async_mode=False,
            allow_templates=False,
            secure_logging=True,
            interpret_emojis=False,
            pgp_autogen=False,
            pem_autogen=False,
        )
        one = apprise.Apprise.instantiate(self.url, asset=asset)
        if one is None:
            raise NotifyError("its address is none that Apprise knows", where=self.name)
        service = apprise.Apprise(asset=asset)
        service.add(one)
        return service, apprise


def installed() -> bool:
    """Whether Apprise is there."""
    return importlib.util.find_spec("apprise") is not None


def recipients(said: Iterable[Recipient]) -> tuple[Channel, ...]:
    """The channels of those whom a feed names."""
    return tuple(Reached(one.name, one.url, one.when) for one in said)


def tell_all(channels: Sequence[Channel], notice: Notice, seconds: float = LONGEST) -> dict[str, str]:
    """Send a notice through all channels at once: by name, empty where it was taken, else why it was not.

    Whatever happens at one of them does not keep the others; nobody waits for longer than `seconds`.
    """
    outcomes = {channel.name: f"no answer in {seconds:.0f} s" for channel in channels}
    threads = [threading.Thread(target=_tell, args=(one, notice, outcomes), daemon=True) for one in channels]
    for thread in threads:
        thread.start()
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return dict(outcomes)


def _tell(channel: Channel, notice: Notice, outcomes: dict[str, str]) -> None:
    try:
        channel.send(notice)
    except NotifyError as error:
        outcomes[channel.name] = " ".join(filter(None, [error.message, f"({error.got})" if error.got else ""]))
    except Exception as error:  # noqa: BLE001 - whatever a library raises: the name alone, as it may quote an address
        outcomes[channel.name] = f"stopped by {type(error).__name__}"
    else:
        outcomes[channel.name] = ""


def _why(said: Iterable[str]) -> str:
    """Why it was not taken, in words that quote nothing."""
    text = "\n".join(said)
    if code := re.search(r"error=([1-5][0-9]{2})\b", text):
        return f"refused: HTTP {code[1]}"
    if re.search(r"connection error|socket|connect|timed? ?out|smtp", text, re.IGNORECASE):
        return "no connection"
    return "not taken"
