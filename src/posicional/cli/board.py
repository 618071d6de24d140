"""`posicional board`: the day on a page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from posicional.cli.words import store_option

if TYPE_CHECKING:
    from posicional.board.guard import Guard
    from posicional.contract.feed import Feed

TOKENS = "POSICIONAL_BOARD_TOKENS"

proxies_option = click.option(
    "--trust-proxy", "proxies", metavar="ADDRESS", multiple=True, help="A proxy that says who the user is."
)
user_header_option = click.option(
    "--user-header", default="X-Forwarded-User", show_default=True, help="The header in which it says so."
)


@click.command(
    epilog="""\b
Examples:
  posicional board examples/planos/feed.yaml
  posicional board planos/feed.yaml sigtap/feed.yaml --port 8080"""
)
@click.argument("feed_paths", metavar="FEED…", nargs=-1, required=True, type=click.Path(path_type=Path))
@store_option
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=8377, show_default=True, type=click.IntRange(0, 65535), help="0: any that is free.")
@proxies_option
@user_header_option
def board(
    feed_paths: tuple[Path, ...], store: str | None, host: str, port: int, proxies: tuple[str, ...], user_header: str
) -> int:
    """Show the days of one or several feeds in a browser.

    Only shows, unless somebody signs in with a token (POSICIONAL_BOARD_TOKENS="name=token,…") or a trusted proxy says
    who it is: then also runs again, accepts, waives, rolls back, holds and skips, each with a reason that is recorded.
    Listens on this machine only unless --host says otherwise; then all pages want a token.
    """
    from posicional.cli.outside import not_installed, outside_for

    try:
        from posicional.board.serve import listen, serve
        from posicional.board.watched import Watched
    except ModuleNotFoundError as error:
        raise not_installed("board", error) from error

    guard = guard_of(host, proxies, user_header)
    watched = [Watched(feed, outside_for(feed, store, lambda _: None)) for feed in load_feeds(feed_paths)]
    socket = listen(host, port)
    click.echo(f"http://{'localhost' if guard.local else host}:{socket.getsockname()[1]}/  (Ctrl-C ends)")
    serve(watched, guard, socket)
    return 0


def guard_of(host: str, proxies: Sequence[str] = (), header: str = "X-Forwarded-User") -> Guard:
    """Who may see and act on a board that listens at `host`. Raises `UsageError` where anybody could."""
    from posicional.board.guard import Guard, is_loopback
    from posicional.errors import UsageError

    guard = Guard(is_loopback(host), _tokens(os.environ.get(TOKENS, "")), frozenset(proxies), header.lower())
    if not (guard.local or guard.tokens or proxies):
        raise UsageError(
            f"{host} can be reached from elsewhere, and nobody would have to say who they are",
            hint=f'set {TOKENS}="name=token", or leave --host out',
        )
    return guard


def load_feeds(paths: Sequence[Path]) -> list[Feed]:
    """The feeds of these contracts, each of another name. Raises `UsageError`."""
    from posicional.contract.feed import Feed
    from posicional.errors import UsageError

    feeds = [Feed.load(path) for path in paths]
    if len({feed.name for feed in feeds}) < len(feeds):
        raise UsageError("two of the feeds have the same name", hint="give one of them another feed:")
    return feeds


def _tokens(text: str) -> Mapping[str, str]:
    """`name=token,…` as a mapping. Raises `UsageError`; it quotes no token."""
    from posicional.errors import UsageError

    tokens = {}
    for number, pair in enumerate(filter(None, (one.strip() for one in text.split(","))), start=1):
        name, mark, token = pair.partition("=")
        if not (mark and name.strip() and len(token) >= 12):
            hint = "a name, =, and a token of at least 12 characters"
            raise UsageError(f"entry {number} of {TOKENS} is no name=token", expected=hint)
        tokens[name.strip()] = token
    return tokens
