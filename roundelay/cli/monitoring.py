"""The options by which an operator watches a server: --metrics-port, --metrics-host, --log-format."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from roundelay.cli import exits, parser_base

if TYPE_CHECKING:
    from roundelay.node.compute_node import ComputeNode
    from roundelay.node.supernode import Supernode

FORMATS = ("text", "json")
JOB = re.compile(r"\bjob ([0-9a-f]{8,64})\b")  # as all lines name jobs and rounds
ROUND = re.compile(r"\bround (\d+)\b")


def add_options(made: parser_base.Parser) -> None:
    """Add the options."""
    made.more(
        "--metrics-port",
        type=parser_base.port,
        metavar="P",
        help="serve /metrics (Prometheus), /healthz and /readyz at this port; 0: any free port",
    )
    made.more(
        "--metrics-host",
        type=parser_base.host,
        default="127.0.0.1",
        metavar="H",
        help="listen there for --metrics-port (default: %(default)s)",
    )
    made.more("--log-format", choices=FORMATS, default="text", help="format of lines: text or json (default: text)")


def start(chosen: parser_base.Namespace, member: ComputeNode | Supernode) -> None:
    """Begin to write lines, and to serve metrics, as the options say. Raises Exit."""
    if chosen.log_format == "json":
        write_json(lambda: str(member.address))
    if chosen.metrics_port is None:
        return
    try:
        from roundelay.node.metrics import ProcessMetrics
    except ImportError as error:
        raise exits.Exit(
            exits.UNAVAILABLE, "--metrics-port needs prometheus-client: python3 -m pip install 'roundelay[metrics]'"
        ) from error
    from roundelay.chord.refs import Address
    from roundelay.node.monitoring import Monitoring

    metrics = ProcessMetrics(lambda: str(member.address), member.gauges)
    member.runtime.faults = metrics.meter(member.runtime.faults)
    try:
        here = Address(chosen.metrics_host, chosen.metrics_port)
        server = Monitoring(here, metrics.text, member.why_not_ready, lambda: str(member.runtime.failure or ""))
    except OSError as error:
        raise exits.Exit(
            exits.UNAVAILABLE, f"--metrics-port: cannot listen at {here}: {error.strerror or error}"
        ) from error
    server.start()
    exits.say(f"metrics at http://{server.address}/metrics")


# --- lines as JSON


def write_json(node: Callable[[], str]) -> None:
    """From now on write each line, and each logged error, as a JSON object."""
    exits.write_lines_as(lambda line: as_json("info", line, node()))
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter(node))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


def as_json(level: str, line: str, node: str) -> str:
    """Return a line as an object: time, level, node, the job and round that it is about, and the line itself."""
    fields: dict[str, object] = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "level": level,
        "node": node,
    }
    if job := JOB.search(line):
        fields["job"] = job[1]
    if number := ROUND.search(line):
        fields["round"] = int(number[1])
    return json.dumps({**fields, "message": line})


class _Formatter(logging.Formatter):
    """Formats errors that are logged as JSON."""

    def __init__(self, node: Callable[[], str]) -> None:
        super().__init__()
        self._node = node

    def format(self, record: logging.LogRecord) -> str:
        return as_json(record.levelname.lower(), record.getMessage(), self._node())
