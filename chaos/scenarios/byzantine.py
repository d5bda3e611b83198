"""Records that somebody forged, machines that compute other bits, newcomers, quorums, and rubbish on every port."""

from __future__ import annotations

import json
import random
import socket
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from chaos import workload
from chaos.faults import contributions_wrong
from chaos.rows import Row, Said, heard
from chaos.scenarios.disk_faults import flip
from chaos.scenarios.pauses import ends_in
from chaos.workload import Work
from roundelay.federation import jobs as records
from roundelay.federation.records import FAILED, RoundResult
from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.cluster import Cluster, cluster
from roundelay.testing.waiting import until

WORK = Work(rounds=6)
SLOW = "trainer.train.before=sleep:0.5"
OTHER_MACHINE = "OPENBLAS_CORETYPE"  # has numpy's BLAS compute as on another kind of processor
OTHER_KIND = "Prescott"
SEED = 7
RUBBISH_BYTES_MAX = 4096
SILENT_CONNECTIONS = 40  # to one port, each open for as long as the job runs
GREETINGS = (  # a web request, frames that are too long, and one that never comes
    b"GET / HTTP/1.1\r\nHost: ring\r\n\r\n",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff",
    b"\x00\x00\x00\x04\x80\x01",
)


def forged_record(folder: Path) -> Row:
    """A RESULT of a finished job is written a second time, with other errors in it."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 4) as ring:
        workload.undisturbed(ring, data, WORK)
        job = workload.submit(ring, data, WORK)
        view = workload.wait_for_end(ring, job)
        honest = _audit(ring, job)
        forged = _forge(ring, view.results[2])
        audit = _audit(ring, job)
        named = [finding for finding in _findings(audit) if not finding["holds"]]
        listing = ring.start_client("jobs", "--json")
        listing.wait()
        state = json.loads(listing.out.read_text())["jobs"][-1]["state"]
        return Row(
            "a RESULT of a finished job written again, with other errors counted",
            "audit names the forged record, and jobs shows the job as diverged",
            honest.code == 0
            and audit.code == 1
            and state == "diverged"
            and [(n["what"], forged in str(n["detail"])) for n in named] == [("result-2", True)],
            {"exit code of audit": audit.code},
            tuple(Said("audit", f"{n['what']}: {n['detail']}") for n in named),
        )


def two_results(folder: Path) -> Row:
    """In the middle of a job somebody writes another RESULT of a round that is stored."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 4, failpoints=SLOW) as ring:
        client = workload.start(ring, data, Work(rounds=40), "--json")
        job = workload.id_of(client)
        view = workload.wait_for_round(ring, job, 2)
        forged = _forge(ring, view.results[-1])
        client.kill()  # who takes over reads what stands there
        end = until(lambda: ring.ask(lambda entry: records.read_end(entry.node, entry.ring, job)), "the end of the job")
        watcher = ring.start_client("attach", job)
        code = watcher.wait()
        said = [s for n in ring.nodes for s in heard(n, "diverged")]
        names = f"{view.results[-1].digest} {forged}".split()
        return Row(
            "another RESULT of a round written in the middle of a job, then its client killed",
            "the job stops as diverged, and both results are named; nobody averages on",
            end == FAILED and code == 1 and all(name in watcher.text for name in names),
            {"exit code of attach": code},
            (*said, *heard(watcher, "diverged")),
        )


def other_bits(folder: Path) -> Row:
    """One node of five computes as another kind of processor does."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 5, failpoints=SLOW) as ring:
        expected, _ = workload.undisturbed(ring, data, WORK)
        first = sorted(path.name for path in data.folder.iterdir())[0]
        node = _as_another_machine(ring, workload.owner_of(ring, first))
        ring.wait_until_converged()
        ring.wait_until_replicated()
        client = workload.start(ring, data, WORK, "--json")
        job, held = workload.id_of(client), ends_in(client, expected)
        view = workload.wait_for_end(ring, job)
        reports = workload.read_reports(ring, job)
        said = heard(client, "other bits")
        trained = sum(f":{node.port}" in where for r in reports.values() for where in r.placement.values())
        return Row(
            f"a node whose arithmetic gives other bits ({OTHER_MACHINE}={OTHER_KIND})",
            "it is given no file, and says so: the same model",
            held and not trained and bool(said) and not contributions_wrong(ring, view),
            {"files that it trained": trained},
            said + heard(node, "other bits"),
        )


def nobody_fits(folder: Path) -> Row:
    """All nodes compute as another kind of processor does, the client does not."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 3) as ring:
        for node in ring.nodes:
            _as_another_machine(ring, node)
        ring.wait_until_converged()
        client = workload.start(ring, data, WORK, "--json")
        job, code = workload.id_of(client), client.wait()
        view = workload.wait_for_end(ring, job)
        return Row(
            "every node's arithmetic gives other bits than the client's",
            "the job fails, and says why",
            code == 1 and view.end == FAILED and "may train" in view.reason,
            {"exit code": code},
            heard(client, "may train"),
        )


