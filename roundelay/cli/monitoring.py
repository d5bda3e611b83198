"""The options by which an operator watches a server: --metrics-port, --metrics-host, --log-format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roundelay.cli import exits, parser_base

if TYPE_CHECKING:
    from roundelay.node.compute_node import ComputeNode
    from roundelay.node.leaf_node import LeafNode
    from roundelay.node.supernode import Supernode

FORMATS = ("text", "json")


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


def start(chosen: parser_base.Namespace, member: ComputeNode | LeafNode | Supernode) -> None:
    """Begin to write lines, and to serve metrics, as the options say. Raises Exit."""
    if chosen.log_format == "json":
        from roundelay.cli.json_lines import write_json

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
    member.observe_calls(metrics.observe)
    try:
        here = Address(chosen.metrics_host, chosen.metrics_port)
        server = Monitoring(here, metrics.text, member.why_not_ready, lambda: str(member.runtime.failure or ""))
    except OSError as error:
        raise exits.Exit(
            exits.UNAVAILABLE, f"--metrics-port: cannot listen at {here}: {error.strerror or error}"
        ) from error
    server.start()
    exits.say(f"metrics at http://{server.address}/metrics")
