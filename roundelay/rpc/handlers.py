"""The server's side of a call: decode it, check its target, have the core answer, encode the answer.

Serves exactly the calls in the tables of `calls`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from thrift.Thrift import TApplicationException, TMessageType, TType

from roundelay.chord.effects import Request
from roundelay.chord.errors import ChordError, Malformed, NotAllowed, WrongIncarnation
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import BITS_MAX
from roundelay.rpc import fields, ring_codec
from roundelay.rpc.calls import COMPUTE_NODE, SAY_HELLO, SUPERNODE, WireCall
from roundelay.rpc.exchange import SERVED, UNKNOWN, Exchange, Observer
from roundelay.rpc.gen.constants import PROTOCOL
from roundelay.rpc.method import NOT_ALLOWED, message_begin
from roundelay.rpc.protocol import BinaryProtocol
from roundelay.rpc.transport import HEADER

if TYPE_CHECKING:
    from roundelay.rpc.access import Access, Caller  # loaded only with certificates

HEAVY_BYTES = 64 << 10  # of a message that is not one piece of a content

Answer = Callable[[Request[Any]], Any]
Answerer = Callable[[int, int], Answer | None]  # what answers for a leaf, by its identifier and incarnation


def compute_node_processor(
    me: Callable[[], NodeRef],
    answer: Answer,
    bits: Callable[[], int] = lambda: BITS_MAX,
    access: Access | None = None,
    answerer: Answerer | None = None,
) -> Processor:
    """Return a processor of a compute node's calls.

    `me` returns its identity, which it gets when it is admitted, and `bits` the size of its ring. answerer: of calls
    that are meant for its leaves.
    """
    return Processor(answer, (SAY_HELLO,), COMPUTE_NODE.values(), me, bits, access, answerer)


def supernode_processor(answer: Answer, bits: int = BITS_MAX, access: Access | None = None) -> Processor:
    """Return a processor of the supernode's calls."""
    return Processor(answer, SUPERNODE.values(), bits=lambda: bits, access=access)


