"""Run deploy/slurm/ on three machines of Slurm that are processes of this machine.

    python -m chaos slurm

A ring of two compute nodes and a job in one allocation, a third node in another one. That node is preempted, then the
whole ring: both are requeued, and the model must be the one that the same job gives undisturbed. Needs Debian's
slurmctld, slurmd, slurm-client and munge. The daemons listen on loopback and end with this process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from chaos.engines import Outcome, record, undisturbed
from roundelay.ml.readers import saved_model
from roundelay.node.subprocesses import ROOT
from roundelay.testing.cluster import free_port
from roundelay.testing.waiting import until

TOOLS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue")
MISSING = "the Slurm run needs {}: apt-get install slurmctld slurmd slurm-client munge"
MACHINES = ("m1", "m2", "m3")
ROUNDS = 600
CLIENT = ("./letters", "validate_letters.txt", "--rounds", str(ROUNDS), "--keep", "last")
START_S, JOB_S, POLL_S = 60.0, 1200.0, 0.5
CONFIGURATION = """
ClusterName=roundelay
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=10
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdLogFile={folder}/slurmd-%n.log
SlurmdSpoolDir={folder}/spool-%n
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
KillWait=10
{nodes}
PartitionName=all Nodes=ALL Default=YES MaxTime=60 State=UP
"""


def main(arguments: Sequence[str]) -> int:
    argparse.ArgumentParser(prog="python -m chaos slurm", description=__doc__).parse_args(arguments)
    lacking = [tool for tool in TOOLS if shutil.which(tool) is None]
    if lacking:
        print(MISSING.format(", ".join(lacking)), file=sys.stderr)
        return 69
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roundelay-slurm-")))
        cluster = Cluster(folder, stack)
        cluster.start()
        outcome = preempted_ring(cluster, undisturbed(CLIENT, folder))
    record(outcome)
    print(outcome)
    return 0 if outcome.held else 1


class Cluster:
    """Slurm's daemons in one folder."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self.environment = os.environ | {
            "SLURM_CONF": str(folder / "slurm.conf"),
            "RING_COMMAND": f"{sys.executable} -m roundelay",
            "ROUNDELAY_HOST": "127.0.0.1",
            "RING_STATE": str(folder / "ring"),
            "PYTHONPATH": str(ROOT),
        }

    def start(self) -> None:
        """Start the daemons; return when all machines are idle. Raises Stuck."""
        self._configure()
        self._daemon("munged", "--foreground", "--force", *self._munge())
        until(lambda: (self.folder / "munge.socket").exists(), "munge", START_S, POLL_S)
        self._daemon("slurmctld", "-D")
        for machine in MACHINES:
            self._daemon("slurmd", "-D", "-N", machine)
        self._stack.callback(self._cancel_all)
        until(lambda: self.said("sinfo", "-h", "-o", "%t %D").split() == ["idle", "3"], "the machines", START_S, POLL_S)

    def submit(self, script: str, *arguments: str, options: Sequence[str] = ()) -> str:
        """Submit a script of deploy/slurm; return the id of the job."""
        output = f"--output={self.folder}/{script}-%j.out"
        path = str(ROOT / "deploy" / "slurm" / f"{script}.sbatch")
        return self.said("sbatch", "--parsable", "--chdir", str(ROOT), output, *options, path, *arguments).strip()

    def said(self, *command: str) -> str:
        """Return what a command of Slurm's prints."""
        return subprocess.run(command, env=self.environment, stdout=subprocess.PIPE, text=True, check=True).stdout

    def state(self, job: str) -> str:
        """Return the state of a job, e.g. RUNNING, with how often it was restarted."""
        told = dict(pair.split("=", 1) for pair in self.said("scontrol", "show", "job", job).split() if "=" in pair)
        return f"{told['JobState']} {told['Restarts']}"

    def roundelay(self, *words: str) -> str:
        """Return what a command of the client prints in the ring; an empty string if it fails."""
        nodes = {"ROUNDELAY_NODES": str(self.folder / "ring" / "compute_nodes.txt")}
        command = [sys.executable, "-m", "roundelay", *words]
        found = subprocess.run(
            command,
            env=self.environment | nodes,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
        )
        return found.stdout if found.returncode == 0 else ""

    def _cancel_all(self) -> None:
        """End all jobs: what they run would outlive the daemons. Raises Stuck."""
        self.said("scancel", "--user=root")
        until(lambda: not self.said("squeue", "-h").strip(), "the end of all jobs", START_S, POLL_S)

    def _configure(self) -> None:
        ports = [free_port() for _ in range(1 + len(MACHINES))]
        host = platform.node()
        nodes = "\n".join(
            f"NodeName={machine} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=4 State=UNKNOWN"
            for machine, port in zip(MACHINES, ports[1:], strict=True)
        )
        (self.folder / "state").mkdir()
        text = CONFIGURATION.format(host=host, ports=ports, folder=self.folder, nodes=nodes)
        (self.folder / "slurm.conf").write_text(text)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)

    def _munge(self) -> list[str]:
        names = {"socket": "socket", "key-file": "key", "log-file": "log", "pid-file": "pid", "seed-file": "seed"}
        return [f"--{option}={self.folder}/munge.{suffix}" for option, suffix in names.items()]

    def _daemon(self, *command: str) -> None:
        self._stack.enter_context(running(command, self.environment, self.folder))


@contextmanager
def running(command: Sequence[str], environment: dict[str, str], folder: Path) -> Iterator[None]:
    """Run a daemon while the block runs."""
    with (folder / f"{command[0]}.out").open("ab") as output:
        child = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            yield
        finally:
            child.terminate()
            child.wait()


def preempted_ring(cluster: Cluster, expected: str) -> Outcome:
    """Run the job; requeue the third node, then the ring, while it trains."""
    began = time.monotonic()
    ring = cluster.submit("ring", *CLIENT, options=["--nodes=2"])
    until(lambda: rounds(cluster) > 0, "the ring", START_S, POLL_S)
    node = cluster.submit("node", str(cluster.folder / "ring"))
    until(lambda: len(cluster.roundelay("status").splitlines()) > 3, "the third node", START_S, POLL_S)
    requeue(cluster, node)
    requeue(cluster, ring)
    until(lambda: cluster.state(ring).startswith(("COMPLETED", "FAILED")), "the job's end", JOB_S, POLL_S)
    found = saved_model.load(cluster.folder / "ring" / "model.npz").sha256
    version = cluster.said("sinfo", "--version").strip()
    what = f"2 nodes and a third in another allocation; that one preempted, then all; {ROUNDS} rounds"
    return Outcome("Slurm", version, "make slurm", what, found == expected, time.monotonic() - began)


def rounds(cluster: Cluster) -> int:
    """Return how many rounds of the job have ended."""
    told = cluster.roundelay("jobs", "--json")
    return sum(int(job["round"]) for job in json.loads(told)["jobs"]) if told else 0


def requeue(cluster: Cluster, job: str) -> None:
    """Preempt a job as Slurm does, and wait until it runs again."""
    cluster.said("scontrol", "requeue", job)
    until(lambda: cluster.state(job) == "RUNNING 1", f"job {job} to run again", JOB_S, POLL_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
