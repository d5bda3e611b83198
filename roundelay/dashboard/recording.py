"""A recording of the churn lab at work.

python -m roundelay.dashboard.recording [FILE]

Starts a ring, trains a job undisturbed, then the same job again while nodes are killed, added, paused, and
the network is cut in two, and writes what the page would have shown as one animated SVG.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from roundelay.chord.refs import Address
from roundelay.client.connection import Connection, client_runtime
from roundelay.client.requests import RingAddress
from roundelay.client.ring import Ring
from roundelay.dashboard.actions import Actions, LabActions, Wanted
from roundelay.dashboard.animation import animate
from roundelay.dashboard.charts import DASHES
from roundelay.dashboard.model import RingState
from roundelay.dashboard.ring_view import Chosen, ring_scene
from roundelay.dashboard.scene import Scene
from roundelay.dashboard.watcher import Watcher
from roundelay.federation import records
from roundelay.federation.snapshot import JobSnapshot
from roundelay.node.lab import Lab
from roundelay.node.subprocesses import ROOT

FILE = ROOT / "docs" / "pictures" / "churn-lab.svg"
NODES, ROUNDS = 6, 40
ROUNDS_APART = 3  # from one disturbance to the next
FRAME_S, SHOWN_S = 0.5, 0.25  # a frame is taken every FRAME_S and shown for SHOWN_S
PATIENCE_S = 600.0
WIDTH, HEIGHT = 900, 440
PLOT = (470.0, 90.0, 390.0, 200.0)  # left, top, width, height of the chart
TOP_ERROR = 0.4
STYLE = """
.paper { fill: #faf9f6 } text { font-family: system-ui, "DejaVu Sans", sans-serif; fill: #1f2328 }
.track { fill: none; stroke: #f0eee8; stroke-width: 9 } .arc { fill: none; stroke-width: 6 } .silent { opacity: .3 }
.link { fill: none; stroke: #8a9099; stroke-width: .8; opacity: .6 } .arrowhead { fill: #8a9099 }
.key { fill: #8a9099; opacity: .6 } .dot { stroke: #fff; stroke-width: 2 } .halo { opacity: 0 }
.training .halo { opacity: .3 } .paused .dot { stroke: #1f2328; stroke-width: 3 }
.far .dot { stroke: #1f2328; stroke-width: 2; stroke-dasharray: 2 2 }
.label { font: 600 8px ui-monospace, "DejaVu Sans Mono", monospace } .place { font-size: 0 }
.name { font-size: 19px; font-weight: 650 } .deed { font-size: 16px; font-weight: 600; fill: #00598c }
.faint { font-size: 12.5px; fill: #636a73 } .away { font-size: 12.5px; font-weight: 600; fill: #a63c00 }
.grid { stroke: #dedbd3 } .line { fill: none; stroke-width: 2.2 }
.peace { stroke: #0072b2 } .churn { stroke: #d55e00 } .verdict { font-size: 14px; font-weight: 600; fill: #00694d }
""" + "".join(
    f".owner-{n} .dot, .owner-{n} .halo {{ fill: {colour} }} .arc.owner-{n} {{ stroke: {colour} }}\n"
    for n, colour in enumerate(("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#d9c917"))
)


@dataclass(frozen=True)
class Frame:
    """The lab at one moment."""

    ring_state: RingState
    chosen: Chosen
    deed: str
    at_s: float


class Recorder:
    """A lab, two jobs, and the frames that were taken."""

    def __init__(self, lab: Lab, rounds: int) -> None:
        runtime = client_runtime()
        self.watcher = Watcher(lab.supernode, tuple, time.monotonic, time.time)
        self.watcher.start(runtime)
        self.stop: Callable[[], None] = lambda: runtime.stop(1.0)
        self.lab = LabActions(lab, self.watcher, read_only=False)
        address = RingAddress(lab.supernode, nodes=lab.node_list)
        self.actions = Actions(Ring(Connection(runtime, address)), self.watcher, ROOT, read_only=False)
        self.frames: list[Frame] = []
        self._wanted = Wanted("letters", "validate_letters.txt", "", {"rounds": str(rounds)})
        self._deed, self._began = "", time.monotonic()

    def launch(self, deed: str) -> str:
        self._deed = deed
        return self.actions.launch(self._wanted)

    def disturb(self, deed: str, do: Callable[[], None]) -> None:
        self._deed = deed
        do()

    def watch_until(self, is_so: Callable[[RingState], bool]) -> None:
        """Take frames until a condition holds. Raises TimeoutError."""
        deadline = time.monotonic() + PATIENCE_S
        while not is_so(self.watcher.ring_state):
            if time.monotonic() > deadline:
                raise TimeoutError(f"recording: the ring did not react to: {self._deed}")
            self.take()
            time.sleep(FRAME_S)
        self.take()

    def take(self) -> None:
        ring_state = self.watcher.ring_state
        refs = [member.ref for member in ring_state.nodes]
        chosen = Chosen(
            paused=[ref for ref in refs if ref.address in self.lab.lab.paused],
            far_side=[ref for ref in refs if ref.address in self.lab.far_side],
        )
        self.frames.append(Frame(ring_state, chosen, self._deed, time.monotonic() - self._began))


def main(arguments: list[str]) -> int:
    file = Path(arguments[0]) if arguments else FILE
    lab = Lab()
    try:
        lab.start(NODES)
        recorder = Recorder(lab, ROUNDS)
        peace, churn = record(recorder)
        recorder.stop()
    finally:
        lab.stop()
    file.parent.mkdir(parents=True, exist_ok=True)
    scenes = [frame_scene(frame, peace, churn) for frame in thin(recorder.frames)]
    file.write_text(animate(scenes, SHOWN_S, WIDTH, HEIGHT, STYLE))
    print(f"{file}: {len(scenes)} frames, {file.stat().st_size // 1000} kB")
    return 0


def record(recorder: Recorder) -> tuple[str, str]:
    """Run the two jobs, undisturbed and disturbed; return their ids."""
    recorder.watch_until(lambda ring_state: len(ring_state.nodes) == NODES)
    peace = recorder.launch("a job in peace")
    recorder.watch_until(lambda ring_state: is_done(ring_state, peace))
    churn = recorder.launch("the same job again")
    recorder.watch_until(lambda ring_state: rounds_of(ring_state, churn) >= 3)
    for deed, do in disturbances(recorder):
        before = rounds_of(recorder.watcher.ring_state, churn)
        recorder.disturb(deed, do)
        recorder.watch_until(partial(has_come, churn, before + ROUNDS_APART))
    recorder.disturb("and on to the end", lambda: None)
    recorder.watch_until(lambda ring_state: is_done(ring_state, churn))
    for _ in range(8):
        recorder.take()
    return peace, churn


def disturbances(recorder: Recorder) -> list[tuple[str, Callable[[], None]]]:
    lab = recorder.lab

    def address(place: int) -> Address:
        living = [member.ref.address for member in recorder.watcher.ring_state.nodes if member.answers]
        return living[place % len(living)]

    def driver() -> Address:
        """Return the driver of the running job: the node whose loss disturbs it most."""
        running = recorder.watcher.ring_state.running
        named = running.reports[max(running.reports)].driver if running is not None and running.reports else ""
        living = [member.ref.address for member in recorder.watcher.ring_state.nodes if member.answers]
        return next((each for each in living if str(each) == named), living[0])

    paused: list[Address] = []

    def pause() -> None:
        paused.append(address(2))
        lab.pause(paused[0])

    return [
        ("kill -9 a node", lambda: lab.kill(address(1))),
        ("a node joins", lab.add),
        ("kill -9 the supernode", lab.kill_supernode),
        ("kill -9 the node that drives the job", lambda: lab.kill(driver())),
        ("the supernode is started again", lab.start_supernode),
        ("another node joins", lab.add),
        ("a node is paused", pause),
        ("it goes on", lambda: lab.resume(paused[0])),
        ("the network is cut in two", lab.cut),
        ("the cut heals", lab.heal),
    ]


def is_done(ring_state: RingState, job: str) -> bool:
    snapshot = ring_state.job(job)
    return snapshot is not None and snapshot.end == records.DONE and snapshot.rounds_done == ROUNDS


def has_come(job: str, rounds: int, ring_state: RingState) -> bool:
    """Return whether the job has reached a round, or its end."""
    return rounds_of(ring_state, job) >= rounds or is_done(ring_state, job)


def rounds_of(ring_state: RingState, job: str) -> int:
    snapshot = ring_state.job(job)
    return snapshot.rounds_done if snapshot is not None else 0


def thin(frames: list[Frame]) -> list[Frame]:
    """Drop the frames in which nothing visible changed."""
    kept = frames[:1]
    for frame in frames[1:]:
        if frame.deed != kept[-1].deed or _gist(frame) != _gist(kept[-1]):
            kept.append(frame)
    return [*kept, *frames[-8:]]


def _gist(frame: Frame) -> object:
    nodes = [(member.ref, member.answers) for member in frame.ring_state.nodes]
    rounds = [snapshot.rounds_done for snapshot in frame.ring_state.jobs]
    return nodes, rounds, frame.ring_state.supernode_answers, frame.chosen


def frame_scene(frame: Frame, peace: str, churn: str) -> Scene:
    """Draw the ring on the left; on the right the current fault, both jobs' errors, and the outcome."""
    scene = Scene()
    ring = ring_scene(frame.ring_state, frame.chosen)
    scene.add("ring", "g", transform="translate(220 235) scale(1.3)")
    for name, piece in ring.pieces.items():
        if name != "svg":
            parent = "ring" if piece.parent == "svg" else piece.parent
            scene.pieces[name] = type(piece)(piece.tag, parent, piece.attributes, piece.text)
    scene.add("name", "text", "", "Kill any one process: the same model, bit for bit", x=24, y=36, cls="name")
    if not frame.ring_state.supernode_answers:
        scene.add("away", "text", "", "supernode away", x=24, y=62, cls="away")
    scene.add("deed", "text", "", frame.deed, x=PLOT[0], y=62, cls="deed")
    _add_chart(scene, frame, peace, churn)
    return scene


def _add_chart(scene: Scene, frame: Frame, peace: str, churn: str) -> None:
    _add_grid(scene)
    for number, (job, cls, what) in enumerate(((peace, "peace", "in peace"), (churn, "churn", "disturbed"))):
        snapshot = frame.ring_state.job(job)
        if snapshot is not None and snapshot.rounds_done:
            _add_curve(scene, snapshot, number, cls, what)
    _add_verdict(scene, frame, peace, churn)


def _add_grid(scene: Scene) -> None:
    left, top, width, height = PLOT
    for tick in range(5):
        y = top + height * tick / 4
        scene.add(f"grid-{tick}", "line", "", x1=left, x2=left + width, y1=y, y2=y, cls="grid")
        scene.add(
            f"tick-{tick}",
            "text",
            "",
            f"{TOP_ERROR * (4 - tick) / 4:.1f}",
            x=left - 8,
            y=y + 4,
            text_anchor="end",
            cls="faint",
        )
    scene.add("axis", "text", "", f"validation error, rounds 1 to {ROUNDS}", x=left, y=top + height + 20, cls="faint")


def _add_curve(scene: Scene, snapshot: JobSnapshot, number: int, cls: str, what: str) -> None:
    left, top, width, height = PLOT
    places = [
        (left + width * r.round / ROUNDS, top + height * (1 - min(r.error, TOP_ERROR) / TOP_ERROR))
        for r in snapshot.results[1:]
    ]
    path = "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in places)
    scene.add(f"line-{cls}", "path", "", d=path, cls=f"line {cls}", stroke_dasharray=DASHES[number])
    made = (
        f"model {snapshot.kept.weights[:16]}"
        if snapshot.end == records.DONE
        else (f"round {snapshot.rounds_done}, error {snapshot.results[-1].error:.4f}")
    )
    y = top + height + 52 + 24 * number
    scene.add(
        f"key-{cls}",
        "line",
        "",
        x1=left,
        x2=left + 28,
        y1=y - 4,
        y2=y - 4,
        cls=f"line {cls}",
        stroke_dasharray=DASHES[number],
    )
    scene.add(f"made-{cls}", "text", "", f"{what}: {made}", x=left + 38, y=y, cls="faint")


def _add_verdict(scene: Scene, frame: Frame, peace: str, churn: str) -> None:
    jobs = [frame.ring_state.job(job) for job in (peace, churn)]
    ends = {snapshot.kept.weights for snapshot in jobs if snapshot is not None and snapshot.end == records.DONE}
    if all(snapshot is not None and snapshot.end == records.DONE for snapshot in jobs):
        word = "the same bytes" if len(ends) == 1 else "different bytes"
        scene.add("verdict", "text", "", word, x=PLOT[0] + 38, y=PLOT[1] + PLOT[3] + 104, cls="verdict")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
