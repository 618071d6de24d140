"""`posicional watch`: everything, all the time, for one or several feeds; with the board."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from posicional.cli.board import guard_of, load_feeds, proxies_option, user_header_option
from posicional.cli.words import language_option, store_option
from posicional.ports import Event

if TYPE_CHECKING:
    from posicional.board.pulse import WatchPulse
    from posicional.contract.feed import Feed, Severity
    from posicional.day.alarm_words import Language
    from posicional.ports import Clock, Notice, Outside


@click.command(
    epilog="""\b
Examples:
  posicional watch examples/planos/feed.yaml
  posicional watch planos/feed.yaml sigtap/feed.yaml --store s3://my-bucket --every 60 --no-board"""
)
@click.argument("feed_paths", metavar="FEED…", nargs=-1, required=True, type=click.Path(path_type=Path))
@store_option
@click.option(
    "--every", default=300, show_default=True, type=click.IntRange(min=1), metavar="SECONDS", help="Between sweeps."
)
@click.option("--board/--no-board", "with_board", default=True, help="Show the board, /metrics and /healthz.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address that the board listens at.")
@click.option("--port", default=8377, show_default=True, type=click.IntRange(0, 65535), help="0: any that is free.")
@proxies_option
@user_header_option
@language_option
def watch(
    feed_paths: tuple[Path, ...],
    store: str | None,
    *,
    every: int,
    with_board: bool,
    host: str,
    port: int,
    proxies: tuple[str, ...],
    user_header: str,
    language: Language,
) -> int:
    """Look after one or several feeds until told to end.

    Takes what arrives as soon as it has stood still (a folder tells; a bucket is asked at every sweep), opens the gate,
    publishes, makes the check at each deadline, tries again what failed, tells people, cleans up. Prints a line of JSON
    for each thing that happens. Ctrl-C or SIGTERM ends it after the step that it is at; it may be killed at any time.
    """
    from posicional.backends.clock import SystemClock
    from posicional.cli.outside import not_installed

    try:
        from posicional.board.pulse import WatchPulse
        from posicional.board.serve import listen, serve
        from posicional.board.watched import Watched
    except ModuleNotFoundError as error:
        raise not_installed("board", error) from error
    guard = guard_of(host, proxies, user_header)
    feeds = load_feeds(feed_paths)
    clock = SystemClock()
    pulse = WatchPulse(clock, timedelta(seconds=every), tuple(feed.name for feed in feeds))
    say = _Lines(clock)
    outsides = [_outside(feed, store, clock, pulse, say) for feed in feeds]
    at = listen(host, port) if with_board else None
    stop = threading.Event()
    broken: list[str] = []
    threads = [
        threading.Thread(target=_look_after, args=(feed, outside, stop, every, pulse, language, broken))
        for feed, outside in zip(feeds, outsides, strict=True)
    ]
    for signal_ in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_, lambda *_: stop.set())
    for thread in threads:
        thread.start()
    try:
        if at is not None:
            say("board", f"http://{'localhost' if guard.local else host}:{at.getsockname()[1]}/")
            serve([Watched(*pair) for pair in zip(feeds, outsides, strict=True)], guard, at, pulse)
        else:
            while not stop.wait(3600):
                pass
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if broken:
        raise RuntimeError(broken[0])
    return 0


def _look_after(
    feed: Feed,
    outside: Outside,
    stop: threading.Event,
    every: int,
    pulse: WatchPulse,
    language: Language,
    broken: list[str],
) -> None:
    """Watch one feed. A bug ends the whole process, so that whoever keeps it running starts it again."""
    from posicional.steps.watch import watch as watch_feed

    noted = partial(pulse.went, feed.name)
    try:
        changes = _changes(outside, stop)
        watch_feed(feed, outside, changes, every=timedelta(seconds=every), noted=noted, language=language)
    except BaseException as error:  # noqa: BLE001 - whatever it is, nobody else would see it
        outside.tell(Event("bug", f"{type(error).__name__}: the watch of {feed.name} ends"))
        broken.append(type(error).__name__)
        signal.raise_signal(signal.SIGTERM)


def _changes(outside: Outside, stop: threading.Event) -> Any:
    """A folder tells what arrives; anything else must be asked."""
    from posicional.backends.changes import Asking, FolderChanges

    where = outside.store.url
    return Asking(stop) if "://" in where else FolderChanges(Path(where), stop, poll=60.0)


def _outside(feed: Feed, store: str | None, clock: Clock, pulse: WatchPulse, say: _Lines) -> Outside:
    from posicional.backends.notify import recipients
    from posicional.cli.outside import outside_for

    def tell(event: Event) -> None:
        pulse.happened(feed.name, event)
        say(event.step, event.text, feed=feed.name)

    def notice(one: Notice) -> None:
        say("alert", one.text, feed=feed.name, date=one.date.isoformat(), condition=one.condition, number=one.number)

    return outside_for(feed, store, tell, clock, (_Log(notice), *recipients(feed.alerts)))


class _Lines:
    """Prints what happens, a line of JSON each; several feeds speak at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()

    def __call__(self, step: str, text: str, **words: object) -> None:
        """Print one."""
        line = {"at": self._clock.now().isoformat(timespec="milliseconds"), **words, "step": step, "text": text}
        with self._lock:
            click.echo(json.dumps(line, ensure_ascii=False, default=str))


@dataclass(frozen=True, slots=True)
class _Log:
    """People are told through the log."""

    send: Callable[[Notice], None]
    name: str = "log"
    when: frozenset[Severity] = frozenset({"alarm", "warning"})
