"""Those who are told of alerts: a terminal or log, a file of JSON lines."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from posicional.errors import NotifyError
from posicional.ports import Notice


@dataclass(frozen=True, slots=True)
class Lines:
    """Hands the text to `write`: a terminal, a log."""

    write: Callable[[str], None]

    def send(self, notice: Notice) -> None:
        """Write the text."""
        self.write(notice.text)


@dataclass(frozen=True, slots=True)
class JsonLines:
    """A file that gets one line for each alert, durable; several processes may write it at once."""

    path: Path

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