def newcomer(folder: Path) -> Row:
    """A node joins in round 2 of a job."""
    data, work = workload.small_letters(folder), Work(rounds=30)
    with cluster(folder / "ring", 3, failpoints=SLOW) as ring:
        expected, _ = workload.undisturbed(ring, data, work)
        client = workload.start(ring, data, work, "--json")
        job = workload.id_of(client)
        workload.wait_for_round(ring, job, 2)
        node = ring.add_node()
        until(lambda: "joined the ring" in node.text, "the newcomer joins")
        view = workload.look(ring, job)
        joined_in = len(view.results) if view else 0
        held = ends_in(client, expected)
        view = workload.wait_for_end(ring, job)
        reports = workload.read_reports(ring, job)
        place = f":{node.port}"
        works_in = [n for n in sorted(reports) if any(where.endswith(place) for where in reports[n].placement.values())]
        return Row(
            "a node joins during a job",
            "it gets work at the next round: the same model",
            held and bool(works_in) and not contributions_wrong(ring, view),
            {"joined in round": joined_in, "first trained in round": works_in[0] if works_in else None},
            heard(node, "joined", "training"),
        )


def quorum(folder: Path) -> Row:
    """Every copy of one file of twelve rots while all nodes are down; the job needs nine tenths of the rows."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 5, keep_state=True, failpoints=SLOW) as ring:
        client = workload.start(ring, data, WORK, "--quorum", "0.9", "--json")
        job = workload.id_of(client)
        workload.wait_for_round(ring, job, 1)
        name = sorted(path.name for path in data.folder.iterdir())[0]
        for node in ring.nodes:
            node.kill()
        rotted = sum(flip(ring, node, (data.folder / name).read_bytes()) for node in ring.nodes)
        for node in ring.nodes:
            ring.restart(node)
        code = client.wait()
        view = workload.wait_for_end(ring, job)
        without = [result.round for result in view.results if result.left_out]
        named = all(result.left_out in ((), (0,)) for result in view.results)
        return Row(
            "--quorum 0.9, and every copy of one file of twelve rots in a round",
            "rounds go on without it; RESULT and report name it",
            code == 0 and bool(without) and named and any(name in said.line for said in heard(client, "left out")),
            {"copies rotted": rotted, "rounds without it": len(without), "exit code": code},
            heard(client, "left out"),
        )


def rubbish(folder: Path) -> Row:
    """Random bytes, web requests and silent connections at every port while a job runs."""
    data, rng = workload.small_letters(folder), random.Random(SEED)
    with cluster(folder / "ring", 4, failpoints=SLOW) as ring:
        expected, undisturbed_s = workload.undisturbed(ring, data, WORK)
        ports = [process.port for process in (ring.supernode, *ring.nodes)]
        silent = [socket.create_connection(("127.0.0.1", port)) for port in ports for _ in range(SILENT_CONNECTIONS)]
        began, client, sent = time.monotonic(), workload.start(ring, data, WORK, "--json"), 0
        while client.is_running:
            _throw(rng, rng.choice(ports))
            sent += 1
        seconds = time.monotonic() - began
        for connection in silent:
            connection.close()
        job, held = workload.id_of(client), ends_in(client, expected)
        view = workload.wait_for_end(ring, job)
        everybody = all(process.is_running for process in (ring.supernode, *ring.nodes))
        return Row(
            f"rubbish at every port, {SILENT_CONNECTIONS} silent connections at each",
            "nobody minds",
            held and everybody and not contributions_wrong(ring, view),
            {"messages": sent, "undisturbed_s": round(undisturbed_s, 1), "seconds": round(seconds, 1)},
            heard(client, "answer", "ring"),
        )


def _audit(ring: Cluster, job: str) -> ManagedProcess:
    audit = ring.start_client("audit", job, "--retrain", "1", "--json")
    audit.wait()
    return audit


def _findings(audit: ManagedProcess) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(audit.out.read_text())["findings"]
    return found


def _forge(ring: Cluster, result: RoundResult) -> str:
    """Write a RESULT beside the true one. Returns its digest."""
    forged, what = replace(result, errors=result.errors + 1), f"result-{result.round}"
    ring.ask(
        lambda entry: records.put_record(entry.node, entry.ring, result.job, what, forged.to_bytes(), time.time_ns())
    )
    return forged.digest


def _as_another_machine(ring: Cluster, node: ManagedProcess) -> ManagedProcess:
    """Start it again, with its BLAS set to another kind of processor."""
    node.kill()
    node.environment[OTHER_MACHINE] = OTHER_KIND
    ring.restart(node)
    return node


def _throw(rng: random.Random, port: int) -> None:
    """One message that is none."""
    content = rng.choice((*GREETINGS, rng.randbytes(rng.randrange(1, RUBBISH_BYTES_MAX))))
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
        connection.sendall(content)


ROWS = (newcomer, quorum, other_bits, nobody_fits, forged_record, two_results, rubbish)
