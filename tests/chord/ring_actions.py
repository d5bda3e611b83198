"""Actions on a world as plain values: chosen at random, written to a file, replayed.

An action that does not apply is skipped, so that a trace found on one core can be replayed on another that behaves
differently.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from roundelay.chord import protocol
from tests.chord.ring_harness import World

Action = tuple[str | int, ...]
WEIGHTS = {
    "join": 4,
    "fail": 5,
    "leave": 1,
    "stabilize": 12,
    "unite": 2,
    "fix_fingers": 1,
    "step": 30,
    "ask": 8,
    "answer": 12,
    "work": 30,
    "deliver": 12,
    "lose": 3,
    "copy": 2,
}  # of a random run, before each run scales them
ALONE = {"stabilize": protocol.stabilize, "fix_fingers": protocol.fix_fingers, "leave": protocol.leave}


def possible(world: World, verb: str, guard: bool = True, nodes_max: int = 8) -> list[Action]:
    """Return every action of one kind that applies now."""
    if verb == "join":
        taken = {n.id for n in world.nodes}
        members = [n.ref.id for n in world.members] if len(taken) < nodes_max else []
        return [("join", j, m) for m in members for j in range(world.ring.size) if j not in taken]
    if verb in ("fail", "leave"):  # leaving is an announced failure
        return [
            (verb, r.id)
            for r, n in world.nodes.items()
            if (n.joined or verb == "fail") and (not guard or world.may_fail(r))
        ]
    if verb in ("stabilize", "fix_fingers"):
        busy = {t.node for t in world.tasks if t.name == verb}
        return [(verb, n.ref.id) for n in world.members if n.ref not in busy]
    if verb == "unite":
        busy = {t.node for t in world.tasks if t.name == verb}
        return [
            (verb, n.ref.id, m.ref.id) for n in world.members if n.ref not in busy for m in world.members if m is not n
        ]
    if verb == "work":
        return [("work", n.id) for n, node in world.nodes.items() if len(node.pending)]
    if verb in ("step", "ask", "answer"):
        return [
            (verb, t.node.id, t.name) for t in world.tasks if verb == "step" or (t.outcome is None) == (verb == "ask")
        ]
    return [(verb, m.to.id, m.source.id) for m in world.mail]


def perform(world: World, action: Action) -> bool:
    """Perform an action. Return True if it applied."""
    verb, identifier, *rest = action
    if verb in ("deliver", "lose", "copy"):
        return _post(world, str(verb), identifier, rest[0])
    if verb in ("step", "ask", "answer"):
        return _go_on(world, str(verb), identifier, rest[0])
    node = world.live(int(identifier))
    through = world.live(int(rest[0])) if rest else None
    if verb == "join" and node is None and through is not None and through.joined:
        joiner = world.start(int(identifier))
        world.begin(joiner.ref, "join", protocol.join(joiner, through.ref))
    elif node is None:
        return False
    elif verb == "fail":
        world.crash(node.ref)
    elif verb == "work":
        world.begin_pending(node)
    elif not node.joined or any((t.name, t.node) == (verb, node.ref) for t in world.tasks):
        return False
    elif verb == "unite" and through is not None:
        world.begin(node.ref, "unite", protocol.merge_with(node, through.ref))
    elif verb in ALONE:
        world.begin(node.ref, str(verb), ALONE[str(verb)](node))
    else:
        return False
    return True


def walk(world: World, rng: random.Random, steps: int, guard: bool = True, nodes_max: int = 8) -> Iterator[Action]:
    """Perform random actions, and yield each one after it has happened.

    Each run has weights of its own: some are mostly messages, some mostly failures.
    """
    weights = {verb: weight * rng.choice((0.2, 1.0, 5.0)) for verb, weight in WEIGHTS.items()}
    for _ in range(steps):
        for verb in sorted(weights, key=lambda v: rng.random() ** (1.0 / weights[v]), reverse=True):
            actions = possible(world, verb, guard, nodes_max)
            if actions:
                action = rng.choice(actions)
                perform(world, action)
                yield action
                break


def end_processes(world: World) -> None:
    """End the processes whose join has failed or that have left."""
    busy = {t.node for t in world.tasks if t.name in ("join", "leave")}
    for ref, node in list(world.nodes.items()):
        if not node.joined and ref not in busy:
            world.crash(ref)


def _go_on(world: World, verb: str, identifier: str | int, name: str | int) -> bool:
    for task in world.tasks:
        if (task.node.id, task.name) == (identifier, name):
            if verb == "step":
                world.step(task)
            elif (task.outcome is None) != (verb == "ask"):
                continue
            elif verb == "ask":
                world.arrive(task)
            else:
                world.land(task)
            return True
    return False


def _post(world: World, verb: str, to: str | int, source: str | int) -> bool:
    mail = next((m for m in world.mail if (m.to.id, m.source.id) == (to, source)), None)
    if mail is None:
        return False
    if verb == "lose":
        world.mail.remove(mail)
    else:
        world.deliver(mail, keep=verb == "copy")
    return True
