"""What a watch has done and how it is, for Prometheus and for whoever asks whether it is alive."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from posicional.ports import Clock, Event
from posicional.steps.watch import Round


@dataclass(frozen=True, slots=True)
class WatchPulse:
    """The figures of one process; `every`: how often a feed is swept when all is well."""

    clock: Clock
    every: timedelta
    feeds: tuple[str, ...]
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    _counters: dict[str, Counter] = field(default_factory=dict, repr=False)
    _gauges: dict[str, Gauge] = field(default_factory=dict, repr=False)
    _swept: dict[str, float] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Make the figures."""
        self._counters["events"] = Counter(
            "posicional_events", "What happened, by step", ["feed", "step"], registry=self.registry
        )
        self._counters["rounds"] = Counter(
            "posicional_rounds", "Rounds of the watch", ["feed", "what"], registry=self.registry
        )
        self._counters["alerts"] = Counter(
            "posicional_alerts",
            "Alerts by channel, and whether it took them",
            ["feed", "channel", "outcome"],
            registry=self.registry,
        )
        self._gauges["swept"] = Gauge(
            "posicional_last_sweep_timestamp_seconds",
            "When the last sweep ended well",
            ["feed"],
            registry=self.registry,
        )
        self._gauges["failing"] = Gauge(
            "posicional_days_failing",
            "Dates that the last sweep could not look after",
            ["feed"],
            registry=self.registry,
        )
        now = self.clock.now().timestamp()
        for feed in self.feeds:
            self._swept[feed] = now

    def happened(self, feed: str, event: Event) -> None:
        """Count an event."""
        self._counters["events"].labels(feed, event.step).inc()
        if "channel" in event.facts:
            outcome = "sent" if event.facts["sent"] else "failed"
            self._counters["alerts"].labels(feed, str(event.facts["channel"]), outcome).inc()

    def went(self, feed: str, one: Round) -> None:
        """Count a round."""
        what = "failed" if one.error else "sweep" if one.swept else "arrival"
        self._counters["rounds"].labels(feed, what).inc()
        if one.swept is None:
            return
        self._gauges["failing"].labels(feed).set(len(one.swept.failures))
        if one.error is None:
            self._swept[feed] = one.at.timestamp()
            self._gauges["swept"].labels(feed).set(one.at.timestamp())

    def ill(self) -> str:
        """Feeds that were not swept for long; empty where all were."""
        patience = 2 * self.every.total_seconds() + 60
        now = self.clock.now().timestamp()
        return ", ".join(f"{feed} was not swept for long" for feed, at in self._swept.items() if now - at > patience)

    def metrics(self) -> bytes:
        """The figures, as Prometheus reads them."""
        return generate_latest(self.registry)