class Processor:
    """Answers one message at a time. The first argument of a `targeted` call is the node that it is meant for.

    access: the rules of a secured ring; without them, every caller may make every call.
    """

    def __init__(
        self,
        answer: Answer,
        untargeted: Iterable[WireCall],
        targeted: Iterable[WireCall] = (),
        me: Callable[[], NodeRef] | None = None,
        bits: Callable[[], int] = lambda: BITS_MAX,
        access: Access | None = None,
        answerer: Answerer | None = None,
    ) -> None:
        self._answer = answer
        self._answerer = answerer
        self._me = me
        self._bits = bits
        self._access = access
        self.observe: Observer | None = None  # is told of every call
        self._heavy = threading.Lock()  # one large message at a time is unpacked, into many times its size
        self._calls = {call.method: (call, False) for call in untargeted}
        self._calls.update({call.method: (call, True) for call in targeted})

    def process(self, messages: BinaryProtocol) -> None:
        """Read one call and send its answer. Raises TProtocolException for bytes that are not a message."""
        name, _, seqid = messages.readMessageBegin()
        if self.observe is None:
            self._process(messages, name, seqid, None)
            return
        transport = messages.trans
        before, received = transport.sent_bytes, HEADER.size + transport.frame_bytes
        with Exchange(self.observe, SERVED, name if name in self._calls else UNKNOWN) as measured:
            try:
                self._process(messages, name, seqid, measured)
            finally:
                measured.moved(transport.sent_bytes - before, received)

    def _process(self, messages: BinaryProtocol, name: str, seqid: int, measured: Exchange | None) -> None:
        """Read the rest of a call and send its answer; large arguments are unpacked one at a time."""
        call, is_targeted = self._calls.get(name, (None, False))
        if call is None:
            _refuse_unknown(messages, name, seqid, measured)
        elif messages.trans.frame_bytes > HEAVY_BYTES and not call.is_bulky:
            with self._heavy:
                self._reply(messages, name, seqid, call, is_targeted, measured)
        else:
            self._reply(messages, name, seqid, call, is_targeted, measured)

    def _reply(
        self,
        messages: BinaryProtocol,
        name: str,
        seqid: int,
        call: WireCall,
        is_targeted: bool,
        measured: Exchange | None,
    ) -> None:
        method = call.thrift
        arguments = messages.read(method.arguments, method.arguments_spec)
        messages.trans.let_go()
        is_for_leaf = is_targeted and self._answerer is not None and self._is_for_leaf(arguments.target)
        if call.keeps_connection or is_for_leaf:
            messages.keep_connection(True)
        try:
            bits = self._bits()
            if bits < BITS_MAX:
                _check_identifiers(arguments, bits)
            result = method.answered(self.serve(call, method.values(arguments), is_targeted, messages.caller))
            if measured is not None:
                measured.answered()
        except NotAllowed as error:
            if measured is not None:
                measured.answered(error)
            messages.keep_connection(False)
            messages.refuse(name, seqid, NOT_ALLOWED, str(error))
            return
        except ring_codec.WIRE_EXCEPTIONS as error:
            if measured is not None:
                measured.answered(error.__cause__ or error)
            messages.keep_connection(False)
            result = method.failed(error)
        begins = method.reply_begins if seqid == 0 else message_begin(name, TMessageType.REPLY, seqid)
        messages.send(begins, result, method.result_spec, method.is_bulky)
        del result  # an error in it keeps this frame, which would keep it and the message, until garbage is collected
        if is_for_leaf:
            messages.keep_connection(False)

    def serve(self, call: WireCall, arguments: Sequence[Any], is_targeted: bool, caller: Caller | None = None) -> Any:
        """Return the wire's answer to the wire's arguments. Raises the contract's exceptions, and NotAllowed."""
        try:
            if self._access is not None:
                self._access.check_call(caller, call.method)
            answer = self._answer
            if is_targeted:
                answer = self._answer_at(arguments[0])
                arguments = arguments[1:]
            if None in arguments:
                raise Malformed(
                    f"{call.method} lacks an argument of protocol {PROTOCOL}: run the same release on both sides"
                )
            fields.check_complete(arguments)
            request = call.request(*arguments)
            answered = answer(request) if self._access is None else self._answered(call, request, caller, answer)
            return call.reply(answered)
        except NotAllowed:
            raise
        except ChordError as error:
            raise ring_codec.error_to_wire(error) from error

    def _answered(self, call: WireCall, request: Request[Any], caller: Caller | None, answer: Answer) -> Any:
        if self._access is None or caller is None:
            return answer(request)
        bound = self._access.bind(caller, call.method, request)
        try:
            return answer(bound)
        except NotAllowed as error:
            self._access.refused(caller, call.method, request, f"refused: {error}")
            raise

    def _is_for_leaf(self, target: Any) -> bool:
        """Return whether a call seems to be meant for a leaf: it may be held, and must not take a node's place."""
        if self._me is None or target is None:
            return False
        try:
            return bool(target.incarnation != self._me().incarnation)
        except ChordError:
            return False  # not admitted yet

    def _answer_at(self, target: Any) -> Answer:
        """Return what answers for the target: this node, or a leaf of it. Raises WrongIncarnation."""
        assert self._me is not None
        me = self._me()
        if target is not None and target.incarnation == me.incarnation and target.id == fields.id_to_wire(me.id):
            return self._answer
        answer = None
        if target is not None and target.id is not None and self._answerer is not None:
            answer = self._answerer(fields.id_from_wire(target.id), target.incarnation)
        if answer is None:
            raise WrongIncarnation(me)
        return answer


def _refuse_unknown(messages: BinaryProtocol, name: str, seqid: int, measured: Exchange | None) -> None:
    messages.skip(TType.STRUCT)
    messages.readMessageEnd()
    refusal = TApplicationException(TApplicationException.UNKNOWN_METHOD, f"Unknown function {name}")
    if measured is not None:
        measured.answered(refusal)
    messages.refuse(name, seqid, refusal.type, refusal.message)


def _check_identifiers(arguments: Any, bits: int) -> None:
    try:
        fields.check_identifiers(arguments, bits)
    except ChordError as error:
        raise ring_codec.error_to_wire(error) from error
