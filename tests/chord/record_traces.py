"""Find a trace that breaks each mutant, shorten it, and write it down.

A trace breaks the invariant on the mutant and not on the real core. Random runs find it; leaving out one action after
the other shortens it. Run this again when the core has changed so much that a trace no longer breaks its mutant, which
test_mutants.py detects:
PYTHONPATH=. .venv/bin/python tests/chord/record_traces.py
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from roundelay.chord.ring import Ring
from tests.chord import ring_mutants
from tests.chord.ring_actions import Action, end_processes, perform, walk
from tests.chord.ring_harness import World

TRACES = Path(__file__).parent / "traces"
TRACES_EACH = 3
SEEDS_MAX = 5_000
STEPS = 300


@dataclass(frozen=True)
class Trace:
    """An ideal ring, and what happens to it."""

    mutant: str
    breaks: str
    successors: int
    identifiers: list[int]
    actions: list[Action]

    def world(self) -> World:
        world = World(Ring(bits=4, successors=self.successors, replicas=1))
        world.place(self.identifiers)
        return world


def play(trace: Trace, mutant: str) -> list[str]:
    """Return what a trace breaks on a mutant ("": the real core). A failure that the guard forbids is skipped."""
    with ring_mutants.core(mutant) as guarded:
        world = trace.world()
        for action in trace.actions:
            _perform(world, action, guarded)
            if found := world.violations():
                return found
    return []


def read(path: Path) -> Trace:
    fields = json.loads(path.read_text())
    return Trace(**{**fields, "actions": [tuple(a) for a in fields["actions"]]})


def write(trace: Trace, path: Path) -> None:
    """Write a trace, one action per line."""
    head = json.dumps({k: v for k, v in asdict(trace).items() if k != "actions"})[:-1]
    actions = ",\n".join(f"  {json.dumps(a)}" for a in trace.actions)
    path.write_text(f'{head},\n "actions": [\n{actions}\n ]\n}}\n')


def _perform(world: World, action: Action, guarded: bool) -> None:
    if guarded and action[0] in ("fail", "leave"):
        node = world.live(int(action[1]))
        if node is None or not world.may_fail(node.ref):
            return
    perform(world, action)
    end_processes(world)


def _found(mutant: str) -> Iterator[Trace]:
    """Return a trace for each seed whose random run breaks the mutant."""
    for seed in range(SEEDS_MAX):
        rng = random.Random(seed)
        trace = Trace(mutant, "", 2, sorted(rng.sample(range(16), rng.randint(3, 6))), [])
        with ring_mutants.core(mutant) as guarded:
            breaks = _walk(trace, rng, guarded)
        if breaks:
            yield replace(trace, breaks=breaks[0].split(":")[0])


def _walk(trace: Trace, rng: random.Random, guarded: bool) -> list[str]:
    world = trace.world()
    for action in walk(world, rng, STEPS, guarded):
        trace.actions.append(action)
        end_processes(world)
        if found := world.violations():
            return found
    return []


def _still(trace: Trace) -> bool:
    broken = play(trace, trace.mutant)
    return bool(broken) and broken[0].startswith(trace.breaks) and not play(trace, "")


def _shortened(trace: Trace) -> Trace:
    """Leave out pieces, large ones first, as long as the rest still breaks the mutant."""
    size = len(trace.actions) // 2
    while size:
        start = 0
        while start < len(trace.actions):
            attempt = replace(trace, actions=trace.actions[:start] + trace.actions[start + size :])
            if _still(attempt):
                trace = attempt
            else:
                start += size
        size //= 2
    return trace


def main() -> None:
    TRACES.mkdir(exist_ok=True)
    for mutant in ring_mutants.MUTANTS:
        number = 0
        for trace in _found(mutant):
            if not _still(trace):
                continue
            number += 1
            short = _shortened(trace)
            write(short, TRACES / f"{mutant}{number}.json")
            print(f"{mutant}{number}: {len(trace.actions)} actions made {len(short.actions)}, breaks {short.breaks}")
            if number == TRACES_EACH:
                break


if __name__ == "__main__":
    main()
