"""What a process measures of itself, for Prometheus: its calls, its place in the ring, its store, its orders.

Needs the extra `metrics` (prometheus-client). Loaded only with --metrics-port; without it, nothing is measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector

from roundelay import __version__
from roundelay.node.failpoints import Failpoints, kill_this_process

R = TypeVar("R")

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
SIDES = {"ask": "sent", "handle": "served"}
Gauges = dict[str, tuple[str, float | Mapping[str, float]]]  # name -> what it counts; its value, or one for each state


class MeteredCalls(Failpoints):
    """Measure how long each call takes, in the place where failpoints act on it."""

    def __init__(self, inner: Failpoints, registry: CollectorRegistry) -> None:
        super().__init__()
        self._inner = inner
        self._seconds = Histogram(
            "roundelay_call_seconds",
            "Time of a call between processes, by side, request and outcome",
            ("side", "call", "outcome"),
            buckets=BUCKETS_S,
            registry=registry,
        )

    def around(
        self, place: str, about: object, do: Callable[[], R], victim: Callable[[], object] = kill_this_process
    ) -> R:
        """Call `do`; measure it if it is a call between processes."""
        place_kind, _, call = place.partition(".")
        if place_kind not in SIDES:
            return self._inner.around(place, about, do, victim)
        began, outcome = time.perf_counter(), "ok"
        try:
            return self._inner.around(place, about, do, victim)
        except Exception as error:
            outcome = type(error).__name__
            raise
        finally:
            self._seconds.labels(SIDES[place_kind], call, outcome).observe(time.perf_counter() - began)

    def hit(self, name: str, about: object, victim: Callable[[], object] = kill_this_process) -> None:
        """Act on failpoints."""
        self._inner.hit(name, about, victim)


def _by_state(values: Mapping[str, float]) -> list[tuple[tuple[str, ...], float]]:
    return [((state,), value) for state, value in values.items()]


class StateCollector:
    """Read the state of a process when Prometheus asks for it."""

    def __init__(self, node: Callable[[], str], gauges: Callable[[], Gauges]) -> None:
        self._node = node
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        """Yield the process's name and version, and its gauges."""
        about = InfoMetricFamily("roundelay", "This process")
        about.add_metric((), {"node": self._node(), "version": __version__})
        yield about
        for name, (meaning, value) in self._gauges().items():
            family = GaugeMetricFamily(f"roundelay_{name}", meaning, labels=("state",) * (not isinstance(value, float)))
            for labels, number in [((), value)] if isinstance(value, float) else _by_state(value):
                family.add_metric(labels, number)
            yield family


class ProcessMetrics:
    """The metrics of one process."""

    def __init__(self, node: Callable[[], str], gauges: Callable[[], Gauges]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(StateCollector(node, gauges))
        ProcessCollector(registry=self._registry)  # processor time, memory, open files: on Linux only

    def meter(self, calls: Failpoints) -> Failpoints:
        """Return the same failpoints, with calls measured."""
        return MeteredCalls(calls, self._registry)

    def text(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        text: bytes = generate_latest(self._registry)
        return text
