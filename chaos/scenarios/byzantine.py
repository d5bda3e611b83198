"""Forged records, machines with other arithmetic, garbage on every port; also newcomers and quorums."""

from __future__ import annotations

import json
import random
import socket
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from chaos import workload
from chaos.experiment import experiment
from chaos.scenario import ConsoleLine, ScenarioResult, console_lines
from chaos.scenarios.disk_faults import flip_bits
from chaos.workload import JobOptions
from roundelay.federation import jobs as records
from roundelay.federation.records import FAILED, RoundResult
from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.cluster import Cluster, cluster
from roundelay.testing.waiting import until, wait_for_line

OPTIONS = JobOptions(rounds=6)
SLOW = "trainer.train.before=sleep:0.5"
OTHER_MACHINE = "OPENBLAS_CORETYPE"  # makes numpy's BLAS compute as on another kind of processor
OTHER_KIND = "Prescott"
SEED = 7
GARBAGE_BYTES_MAX = 4096
SILENT_CONNECTIONS = 40  # to one port, each open for as long as the job runs
GREETINGS = (  # a web request, frames that are too long, and one that never arrives
    b"GET / HTTP/1.1\r\nHost: ring\r\n\r\n",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff",
    b"\x00\x00\x00\x04\x80\x01",
)


def forged_record(folder: Path) -> ScenarioResult:
    """Write a second RESULT of a round of a finished job, with another error count."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 4) as ring:
        workload.undisturbed(ring, data, OPTIONS)
        job = workload.submit(ring, data, OPTIONS)
        end = workload.wait_for_end(ring, job)
        honest = _audit(ring, job)
        forged = _forge(ring, end.results[2])
        audit = _audit(ring, job)
        broken = [finding for finding in _findings(audit) if not finding["holds"]]
        listing = ring.start_client("jobs", "--json")
        listing.wait()
        state = json.loads(listing.out.read_text())["jobs"][-1]["state"]
        return ScenarioResult(
            "a second RESULT of a round of a finished job written, with another error count",
            "audit names the forged record, and jobs shows the job as diverged",
            honest.code == 0
            and audit.code == 1
            and state == "diverged"
            and [(n["what"], forged in str(n["detail"])) for n in broken] == [("result-2", True)],
            {"exit code of audit": audit.code},
            tuple(ConsoleLine("audit", f"{n['what']}: {n['detail']}") for n in broken),
        )


def two_results(folder: Path) -> ScenarioResult:
    """Write a second RESULT of a finished round in the middle of a job."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 4, failpoints=SLOW) as ring:
        client = workload.start(ring, data, JobOptions(rounds=40), "--json")
        job = workload.job_id(client)
        last = workload.wait_for_round(ring, job, 2).results[-1]
        forged = _forge(ring, last)
        client.kill()  # the next driver reads both results
        end = until(lambda: ring.ask(lambda entry: records.read_end(entry.node, entry.ring, job)), "the end of the job")
        watcher = ring.start_client("attach", job)
        code = watcher.wait()
        lines = [line for node in ring.nodes for line in console_lines(node, "diverged")]
        return ScenarioResult(
            "a second RESULT of a round written in the middle of a job, then its client killed",
            "the job stops as diverged, and both results are named; no node goes on",
            end == FAILED and code == 1 and last.digest in watcher.text and forged in watcher.text,
            {"exit code of attach": code},
            (*lines, *console_lines(watcher, "diverged")),
        )


def other_bits(folder: Path) -> ScenarioResult:
    """Have one of five nodes compute as another kind of processor does."""
    with experiment(folder, 5, OPTIONS, failpoints=SLOW) as test:
        ring = test.ring
        node = _as_another_machine(ring, test.owner_of_a_file())
        ring.wait_until_converged()
        ring.wait_until_replicated()
        run = test.start()
        held = run.is_unharmed()
        reports = workload.read_reports(ring, run.job)
        lines = console_lines(run.client, "different bits")
        trained = sum(f":{node.port}" in where for r in reports.values() for where in r.placement.values())
        return ScenarioResult(
            f"a node whose arithmetic gives different bits ({OTHER_MACHINE}={OTHER_KIND})",
            "it is given no file, and the client says so: the same model",
            held and not trained and bool(lines),
            {"files that it trained": trained},
            lines + console_lines(node, "different bits"),
        )


