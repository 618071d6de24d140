"""The real outside of a command: the feed's store or the one named, the system's clock, DuckDB, OpenSearch."""

from __future__ import annotations

import getpass
import os
import socket
import uuid
from typing import TYPE_CHECKING

from posicional.ports import Clock, Engine, Event, Outside, Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from posicional.contract.feed import Feed, OpenSearchTarget


def outside_for(feed: Feed, store: str | None, tell: Callable[[Event], None], clock: Clock) -> Outside:
    """Everything the steps need for `feed`; `store` (a folder below the working directory, or a URL) replaces its own.

    The engine and the target are made only when a step asks for them: `status` needs neither.
    """
    from posicional.backends.store import open_store

    return Outside(
        store=open_store(store or feed.store),
        clock=clock,
        new_id=lambda: uuid.uuid4().hex[:12],
        who=who(),
        engine=_engine,
        target=_target,
        tell=tell,
    )


def who() -> str:
    """Who is running this, as it stands in the facts: user@host."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _engine() -> Engine:
    from posicional.backends.duckdb import DuckDbEngine

    return DuckDbEngine()


def _target(target: OpenSearchTarget) -> Target:
    from posicional.backends.opensearch import connect

    return connect(target)
