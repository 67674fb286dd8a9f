"""What a gateway has done, for Prometheus: on a port of its own, for a gateway has no console."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from ingest.gateway.counters import Counters
from ingest.gateway.vendorcounters import VendorCounters

Counted = Counters | VendorCounters

WORDS: Mapping[str, str] = {
    "connections": "Loggers that are connected.",
    "accepted": "Connections since the start.",
    "frames": "Frames that came.",
    "published": "Messages that the broker has acknowledged.",
    "unpublished": "Frames given up because the broker was away; they were not answered.",
    "turned_away": "Connections that were not let in, by why.",
    "closed": "Connections that have ended, by why.",
    "bad": "Frames that cannot be read, by reason.",
    "refused": "What was not taken, by why.",
    "answers": "Answers sent, by command.",
    "requests": "Requests sent, by command.",
    "messages": "Messages that came.",
    "passed_over": "What no rule takes, and what is no event.",
    "again": "The same that lasts.",
    "replies": "Replies sent.",
    "events": "Events published, by kind.",
    "unreadable": "What cannot be read and was published as it came, by reason.",
}
LABELS: Mapping[str, str] = {
    "turned_away": "why",
    "closed": "why",
    "bad": "reason",
    "refused": "why",
    "answers": "command",
    "requests": "command",
    "events": "kind",
    "unreadable": "reason",
}
GAUGES = frozenset({"connections"})


def place(text: str) -> tuple[str, int] | None:
    """Host and port of HOST:PORT, None of nothing. Raises ValueError."""
    if not text:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"metrics: {text!r} is no place: write host:port, 127.0.0.1:9214 say")
    return host.strip("[]"), int(port)


class GatewayCollector(Collector):
    """Each counter of a gateway as a family of its own."""

    def __init__(self, gateway: str, counted: Counted) -> None:
        self._gateway, self._counted = gateway, counted

    def collect(self) -> Iterable[Metric]:
        for one in fields(self._counted):
            name, value = one.name, getattr(self._counted, one.name)
            by = (LABELS[name],) if isinstance(value, Counter) else ()
            kind = GaugeMetricFamily if name in GAUGES else CounterMetricFamily
            family = kind(f"roaddust_gateway_{name}", WORDS[name], labels=("gateway", *by))
            # A copy: another thread counts on.
            values = dict(value).items() if isinstance(value, Counter) else [((), value)]
            for label, number in values:
                family.add_metric([self._gateway, *([str(label)] if by else [])], number)
            yield family


@contextmanager
def served(listen: tuple[str, int] | None, gateway: str, counted: Counted) -> Iterator[int | None]:
    """Serve /metrics for as long as the context lasts; gives the port, None where none is wanted.

    listen: host and port. Whoever reaches it may read. Raises OSError for a port that is taken.
    """
    if listen is None:
        yield None
        return
    registry = CollectorRegistry()
    registry.register(GatewayCollector(gateway, counted))
    ProcessCollector(registry=registry)
    host, port = listen
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise OSError(
            f"metrics cannot be served on {host} port {port} ({error.strerror or error}): give "
            "another one with --metrics"
        ) from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