def no_node_fits(folder: Path) -> ScenarioResult:
    """Have all nodes but not the client compute as another kind of processor does."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 3) as ring:
        for node in ring.nodes:
            _as_another_machine(ring, node)
        ring.wait_until_converged()
        client = workload.start(ring, data, OPTIONS, "--json")
        job, code = workload.job_id(client), client.wait()
        end = workload.wait_for_end(ring, job)
        return ScenarioResult(
            "every node's arithmetic gives different bits from the client's",
            "the job fails, and the client says why",
            code == 1 and end.end == FAILED and "may train" in end.reason,
            {"exit code": code},
            console_lines(client, "may train"),
        )


def newcomer(folder: Path) -> ScenarioResult:
    """Add a node in round 2 of a job."""
    with experiment(folder, 3, JobOptions(rounds=30), failpoints=SLOW) as test:
        run = test.start(until_round=2)
        node = test.ring.add_node()
        wait_for_line(node, "joined the ring")
        snapshot = workload.snapshot(test.ring, run.job)
        joined_in = len(snapshot.results) if snapshot else 0
        held = run.is_unharmed()
        reports = workload.read_reports(test.ring, run.job)
        place = f":{node.port}"
        works_in = [n for n in sorted(reports) if any(where.endswith(place) for where in reports[n].placement.values())]
        return ScenarioResult(
            "a node joins during a job",
            "it gets work at the next round: the same model",
            held and bool(works_in),
            {"joined in round": joined_in, "first trained in round": works_in[0] if works_in else None},
            console_lines(node, "joined", "training"),
        )


def quorum(folder: Path) -> ScenarioResult:
    """Corrupt every copy of one of twelve files in a round; the job needs 90 % of the rows."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 5, keep_state=True, failpoints=SLOW) as ring:
        client = workload.start(ring, data, OPTIONS, "--quorum", "0.9", "--json")
        job = workload.job_id(client)
        workload.wait_for_round(ring, job, 1)
        name = sorted(path.name for path in data.folder.iterdir())[0]
        for node in ring.nodes:
            node.kill()
        corrupted = sum(flip_bits(ring, node, (data.folder / name).read_bytes()) for node in ring.nodes)
        for node in ring.nodes:
            ring.restart(node)
        code = client.wait()
        end = workload.wait_for_end(ring, job)
        without = [result.round for result in end.results if result.left_out]
        left_out = console_lines(client, "left out")
        named = all(result.left_out in ((), (0,)) for result in end.results)
        return ScenarioResult(
            "--quorum 0.9, and every copy of one of twelve files corrupted in a round",
            "rounds go on without the file; RESULT and report name it",
            code == 0 and bool(without) and named and any(name in each.line for each in left_out),
            {"copies corrupted": corrupted, "rounds without it": len(without), "exit code": code},
            left_out,
        )


def garbage(folder: Path) -> ScenarioResult:
    """Send random bytes and web requests to every port, and open silent connections, while a job runs."""
    rng = random.Random(SEED)
    with experiment(folder, 4, OPTIONS, failpoints=SLOW) as test:
        processes = (test.ring.supernode, *test.ring.nodes)
        ports = [process.port for process in processes]
        silent = [socket.create_connection(("127.0.0.1", port)) for port in ports for _ in range(SILENT_CONNECTIONS)]
        began, run, sent = time.monotonic(), test.start(), 0
        while run.client.is_running:
            _send_garbage(rng, rng.choice(ports))
            sent += 1
        seconds = time.monotonic() - began
        for connection in silent:
            connection.close()
        held = run.is_unharmed() and all(process.is_running for process in processes)
        return ScenarioResult(
            f"garbage at every port, {SILENT_CONNECTIONS} silent connections at each",
            "no process ends: the same model",
            held,
            {"messages": sent, "undisturbed_s": round(test.undisturbed_s, 1), "seconds": round(seconds, 1)},
            console_lines(run.client, "answer", "ring"),
        )


def _audit(ring: Cluster, job: str) -> ManagedProcess:
    audit = ring.start_client("audit", job, "--retrain", "1", "--json")
    audit.wait()
    return audit


def _findings(audit: ManagedProcess) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(audit.out.read_text())["findings"]
    return found


def _forge(ring: Cluster, result: RoundResult) -> str:
    """Write a RESULT beside the true one, and return its digest."""
    forged, what = replace(result, errors=result.errors + 1), f"result-{result.round}"
    ring.ask(
        lambda entry: records.put_record(entry.node, entry.ring, result.job, what, forged.to_bytes(), time.time_ns())
    )
    return forged.digest


def _as_another_machine(ring: Cluster, node: ManagedProcess) -> ManagedProcess:
    """Restart a node with its BLAS set to another kind of processor."""
    node.kill()
    node.environment[OTHER_MACHINE] = OTHER_KIND
    ring.restart(node)
    return node


def _send_garbage(rng: random.Random, port: int) -> None:
    """Send something that is not a message."""
    content = rng.choice((*GREETINGS, rng.randbytes(rng.randrange(1, GARBAGE_BYTES_MAX))))
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
        connection.sendall(content)


SCENARIOS = (newcomer, quorum, other_bits, no_node_fits, forged_record, two_results, garbage)
