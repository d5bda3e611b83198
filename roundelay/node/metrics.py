"""What a process measures of itself, for Prometheus: its calls, its place in the ring, its store, its orders.

Needs the extra `metrics` (prometheus-client). Loaded only with --metrics-port; without it, nothing is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector

from roundelay import __version__
from roundelay.rpc.calls import REQUESTS
from roundelay.rpc.exchange import MeasuredCall

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
Gauges = dict[str, tuple[str, float | Mapping[str, float]]]  # name -> what it counts; its value, or one for each state


class CallMetrics:
    """Counts calls, with the time and the bytes that they take. All labels come from the contract and our errors."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "roundelay_call_seconds",
            "Time of a call between processes, by side, request and outcome",
            ("side", "call", "outcome"),
            buckets=BUCKETS_S,
            registry=registry,
        )
        self._bytes = Counter(
            "roundelay_call_bytes",
            "Bytes of the frames of calls, by side, request and direction (in, out)",
            ("side", "call", "direction"),
            registry=registry,
        )

    def observe(self, call: MeasuredCall) -> None:
        """Count a call that has ended."""
        request = REQUESTS.get(call.method, call.method)
        self._seconds.labels(call.side, request, call.outcome).observe(call.seconds)
        self._bytes.labels(call.side, request, "out").inc(call.sent_bytes)
        self._bytes.labels(call.side, request, "in").inc(call.received_bytes)


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
        self.observe = CallMetrics(self._registry).observe
        ProcessCollector(registry=self._registry)  # processor time, memory, open files: on Linux only

    def text(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        text: bytes = generate_latest(self._registry)
        return text
