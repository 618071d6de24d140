"""What commands print: JSON for scripts, and the steps of a day as they happen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from datetime import tzinfo

    from posicional.ports import Clock, Event


def print_json(value: Mapping[str, object]) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def say_unsent(event: Event) -> None:
    """Of all events, say which channel has not taken an alert; a later look tries it again."""
    if event.step == "alert" and not event.facts["sent"]:
        click.echo(f"posicional: {event.text}", err=True)


STYLES = {"refused": "red", "failed": "red", "missing": "yellow", "published": "green", "succeeded": "green"}


class Teller:
    """Prints events as lines: local time, step, text. Colours only on a terminal (click takes them off elsewhere)."""

    def __init__(self, clock: Clock, zone: tzinfo, *, quiet: bool = False) -> None:
        self._clock = clock
        self._zone = zone
        self._quiet = quiet

    def __call__(self, event: Event) -> None:
        """Print one event."""
        if self._quiet:
            return
        at = self._clock.now().astimezone(self._zone)
        style = STYLES.get(event.step)
        click.echo(f"{at:%H:%M:%S}  {click.style(f'{event.step:<10}', fg=style)} {event.text}")
