"""The other side of a call: decode, check whom it means, one answer of the core, encode.

The methods that the generated processors look for are made from the table in `calls`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from chord.effects import Request
from chord.errors import ChordError, Malformed, WrongIncarnation
from chord.refs import NodeRef
from rpc import codec
from rpc.calls import COMPUTE_NODE, SAY_HELLO, SUPERNODE, Call
from rpc.gen import ComputeNode, Supernode
from rpc.gen.ttypes import Target

Answer = Callable[[Request[Any]], Any]


def compute_node_processor(me: Callable[[], NodeRef], answer: Answer) -> ComputeNode.Processor:
    """Serve a compute node's calls. `me` says who it is by now: its name comes with its admission."""
    return ComputeNode.Processor(_Handler(COMPUTE_NODE.values(), answer, me, (SAY_HELLO,)))


def supernode_processor(answer: Answer) -> Supernode.Processor:
    """Serve the supernode's calls."""
    return Supernode.Processor(_Handler((), answer, None, SUPERNODE.values()))


class _Handler:
    """Has one method for every call of the tables it is given."""

    def __init__(self, targeted: Any, answer: Answer, me: Callable[[], NodeRef] | None, untargeted: Any) -> None:
        self._answer = answer
        self._me = me
        for call in targeted:
            setattr(self, call.method, partial(self._serve_target, call))
        for call in untargeted:
            setattr(self, call.method, partial(self._serve, call))

    def _serve(self, call: Call, *arguments: Any) -> Any:
        try:
            return call.reply(self._answer(_request(call, arguments)))
        except ChordError as error:
            raise codec.error_to_wire(error) from error

    def _serve_target(self, call: Call, target: Any, *arguments: Any) -> Any:
        assert self._me is not None
        try:
            actual = self._me()
            if target != Target(codec.id_to_wire(actual.id), actual.incarnation):
                raise WrongIncarnation(actual)
        except ChordError as error:
            raise codec.error_to_wire(error) from error
        return self._serve(call, *arguments)


def _request(call: Call, arguments: tuple[Any, ...]) -> Request[Any]:
    """What a call asks. Raises Malformed."""
    if None in arguments:
        raise Malformed(f"{call.method} lacks an argument")
    codec.check_complete(arguments)
    return call.request(*arguments)
