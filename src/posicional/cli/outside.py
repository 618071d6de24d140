"""The real outside of a command: the feed's store or the one named, the system's clock, its engine, OpenSearch."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

from posicional.errors import UsageError
from posicional.ports import SECRET_VARIABLE, Channel, Clock, Engine, Event, Outside, Target, Together

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from posicional.contract.feed import EngineSettings, Feed, OpenSearchTarget


def outside_for(
    feed: Feed,
    store: str | None,
    tell: Callable[[Event], None],
    clock: Clock | None = None,
    channels: Sequence[Channel] = (),
) -> Outside:
    """Everything the steps need for `feed`; `store` (a folder below the working directory, or a URL) replaces its own.

    The engine and the target are made only when a step asks for them: `status` needs neither.
    """
    from posicional.backends.clock import SystemClock
    from posicional.backends.process import gone, who
    from posicional.backends.store import open_store

    return Outside(
        store=open_store(store or feed.store),
        clock=clock or SystemClock(),
        new_id=lambda: uuid.uuid4().hex[:12],
        who=who(),
        engine=lambda: _engine(feed.engine),
        target=_target,
        tell=tell,
        gone=gone,
        secret=secret(),
        channels=channels,
        together=_together(feed.engine),
    )


def secret() -> bytes:
    """The key of hashes, from the environment; empty where there is none."""
    return os.environ.get(SECRET_VARIABLE, "").encode()


def _engine(settings: EngineSettings) -> Engine:
    from posicional.backends.engines import open_engine

    try:
        return open_engine(settings)
    except ModuleNotFoundError as error:
        raise not_installed("spark" if settings.use == "spark" else "sql", error) from error


def _together(settings: EngineSettings) -> Together | None:
    from posicional.backends.engines import together

    return together(settings)


def _target(target: OpenSearchTarget) -> Target:
    try:
        from posicional.backends.opensearch import connect
    except ModuleNotFoundError as error:
        raise not_installed("opensearch", error) from error
    return connect(target)


def not_installed(extra: str, error: ModuleNotFoundError) -> UsageError:
    """What to say when a command needs a library that only the extra brings."""
    return UsageError(f"{error.name} is not installed", hint=f"pip install 'posicional[{extra}]'")
