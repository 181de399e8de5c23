"""`/metrics` in the Prometheus text format. It needs a key with scope `read`, as Prometheus can send one
(`authorization: { credentials_file: … }`).

Labels are bounded by configuration: operation, status class, reader, antenna, portal. Never an EPC, item or document.
"""

from collections.abc import Iterator

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import Response

from api.ports import ReaderHealth, StreamGauges

_LABELS = frozenset({"reader", "antenna", "portal"})


class HttpMetrics:
    """Requests by operation and status class. The children are cached: a label look-up costs more than the count."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "tagledger_http_requests", "HTTP requests answered.", ["operation", "status"], registry=registry
        )
        self._seconds = Histogram(
            "tagledger_http_request_seconds",
            "Time to answer, without the live feed.",
            ["operation"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
            registry=registry,
        )
        self._counters: dict[tuple[str, int], Counter] = {}
        self._timers: dict[str, Histogram] = {}

    def observe(self, operation: str, status: int, elapsed_s: float) -> None:
        """Count one finished request; `status` 0 is one that was cut before its answer began."""
        key = (operation, status // 100)
        counter = self._counters.get(key)
        if counter is None:
            label = f"{status // 100}xx" if status else "cut"
            counter = self._counters[key] = self._requests.labels(operation, label)
        counter.inc()
        if operation == "feed_stream":
            return
        timer = self._timers.get(operation)
        if timer is None:
            timer = self._timers[operation] = self._seconds.labels(operation)
        timer.observe(elapsed_s)


class SiteCollector(Collector):
    """Readers, antennas and the stream's own numbers, asked for at each scrape."""

    def __init__(self, readers: ReaderHealth | None, stream: StreamGauges | None) -> None:
        self._readers = readers
        self._stream = stream

    def collect(self) -> Iterator[Metric]:
        if self._readers is not None:
            yield from self._collect_readers(self._readers)
        if self._stream is not None:
            yield from self._collect_stream(self._stream)

    def _collect_readers(self, health: ReaderHealth) -> Iterator[Metric]:
        up = GaugeMetricFamily("tagledger_reader_up", "1 while the reader is connected.", labels=["reader"])
        reconnects = CounterMetricFamily("tagledger_reader_reconnects", "Times connected again.", labels=["reader"])
        offset = GaugeMetricFamily(
            "tagledger_reader_clock_offset_seconds", "Added to the reader's own time.", labels=["reader"]
        )
        reads = CounterMetricFamily("tagledger_reads", "Tag reads by antenna.", labels=["reader", "antenna"])
        for reader in health.readers():
            up.add_metric([reader.name], float(reader.connected))
            reconnects.add_metric([reader.name], reader.reconnects_total)
            if reader.clock_offset_us is not None:
                offset.add_metric([reader.name], reader.clock_offset_us / 1e6)
            for antenna in reader.antennas:
                reads.add_metric([reader.name, str(antenna.port)], antenna.reads_total)
        yield from (up, reconnects, offset, reads)

    def _collect_stream(self, stream: StreamGauges) -> Iterator[Metric]:
        families: dict[str, GaugeMetricFamily] = {}
        for gauge in stream.gauges():
            names = sorted(gauge.labels)
            assert _LABELS.issuperset(names), f"unbounded label on {gauge.name}: {names}"
            family = families.get(gauge.name)
            if family is None:
                family = GaugeMetricFamily(f"tagledger_{gauge.name}", gauge.help, labels=names)
                families[gauge.name] = family
            family.add_metric([gauge.labels[name] for name in names], gauge.value)
        yield from families.values()


def router(registry: CollectorRegistry) -> APIRouter:
    """The one route."""
    routes = APIRouter(tags=["service"])

    @routes.get(
        "/metrics",
        operation_id="metrics",
        summary="Numbers for Prometheus",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def metrics() -> Response:
        """The Prometheus text format. Labels: operation, status class, reader, antenna, portal."""
        return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return routes
