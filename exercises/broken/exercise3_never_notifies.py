"""Exercise 3: stabilize. See chapter 3 of the tutorial.

A procedure is a generator: `answer = yield from ...` waits for another node, and other procedures of this node may run
meanwhile. These are at hand:

    node.ref, node.successor, node.successors, node.predecessor      what this node knows
    yield from probe(node, peer)            the peer's neighbours (.predecessor, .successors); raises NodeUnreachable
                                            if it is dead, Busy if it does not answer but may be alive
    node.set_successors(head, tail)         adopt a successor and its successor list; True if that changed anything
    node.drop_successor()                   remove the first successor
    between(a, b, c)                        whether b lies on the arc from a to c, both excluded
    yield from ask(peer, Notify(node.ref))  tell a peer that this node may be its predecessor
"""

from roundelay.chord.effects import ask
from roundelay.chord.errors import Busy, ChordError, NodeUnreachable
from roundelay.chord.probe import probe
from roundelay.chord.protocol import rectify
from roundelay.chord.requests import Notify
from roundelay.chord.ring import between


def stabilize(node):
    """Check the successor, adopt its list and any node found in between; notify. Return True if anything changed."""
    changed = False
    while True:
        head = node.successor
        try:
            theirs = yield from probe(node, head)
        except Busy:
            break
        except NodeUnreachable:
            if node.successor == head:
                node.drop_successor()
            changed = True
            continue
        if node.successor != head:
            continue  # another procedure replaced it while we waited
        changed |= node.set_successors(head, theirs.successors)
        candidate = theirs.predecessor
        if between(node.ref.id, candidate.id, head.id) and not candidate.is_vacant:
            try:
                its = yield from probe(node, candidate)
            except ChordError:
                break
            if node.successor == head:
                changed |= node.set_successors(candidate, its.successors)
        break
    yield from ()
    return changed
