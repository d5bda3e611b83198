#
#
# DO NOT EDIT UNLESS YOU ARE SURE THAT YOU KNOW WHAT YOU ARE DOING
#
#  options string: py
#

from thrift.Thrift import TType, TMessageType, TFrozenDict, TException, TApplicationException
from thrift.protocol.TProtocol import TProtocolException
from thrift.TRecursive import fix_spec

import sys
import logging
from .ttypes import *
from thrift.Thrift import TProcessor
from thrift.transport import TTransport
all_structs = []


class Iface(object):
    def hello(self):
        """
        Return the node that answers here. The only call without a target.

        """
        pass

    def next_hop(self, target, key, failed):
        """
        Return the next step of a lookup, avoiding the nodes that have failed to answer the caller.

        Parameters:
         - target
         - key
         - failed

        """
        pass

    def neighbours(self, target):
        """
        Return predecessor and successor list. Also serves as the probe of the failure detector.

        Parameters:
         - target

        """
        pass

    def notify(self, target, sender):
        """
        Handle a claim by `sender` to be the target's predecessor (Zave's rectify). May be lost or repeated.

        Parameters:
         - target
         - sender

        """
        pass

    def nudge(self, target):
        """
        Stabilize now instead of at the next tick, because the neighbourhood has changed.

        Parameters:
         - target

        """
        pass

    def leaving(self, target, sender):
        """
        Treat `sender` as dead: it is leaving.

        Parameters:
         - target
         - sender

        """
        pass

    def status(self, target):
        """
        Return the state of the node, for tools and dashboards.

        Parameters:
         - target

        """
        pass

    def put(self, target, parcels, to_owner):
        """
        Store items, at most 256, one after the other. If a receipt says that a content has not arrived, write its bytes
        and put again. With `to_owner` nothing is stored unless the receiver owns the keys of all items. After any
        other exception, items before the one that it is about may have been stored.

        Parameters:
         - target
         - parcels
         - to_owner

        """
        pass

    def write(self, target, digest, size, offset, piece):
        """
        Receive a piece of a content, at most 1 MiB. Pieces may come in any order, up to 16 MiB ahead of the first that is
        missing. A repeated piece is ignored.

        Parameters:
         - target
         - digest
         - size
         - offset
         - piece

        """
        pass

    def read(self, target, digest, offset, length):
        """
        Return at most `length` bytes (and at most 1 MiB) of a content, from `offset` on.

        Parameters:
         - target
         - digest
         - offset
         - length

        """
        pass

    def find(self, target, key, names):
        """
        Return all items under a key, deletions included; if names are given, only theirs. Raises NotYet while the
        node is still receiving the hand-off of what it owns.

        Parameters:
         - target
         - key
         - names

        """
        pass

    def range_digest(self, target, start, end):
        """
        Return the digest of the node's items with keys in (start, end], for anti-entropy.

        Parameters:
         - target
         - start
         - end

        """
        pass

    def list_range(self, target, start, end):
        """
        Return the node's first 256 items with keys in (start, end], ordered by key, deletions included.

        Parameters:
         - target
         - start
         - end

        """
        pass

    def list_job(self, target, job):
        """
        Return what the node's records say of a job. Raises NotFound if it has no spec of it.

        Parameters:
         - target
         - job

        """
        pass

    def driving(self, target, job):
        """
        The heartbeat of a job's driver: for some seconds no other node takes the job over.

        Parameters:
         - target
         - job

        """
        pass

    def order(self, target, order, content):
        """
        Accept an order, and return its ticket at once. The same order has the same ticket, and is carried out once.
        `content` holds the order's weights, at most 1 MiB; it is empty where the receiver has them or will fetch them, and
        packed if it is shorter than announced. Raises NotFound if it is a delta, and the receiver lacks its base.

        Parameters:
         - target
         - order
         - content

        """
        pass

    def push(self, target, push):
        """
        Receive half of a weighted model, which counts once. Raises NotFound if it was not taken: the round is over.

        Parameters:
         - target
         - push

        """
        pass

    def collect(self, target, ticket, wait_ms, packed):
        """
        Return the progress of an order as soon as it has ended, or after `wait_ms` (<= 5000); `packed`: its result packed.

        Parameters:
         - target
         - ticket
         - wait_ms
         - packed

        """
        pass

    def attach(self, target, leaf, number, tickets, taken, wait_ms):
        """
        Attach a leaf to the target, or keep it attached. Its orders and their polls then come to the target, which answers
        for it; `order`, `collect`, `write` and `read` may be called with the leaf's own id and incarnation as their target.
        `number` grows with every call: what an overtaken call says of `tickets` is ignored. `taken`: orders that
        have arrived. Returns as soon as there is something to do, or after `wait_ms` (<= 5000).

        Parameters:
         - target
         - leaf
         - number
         - tickets
         - taken
         - wait_ms

        """
        pass


class Client(Iface):
    def __init__(self, iprot, oprot=None):
        self._iprot = self._oprot = iprot
        if oprot is not None:
            self._oprot = oprot
        self._seqid = 0

    def hello(self):
        """
        Return the node that answers here. The only call without a target.

        """
        self.send_hello()
        return self.recv_hello()

    def send_hello(self):
        self._oprot.writeMessageBegin('hello', TMessageType.CALL, self._seqid)
        args = hello_args()
        args.write(self._oprot)
        self._oprot.writeMessageEnd()
        self._oprot.trans.flush()

    def recv_hello(self):
        iprot = self._iprot
        (fname, mtype, rseqid) = iprot.readMessageBegin()
        if mtype == TMessageType.EXCEPTION:
            x = TApplicationException()
            x.read(iprot)
            iprot.readMessageEnd()
            raise x
        result = hello_result()
        result.read(iprot)
        iprot.readMessageEnd()
        if result.success is not None:
            return result.success
        if result.not_yet is not None:
            raise result.not_yet
        raise TApplicationException(TApplicationException.MISSING_RESULT, "hello failed: unknown result")

    def next_hop(self, target, key, failed):
        """
        Return the next step of a lookup, avoiding the nodes that have failed to answer the caller.

        Parameters:
         - target
         - key
         - failed

        """
        self.send_next_hop(target, key, failed)
        return self.recv_next_hop()

    def send_next_hop(self, target, key, failed):
        self._oprot.writeMessageBegin('next_hop', TMessageType.CALL, self._seqid)
        args = next_hop_args()
        args.target = target
        args.key = key
        args.failed = failed
        args.write(self._oprot)
        self._oprot.writeMessageEnd()
        self._oprot.trans.flush()

    def recv_next_hop(self):
        iprot = self._iprot
        (fname, mtype, rseqid) = iprot.readMessageBegin()
        if mtype == TMessageType.EXCEPTION:
            x = TApplicationException()
            x.read(iprot)
            iprot.readMessageEnd()
            raise x
        result = next_hop_result()
        result.read(iprot)
        iprot.readMessageEnd()
        if result.success is not None:
            return result.success
        if result.wrong is not None:
            raise result.wrong
        if result.not_yet is not None:
            raise result.not_yet
        if result.malformed is not None:
            raise result.malformed
        raise TApplicationException(TApplicationException.MISSING_RESULT, "next_hop failed: unknown result")

    def neighbours(self, target):
        """
        Return predecessor and successor list. Also serves as the probe of the failure detector.

        Parameters:
         - target

        """
        self.send_neighbours(target)
        return self.recv_neighbours()

    def send_neighbours(self, target):
        self._oprot.writeMessageBegin('neighbours', TMessageType.CALL, self._seqid)
        args = neighbours_args()
        args.target = target
        args.write(self._oprot)
        self._oprot.writeMessageEnd()
        self._oprot.trans.flush()

    def recv_neighbours(self):
        iprot = self._iprot
        (fname, mtype, rseqid) = iprot.readMessageBegin()
        if mtype == TMessageType.EXCEPTION:
            x = TApplicationException()
            x.read(iprot)
            iprot.readMessageEnd()
            raise x
        result = neighbours_result()
        result.read(iprot)
        iprot.readMessageEnd()
        if result.success is not None:
            return result.success
        if result.wrong is not None:
            raise result.wrong
        if result.not_yet is not None:
            raise result.not_yet
        raise TApplicationException(TApplicationException.MISSING_RESULT, "neighbours failed: unknown result")

    def notify(self, target, sender):
        """
        Handle a claim by `sender` to be the target's predecessor (Zave's rectify). May be lost or repeated.

        Parameters:
         - target
         - sender

        """
        self.send_notify(target, sender)
        self.recv_notify()

    def send_notify(self, target, sender):
        self._oprot.writeMessageBegin('notify', TMessageType.CALL, self._seqid)
        args = notify_args()
        args.target = target
        args.sender = sender
        args.write(self._oprot)
        self._oprot.writeMessageEnd()
        self._oprot.trans.flush()

    def recv_notify(self):
        iprot = self._iprot
        (fname, mtype, rseqid) = iprot.readMessageBegin()
        if mtype == TMessageType.EXCEPTION:
            x = TApplicationException()
            x.read(iprot)
            iprot.readMessageEnd()
            raise x
        result = notify_result()
        result.read(iprot)
        iprot.readMessageEnd()
        if result.wrong is not None:
            raise result.wrong
        if result.not_yet is not None:
            raise result.not_yet
        if result.busy is not None:
            raise result.busy
        if result.malformed is not None:
            raise result.malformed
        return

    def nudge(self, target):
        """
        Stabilize now instead of at the next tick, because the neighbourhood has changed.

        Parameters:
         - target

        """
        self.send_nudge(target)
        self.recv_nudge()

    def send_nudge(self, target):
        self._oprot.writeMessageBegin('nudge', TMessageType.CALL, self._seqid)
        args = nudge_args()
        args.target = target
        args.write(self._oprot)
        self._oprot.writeMessageEnd()
        self._oprot.trans.flush()

    def recv_nudge(self):
        iprot = self._iprot
        (fname, mtype, rseqid) = iprot.readMessageBegin()
        if mtype == TMessageType.EXCEPTION:
            x = TApplicationException()
            x.read(iprot)
            iprot.readMessageEnd()
            raise x
        result = nudge_result()
        result.read(iprot)
        iprot.readMessageEnd()
        if result.wrong is not None:
            raise result.wrong
        if result.not_yet is not None:
            raise result.not_yet
        return

    def leaving(self, target, sender):
        """
        Treat `sender` as dead: it is leaving.

        Parameters:
         - target
         - sender

        """
        self.send_leaving(target, sender)
        self.recv_leaving()

    def send_leaving(self, target, sender):
        self._oprot.writeMessageBegin('leaving', TMessageType.CALL, self._seqid)
        args = leaving_args()
        args.target = target
        args.sender = sender
        args.write(self._oprot)
        self._oprot.writeMessageEnd()
        self._oprot.trans.flush()

    def recv_leaving(self):
        iprot = self._iprot
        (fname, mtype, rseqid) = iprot.readMessageBegin()
        if mtype == TMessageType.EXCEPTION:
            x = TApplicationException()
            x.read(iprot)
            iprot.readMessageEnd()
            raise x
        result = leaving_result()
        result.read(iprot)
        iprot.readMessageEnd()
        if result.wrong is not None:
            raise result.wrong
        if result.not_yet is not None:
            raise result.not_yet
        if result.malformed is not None:
            raise result.malformed
        return

    def status(self, target):
        """
        Return the state of the node, for tools and dashboards.

        Parameters:
         - target

        """
        self.send_status(target)
        return self.recv_status()

    def send_status(self, target):
        self._oprot.writeMessageBegin('status', TMessageType.CALL, self._seqid)
        args = status_args()
        args.target = target
        args.write(self._oprot)
        self._oprot.writeMessageEnd()
        self._oprot.trans.flush()

    def recv_status(self):
        iprot = self._iprot
        (fname, mtype, rseqid) = iprot.readMessageBegin()
        if mtype == TMessageType.EXCEPTION:
            x = TApplicationException()
            x.read(iprot)
            iprot.readMessageEnd()
            raise x
        result = status_result()
        result.read(iprot)
        iprot.readMessageEnd()
        if result.success is not None:
            return result.success
        if result.wrong is not None:
            raise result.wrong
        if result.not_yet is not None:
            raise result.not_yet
        raise TApplicationException(TApplicationException.MISSING_RESULT, "status failed: unknown result")

    def put(self, target, parcels, to_owner):
        """
        Store items, at most 256, one after the other. If a receipt says that a content has not arrived, write its bytes
        and put again. With `to_owner` nothing is stored unless the receiver owns the keys of all items. After any
        other exception, items before the one that it is about may have been stored.

        Parameters:
         - target
         - parcels
         - to_owner

        """
        self.send_put(target, parcels, to_owner)
        return self.recv_put()

    def send_put(self, target, parcels, to_owner):
        self._oprot.writeMessageBegin('put', TMessageType.CALL, self._seqid)
        args = put_args()
        args.target = target
        args.parcels = parcels
        args.to_owner = to_owner
        args.write(self._oprot)
        self._oprot.writeMessageEnd()
        self._oprot.trans.flush()

    def recv_put(self):
        iprot = self._iprot
        (fname, mtype, rseqid) = iprot.readMessageBegin()
        if mtype == TMessageType.EXCEPTION:
            x = TApplicationException()
            x.read(iprot)
            iprot.readMessageEnd()
            raise x
        result = put_result()
        result.read(iprot)
        iprot.readMessageEnd()
        if result.success is not None:
            return result.success
        if result.wrong is not None:
            raise result.wrong
        if result.not_yet is not None:
            raise result.not_yet
        if result.malformed is not None:
            raise result.malformed
        if result.full is not None:
            raise result.full
        if result.corrupt is not None:
            raise result.corrupt
        if result.not_owner is not None:
            raise result.not_owner
        raise TApplicationException(TApplicationException.MISSING_RESULT, "put failed: unknown result")

    def write(self, target, digest, size, offset, piece):
        """
        Receive a piece of a content, at most 1 MiB. Pieces may come in any order, up to 16 MiB ahead of the first that is
        missing. A repeated piece is ignored.

        Parameters:
         - target
         - digest
         - size
         - offset
         - piece

        """
        self.send_write(target, digest, size, offset, piece)
        return self.recv_write()

    def send_write(self, target, digest, size, offset, piece):
        self._oprot.writeMessageBegin('write', TMessageType.CALL, self._seqid)
        args = write_args()
        args.target = target
        args.digest = digest
        args.size = size
        args.offset = offset
        args.piece = piece
        args.write(self._oprot)
        self._oprot.writeMessageEnd()
        self._oprot.trans.flush()

    def recv_write(self):
        iprot = self._iprot
        (fname, mtype, rseqid) = iprot.readMessageBegin()
        if mtype == TMessageType.EXCEPTION:
            x = TApplicationException()
            x.read(iprot)
            iprot.readMessageEnd()
            raise x
        result = write_result()
        result.read(iprot)
        iprot.readMessageEnd()
        if result.success is not None:
            return result.success
        if result.wrong is not None:
            raise result.wrong
        if result.not_yet is not None:
            raise result.not_yet
        if result.malformed is not None:
            raise result.malformed
        if result.full is not None:
            raise result.full
        if result.corrupt is not None:
            raise result.corrupt
        raise TApplicationException(TApplicationException.MISSING_RESULT, "write failed: unknown result")

    def read(self, target, digest, offset, length):
        """
        Return at most `length` bytes (and at most 1 MiB) of a content, from `offset` on.

        Parameters:
         - target
         - digest
         - offset
         - length

        """
        self.send_read(target, digest, offset, length)
        return self.recv_read()

    def send_read(self, target, digest, offset, length):
        self._oprot.writeMessageBegin('read', TMessageType.CALL, self._seqid)
        args = read_args()
        args.target = target
        args.digest = digest
        args.offset = offset
        args.length = length
        args.write(self._oprot)
        self._oprot.writeMessageEnd()
        self._oprot.trans.flush()

    def recv_read(self):
        iprot = self._iprot
        (fname, mtype, rseqid) = iprot.readMessageBegin()
        if mtype == TMessageType.EXCEPTION:
            x = TApplicationException()
            x.read(iprot)
            iprot.readMessageEnd()
            raise x
        result = read_result()
        result.read(iprot)
        iprot.readMessageEnd()
        if result.success is not None:
            return result.success
        if result.wrong is not None:
            raise result.wrong
        if result.not_yet is not None:
            raise result.not_yet
        if result.malformed is not None:
            raise result.malformed
        if result.not_found is not None:
            raise result.not_found
        if result.corrupt is not None:
            raise result.corrupt
        raise TApplicationException(TApplicationException.MISSING_RESULT, "read failed: unknown result")

    def find(self, target, key, names):
        """
        Return all items under a key, deletions included; if names are given, only theirs. Raises NotYet while the
        node is still receiving the hand-off of what it owns.

        Parameters:
         - target
         - key
         - names

        """
        self.send_find(target, key, names)
        return self.recv_find()

    def send_find(self, target, key, names):
        self._oprot.writeMessageBegin('find', TMessageType.CALL, self._seqid)
        args = find_args()
        args.target = target
        args.key = key
        args.names = names
        args.write(self._oprot)
        self._oprot.writeMessageEnd()
        self._oprot.trans.flush()

    def recv_find(self):
        iprot = self._iprot
        (fname, mtype, rseqid) = iprot.readMessageBegin()
        if mtype == TMessageType.EXCEPTION:
            x = TApplicationException()
            x.read(iprot)
            iprot.readMessageEnd()
            raise x
        result = find_result()
        result.read(iprot)
        iprot.readMessageEnd()
        if result.success is not None:
            return result.success
        if result.wrong is not None:
            raise result.wrong
        if result.not_yet is not None:
            raise result.not_yet
        if result.malformed is not None:
            raise result.malformed
        raise TApplicationException(TApplicationException.MISSING_RESULT, "find failed: unknown result")

    def range_digest(self, target, start, end):
        """
        Return the digest of the node's items with keys in (start, end], for anti-entropy.

        Parameters:
         - target
         - start
         - end

        """
        self.send_range_digest(target, start, end)
        return self.recv_range_digest()

    def send_range_digest(self, target, start, end):
        self._oprot.writeMessageBegin('range_digest', TMessageType.CALL, self._seqid)
        args = range_digest_args()
        args.target = target
        args.start = start
        args.end = end
        args.write(self._oprot)
        self._oprot.writeMessageEnd()
        self._oprot.trans.flush()

    def recv_range_digest(self):
        iprot = self._iprot
        (fname, mtype, rseqid) = iprot.readMessageBegin()
        if mtype == TMessageType.EXCEPTION:
            x = TApplicationException()
            x.read(iprot)
            iprot.readMessageEnd()
            raise x
        result = range_digest_result()
        result.read(iprot)
        iprot.readMessageEnd()
        if result.success is not None:
            return result.success
        if result.wrong is not None:
            raise result.wrong
        if result.not_yet is not None:
            raise result.not_yet
        if result.malformed is not None:
            raise result.malformed
        raise TApplicationException(TApplicationException.MISSING_RESULT, "range_digest failed: unknown result")

    def list_range(self, target, start, end):
        """
        Return the node's first 256 items with keys in (start, end], ordered by key, deletions included.

        Parameters:
         - target
         - start
         - end

        """
        self.send_list_range(target, start, end)
        return self.recv_list_range()

    def send_list_range(self, target, start, end):
        self._oprot.writeMessageBegin('list_range', TMessageType.CALL, self._seqid)
        args = list_range_args()
        args.target = target
        args.start = start
        args.end = end
        args.write(self._oprot)
        self._oprot.writeMessageEnd()
        self._oprot.trans.flush()

    def recv_list_range(self):
        iprot = self._iprot
        (fname, mtype, rseqid) = iprot.readMessageBegin()
        if mtype == TMessageType.EXCEPTION:
            x = TApplicationException()
            x.read(iprot)
            iprot.readMessageEnd()
            raise x
        result = list_range_result()
        result.read(iprot)
        iprot.readMessageEnd()
        if result.success is not None:
            return result.success
        if result.wrong is not None:
            raise result.wrong
        if result.not_yet is not None:
            raise result.not_yet
        if result.malformed is not None:
            raise result.malformed
        raise TApplicationException(TApplicationException.MISSING_RESULT, "list_range failed: unknown result")

    def list_job(self, target, job):
        """
        Return what the node's records say of a job. Raises NotFound if it has no spec of it.

        Parameters:
         - target
         - job

        """
        self.send_list_job(target, job)
        return self.recv_list_job()

    def send_list_job(self, target, job):
        self._oprot.writeMessageBegin('list_job', TMessageType.CALL, self._seqid)
        args = list_job_args()
        args.target = target
        args.job = job
        args.write(self._oprot)
        self._oprot.writeMessageEnd()
        self._oprot.trans.flush()

    def recv_list_job(self):
        iprot = self._iprot
        (fname, mtype, rseqid) = iprot.readMessageBegin()
        if mtype == TMessageType.EXCEPTION:
            x = TApplicationException()
            x.read(iprot)
            iprot.readMessageEnd()
            raise x
        result = list_job_result()
        result.read(iprot)
        iprot.readMessageEnd()
        if result.success is not None:
            return result.success
        if result.wrong is not None:
            raise result.wrong
        if result.not_yet is not None:
            raise result.not_yet
        if result.malformed is not None:
            raise result.malformed
        if result.not_found is not None:
            raise result.not_found
        if result.corrupt is not None:
            raise result.corrupt
        raise TApplicationException(TApplicationException.MISSING_RESULT, "list_job failed: unknown result")

    def driving(self, target, job):
        """
        The heartbeat of a job's driver: for some seconds no other node takes the job over.

        Parameters:
         - target
         - job

        """
        self.send_driving(target, job)
        self.recv_driving()

    def send_driving(self, target, job):
        self._oprot.writeMessageBegin('driving', TMessageType.CALL, self._seqid)
        args = driving_args()
        args.target = target
        args.job = job
        args.write(self._oprot)
        self._oprot.writeMessageEnd()
        self._oprot.trans.flush()

    def recv_driving(self):
        iprot = self._iprot
        (fname, mtype, rseqid) = iprot.readMessageBegin()
        if mtype == TMessageType.EXCEPTION:
            x = TApplicationException()
            x.read(iprot)
            iprot.readMessageEnd()
            raise x
        result = driving_result()
        result.read(iprot)
        iprot.readMessageEnd()
        if result.wrong is not None:
            raise result.wrong
        if result.not_yet is not None:
            raise result.not_yet
        if result.malformed is not None:
            raise result.malformed
        return

    def order(self, target, order, content):
        """
        Accept an order, and return its ticket at once. The same order has the same ticket, and is carried out once.
        `content` holds the order's weights, at most 1 MiB; it is empty where the receiver has them or will fetch them, and
        packed if it is shorter than announced. Raises NotFound if it is a delta, and the receiver lacks its base.

        Parameters:
         - target
         - order
         - content

        """
        self.send_order(target, order, content)
        return self.recv_order()

    def send_order(self, target, order, content):
        self._oprot.writeMessageBegin('order', TMessageType.CALL, self._seqid)
        args = order_args()
        args.target = target
        args.order = order
        args.content = content
        args.write(self._oprot)
        self._oprot.writeMessageEnd()
        self._oprot.trans.flush()

    def recv_order(self):
        iprot = self._iprot
        (fname, mtype, rseqid) = iprot.readMessageBegin()
        if mtype == TMessageType.EXCEPTION:
            x = TApplicationException()
            x.read(iprot)
            iprot.readMessageEnd()
            raise x
        result = order_result()
        result.read(iprot)
        iprot.readMessageEnd()
        if result.success is not None:
            return result.success
        if result.wrong is not None:
            raise result.wrong
        if result.not_yet is not None:
            raise result.not_yet
        if result.malformed is not None:
            raise result.malformed
        if result.busy is not None:
            raise result.busy
        if result.full is not None:
            raise result.full
        if result.corrupt is not None:
            raise result.corrupt
        if result.not_found is not None:
            raise result.not_found
        raise TApplicationException(TApplicationException.MISSING_RESULT, "order failed: unknown result")

    def push(self, target, push):
        """
        Receive half of a weighted model, which counts once. Raises NotFound if it was not taken: the round is over.

        Parameters:
         - target
         - push

        """
        self.send_push(target, push)
        self.recv_push()

    def send_push(self, target, push):
        self._oprot.writeMessageBegin('push', TMessageType.CALL, self._seqid)
        args = push_args()
        args.target = target
        args.push = push
        args.write(self._oprot)
        self._oprot.writeMessageEnd()
        self._oprot.trans.flush()

    def recv_push(self):
        iprot = self._iprot
        (fname, mtype, rseqid) = iprot.readMessageBegin()
        if mtype == TMessageType.EXCEPTION:
            x = TApplicationException()
            x.read(iprot)
            iprot.readMessageEnd()
            raise x
        result = push_result()
        result.read(iprot)
        iprot.readMessageEnd()
        if result.wrong is not None:
            raise result.wrong
        if result.not_yet is not None:
            raise result.not_yet
        if result.malformed is not None:
            raise result.malformed
        if result.not_found is not None:
            raise result.not_found
        return

    def collect(self, target, ticket, wait_ms, packed):
        """
        Return the progress of an order as soon as it has ended, or after `wait_ms` (<= 5000); `packed`: its result packed.

        Parameters:
         - target
         - ticket
         - wait_ms
         - packed

        """
        self.send_collect(target, ticket, wait_ms, packed)
        return self.recv_collect()

    def send_collect(self, target, ticket, wait_ms, packed):
        self._oprot.writeMessageBegin('collect', TMessageType.CALL, self._seqid)
        args = collect_args()
        args.target = target
        args.ticket = ticket
        args.wait_ms = wait_ms
        args.packed = packed
        args.write(self._oprot)
        self._oprot.writeMessageEnd()
        self._oprot.trans.flush()

    def recv_collect(self):
        iprot = self._iprot
        (fname, mtype, rseqid) = iprot.readMessageBegin()
        if mtype == TMessageType.EXCEPTION:
            x = TApplicationException()
            x.read(iprot)
            iprot.readMessageEnd()
            raise x
        result = collect_result()
        result.read(iprot)
        iprot.readMessageEnd()
        if result.success is not None:
            return result.success
        if result.wrong is not None:
            raise result.wrong
        if result.not_yet is not None:
            raise result.not_yet
        if result.malformed is not None:
            raise result.malformed
        if result.not_found is not None:
            raise result.not_found
        raise TApplicationException(TApplicationException.MISSING_RESULT, "collect failed: unknown result")

    def attach(self, target, leaf, number, tickets, taken, wait_ms):
        """
        Attach a leaf to the target, or keep it attached. Its orders and their polls then come to the target, which answers
        for it; `order`, `collect`, `write` and `read` may be called with the leaf's own id and incarnation as their target.
        `number` grows with every call: what an overtaken call says of `tickets` is ignored. `taken`: orders that
        have arrived. Returns as soon as there is something to do, or after `wait_ms` (<= 5000).

        Parameters:
         - target
         - leaf
         - number
         - tickets
         - taken
         - wait_ms

        """
        self.send_attach(target, leaf, number, tickets, taken, wait_ms)
        return self.recv_attach()

    def send_attach(self, target, leaf, number, tickets, taken, wait_ms):
        self._oprot.writeMessageBegin('attach', TMessageType.CALL, self._seqid)
        args = attach_args()
        args.target = target
        args.leaf = leaf
        args.number = number
        args.tickets = tickets
        args.taken = taken
        args.wait_ms = wait_ms
        args.write(self._oprot)
        self._oprot.writeMessageEnd()
        self._oprot.trans.flush()

    def recv_attach(self):
        iprot = self._iprot
        (fname, mtype, rseqid) = iprot.readMessageBegin()
        if mtype == TMessageType.EXCEPTION:
            x = TApplicationException()
            x.read(iprot)
            iprot.readMessageEnd()
            raise x
        result = attach_result()
        result.read(iprot)
        iprot.readMessageEnd()
        if result.success is not None:
            return result.success
        if result.wrong is not None:
            raise result.wrong
        if result.not_yet is not None:
            raise result.not_yet
        if result.malformed is not None:
            raise result.malformed
        if result.busy is not None:
            raise result.busy
        raise TApplicationException(TApplicationException.MISSING_RESULT, "attach failed: unknown result")


class Processor(Iface, TProcessor):
    def __init__(self, handler):
        self._handler = handler
        self._processMap = {}
        self._processMap["hello"] = Processor.process_hello
        self._processMap["next_hop"] = Processor.process_next_hop
        self._processMap["neighbours"] = Processor.process_neighbours
        self._processMap["notify"] = Processor.process_notify
        self._processMap["nudge"] = Processor.process_nudge
        self._processMap["leaving"] = Processor.process_leaving
        self._processMap["status"] = Processor.process_status
        self._processMap["put"] = Processor.process_put
        self._processMap["write"] = Processor.process_write
        self._processMap["read"] = Processor.process_read
        self._processMap["find"] = Processor.process_find
        self._processMap["range_digest"] = Processor.process_range_digest
        self._processMap["list_range"] = Processor.process_list_range
        self._processMap["list_job"] = Processor.process_list_job
        self._processMap["driving"] = Processor.process_driving
        self._processMap["order"] = Processor.process_order
        self._processMap["push"] = Processor.process_push
        self._processMap["collect"] = Processor.process_collect
        self._processMap["attach"] = Processor.process_attach
        self._on_message_begin = None

    def on_message_begin(self, func):
        self._on_message_begin = func

    def process(self, iprot, oprot):
        (name, type, seqid) = iprot.readMessageBegin()
        if self._on_message_begin:
            self._on_message_begin(name, type, seqid)
        if name not in self._processMap:
            iprot.skip(TType.STRUCT)
            iprot.readMessageEnd()
            x = TApplicationException(TApplicationException.UNKNOWN_METHOD, 'Unknown function %s' % (name))
            oprot.writeMessageBegin(name, TMessageType.EXCEPTION, seqid)
            x.write(oprot)
            oprot.writeMessageEnd()
            oprot.trans.flush()
            return
        else:
            self._processMap[name](self, seqid, iprot, oprot)
        return True

    def process_hello(self, seqid, iprot, oprot):
        args = hello_args()
        args.read(iprot)
        iprot.readMessageEnd()
        result = hello_result()
        try:
            result.success = self._handler.hello()
            msg_type = TMessageType.REPLY
        except TTransport.TTransportException:
            raise
        except NotYet as not_yet:
            msg_type = TMessageType.REPLY
            result.not_yet = not_yet
        except TApplicationException as ex:
            logging.exception('TApplication exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = ex
        except Exception:
            logging.exception('Unexpected exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = TApplicationException(TApplicationException.INTERNAL_ERROR, 'Internal error')
        oprot.writeMessageBegin("hello", msg_type, seqid)
        result.write(oprot)
        oprot.writeMessageEnd()
        oprot.trans.flush()

    def process_next_hop(self, seqid, iprot, oprot):
        args = next_hop_args()
        args.read(iprot)
        iprot.readMessageEnd()
        result = next_hop_result()
        try:
            result.success = self._handler.next_hop(args.target, args.key, args.failed)
            msg_type = TMessageType.REPLY
        except TTransport.TTransportException:
            raise
        except WrongIncarnation as wrong:
            msg_type = TMessageType.REPLY
            result.wrong = wrong
        except NotYet as not_yet:
            msg_type = TMessageType.REPLY
            result.not_yet = not_yet
        except Malformed as malformed:
            msg_type = TMessageType.REPLY
            result.malformed = malformed
        except TApplicationException as ex:
            logging.exception('TApplication exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = ex
        except Exception:
            logging.exception('Unexpected exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = TApplicationException(TApplicationException.INTERNAL_ERROR, 'Internal error')
        oprot.writeMessageBegin("next_hop", msg_type, seqid)
        result.write(oprot)
        oprot.writeMessageEnd()
        oprot.trans.flush()

    def process_neighbours(self, seqid, iprot, oprot):
        args = neighbours_args()
        args.read(iprot)
        iprot.readMessageEnd()
        result = neighbours_result()
        try:
            result.success = self._handler.neighbours(args.target)
            msg_type = TMessageType.REPLY
        except TTransport.TTransportException:
            raise
        except WrongIncarnation as wrong:
            msg_type = TMessageType.REPLY
            result.wrong = wrong
        except NotYet as not_yet:
            msg_type = TMessageType.REPLY
            result.not_yet = not_yet
        except TApplicationException as ex:
            logging.exception('TApplication exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = ex
        except Exception:
            logging.exception('Unexpected exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = TApplicationException(TApplicationException.INTERNAL_ERROR, 'Internal error')
        oprot.writeMessageBegin("neighbours", msg_type, seqid)
        result.write(oprot)
        oprot.writeMessageEnd()
        oprot.trans.flush()

    def process_notify(self, seqid, iprot, oprot):
        args = notify_args()
        args.read(iprot)
        iprot.readMessageEnd()
        result = notify_result()
        try:
            self._handler.notify(args.target, args.sender)
            msg_type = TMessageType.REPLY
        except TTransport.TTransportException:
            raise
        except WrongIncarnation as wrong:
            msg_type = TMessageType.REPLY
            result.wrong = wrong
        except NotYet as not_yet:
            msg_type = TMessageType.REPLY
            result.not_yet = not_yet
        except Busy as busy:
            msg_type = TMessageType.REPLY
            result.busy = busy
        except Malformed as malformed:
            msg_type = TMessageType.REPLY
            result.malformed = malformed
        except TApplicationException as ex:
            logging.exception('TApplication exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = ex
        except Exception:
            logging.exception('Unexpected exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = TApplicationException(TApplicationException.INTERNAL_ERROR, 'Internal error')
        oprot.writeMessageBegin("notify", msg_type, seqid)
        result.write(oprot)
        oprot.writeMessageEnd()
        oprot.trans.flush()

    def process_nudge(self, seqid, iprot, oprot):
        args = nudge_args()
        args.read(iprot)
        iprot.readMessageEnd()
        result = nudge_result()
        try:
            self._handler.nudge(args.target)
            msg_type = TMessageType.REPLY
        except TTransport.TTransportException:
            raise
        except WrongIncarnation as wrong:
            msg_type = TMessageType.REPLY
            result.wrong = wrong
        except NotYet as not_yet:
            msg_type = TMessageType.REPLY
            result.not_yet = not_yet
        except TApplicationException as ex:
            logging.exception('TApplication exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = ex
        except Exception:
            logging.exception('Unexpected exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = TApplicationException(TApplicationException.INTERNAL_ERROR, 'Internal error')
        oprot.writeMessageBegin("nudge", msg_type, seqid)
        result.write(oprot)
        oprot.writeMessageEnd()
        oprot.trans.flush()

    def process_leaving(self, seqid, iprot, oprot):
        args = leaving_args()
        args.read(iprot)
        iprot.readMessageEnd()
        result = leaving_result()
        try:
            self._handler.leaving(args.target, args.sender)
            msg_type = TMessageType.REPLY
        except TTransport.TTransportException:
            raise
        except WrongIncarnation as wrong:
            msg_type = TMessageType.REPLY
            result.wrong = wrong
        except NotYet as not_yet:
            msg_type = TMessageType.REPLY
            result.not_yet = not_yet
        except Malformed as malformed:
            msg_type = TMessageType.REPLY
            result.malformed = malformed
        except TApplicationException as ex:
            logging.exception('TApplication exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = ex
        except Exception:
            logging.exception('Unexpected exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = TApplicationException(TApplicationException.INTERNAL_ERROR, 'Internal error')
        oprot.writeMessageBegin("leaving", msg_type, seqid)
        result.write(oprot)
        oprot.writeMessageEnd()
        oprot.trans.flush()

    def process_status(self, seqid, iprot, oprot):
        args = status_args()
        args.read(iprot)
        iprot.readMessageEnd()
        result = status_result()
        try:
            result.success = self._handler.status(args.target)
            msg_type = TMessageType.REPLY
        except TTransport.TTransportException:
            raise
        except WrongIncarnation as wrong:
            msg_type = TMessageType.REPLY
            result.wrong = wrong
        except NotYet as not_yet:
            msg_type = TMessageType.REPLY
            result.not_yet = not_yet
        except TApplicationException as ex:
            logging.exception('TApplication exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = ex
        except Exception:
            logging.exception('Unexpected exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = TApplicationException(TApplicationException.INTERNAL_ERROR, 'Internal error')
        oprot.writeMessageBegin("status", msg_type, seqid)
        result.write(oprot)
        oprot.writeMessageEnd()
        oprot.trans.flush()

    def process_put(self, seqid, iprot, oprot):
        args = put_args()
        args.read(iprot)
        iprot.readMessageEnd()
        result = put_result()
        try:
            result.success = self._handler.put(args.target, args.parcels, args.to_owner)
            msg_type = TMessageType.REPLY
        except TTransport.TTransportException:
            raise
        except WrongIncarnation as wrong:
            msg_type = TMessageType.REPLY
            result.wrong = wrong
        except NotYet as not_yet:
            msg_type = TMessageType.REPLY
            result.not_yet = not_yet
        except Malformed as malformed:
            msg_type = TMessageType.REPLY
            result.malformed = malformed
        except StoreFull as full:
            msg_type = TMessageType.REPLY
            result.full = full
        except Corrupt as corrupt:
            msg_type = TMessageType.REPLY
            result.corrupt = corrupt
        except NotOwner as not_owner:
            msg_type = TMessageType.REPLY
            result.not_owner = not_owner
        except TApplicationException as ex:
            logging.exception('TApplication exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = ex
        except Exception:
            logging.exception('Unexpected exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = TApplicationException(TApplicationException.INTERNAL_ERROR, 'Internal error')
        oprot.writeMessageBegin("put", msg_type, seqid)
        result.write(oprot)
        oprot.writeMessageEnd()
        oprot.trans.flush()

    def process_write(self, seqid, iprot, oprot):
        args = write_args()
        args.read(iprot)
        iprot.readMessageEnd()
        result = write_result()
        try:
            result.success = self._handler.write(args.target, args.digest, args.size, args.offset, args.piece)
            msg_type = TMessageType.REPLY
        except TTransport.TTransportException:
            raise
        except WrongIncarnation as wrong:
            msg_type = TMessageType.REPLY
            result.wrong = wrong
        except NotYet as not_yet:
            msg_type = TMessageType.REPLY
            result.not_yet = not_yet
        except Malformed as malformed:
            msg_type = TMessageType.REPLY
            result.malformed = malformed
        except StoreFull as full:
            msg_type = TMessageType.REPLY
            result.full = full
        except Corrupt as corrupt:
            msg_type = TMessageType.REPLY
            result.corrupt = corrupt
        except TApplicationException as ex:
            logging.exception('TApplication exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = ex
        except Exception:
            logging.exception('Unexpected exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = TApplicationException(TApplicationException.INTERNAL_ERROR, 'Internal error')
        oprot.writeMessageBegin("write", msg_type, seqid)
        result.write(oprot)
        oprot.writeMessageEnd()
        oprot.trans.flush()

    def process_read(self, seqid, iprot, oprot):
        args = read_args()
        args.read(iprot)
        iprot.readMessageEnd()
        result = read_result()
        try:
            result.success = self._handler.read(args.target, args.digest, args.offset, args.length)
            msg_type = TMessageType.REPLY
        except TTransport.TTransportException:
            raise
        except WrongIncarnation as wrong:
            msg_type = TMessageType.REPLY
            result.wrong = wrong
        except NotYet as not_yet:
            msg_type = TMessageType.REPLY
            result.not_yet = not_yet
        except Malformed as malformed:
            msg_type = TMessageType.REPLY
            result.malformed = malformed
        except NotFound as not_found:
            msg_type = TMessageType.REPLY
            result.not_found = not_found
        except Corrupt as corrupt:
            msg_type = TMessageType.REPLY
            result.corrupt = corrupt
        except TApplicationException as ex:
            logging.exception('TApplication exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = ex
        except Exception:
            logging.exception('Unexpected exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = TApplicationException(TApplicationException.INTERNAL_ERROR, 'Internal error')
        oprot.writeMessageBegin("read", msg_type, seqid)
        result.write(oprot)
        oprot.writeMessageEnd()
        oprot.trans.flush()

    def process_find(self, seqid, iprot, oprot):
        args = find_args()
        args.read(iprot)
        iprot.readMessageEnd()
        result = find_result()
        try:
            result.success = self._handler.find(args.target, args.key, args.names)
            msg_type = TMessageType.REPLY
        except TTransport.TTransportException:
            raise
        except WrongIncarnation as wrong:
            msg_type = TMessageType.REPLY
            result.wrong = wrong
        except NotYet as not_yet:
            msg_type = TMessageType.REPLY
            result.not_yet = not_yet
        except Malformed as malformed:
            msg_type = TMessageType.REPLY
            result.malformed = malformed
        except TApplicationException as ex:
            logging.exception('TApplication exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = ex
        except Exception:
            logging.exception('Unexpected exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = TApplicationException(TApplicationException.INTERNAL_ERROR, 'Internal error')
        oprot.writeMessageBegin("find", msg_type, seqid)
        result.write(oprot)
        oprot.writeMessageEnd()
        oprot.trans.flush()

    def process_range_digest(self, seqid, iprot, oprot):
        args = range_digest_args()
        args.read(iprot)
        iprot.readMessageEnd()
        result = range_digest_result()
        try:
            result.success = self._handler.range_digest(args.target, args.start, args.end)
            msg_type = TMessageType.REPLY
        except TTransport.TTransportException:
            raise
        except WrongIncarnation as wrong:
            msg_type = TMessageType.REPLY
            result.wrong = wrong
        except NotYet as not_yet:
            msg_type = TMessageType.REPLY
            result.not_yet = not_yet
        except Malformed as malformed:
            msg_type = TMessageType.REPLY
            result.malformed = malformed
        except TApplicationException as ex:
            logging.exception('TApplication exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = ex
        except Exception:
            logging.exception('Unexpected exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = TApplicationException(TApplicationException.INTERNAL_ERROR, 'Internal error')
        oprot.writeMessageBegin("range_digest", msg_type, seqid)
        result.write(oprot)
        oprot.writeMessageEnd()
        oprot.trans.flush()

    def process_list_range(self, seqid, iprot, oprot):
        args = list_range_args()
        args.read(iprot)
        iprot.readMessageEnd()
        result = list_range_result()
        try:
            result.success = self._handler.list_range(args.target, args.start, args.end)
            msg_type = TMessageType.REPLY
        except TTransport.TTransportException:
            raise
        except WrongIncarnation as wrong:
            msg_type = TMessageType.REPLY
            result.wrong = wrong
        except NotYet as not_yet:
            msg_type = TMessageType.REPLY
            result.not_yet = not_yet
        except Malformed as malformed:
            msg_type = TMessageType.REPLY
            result.malformed = malformed
        except TApplicationException as ex:
            logging.exception('TApplication exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = ex
        except Exception:
            logging.exception('Unexpected exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = TApplicationException(TApplicationException.INTERNAL_ERROR, 'Internal error')
        oprot.writeMessageBegin("list_range", msg_type, seqid)
        result.write(oprot)
        oprot.writeMessageEnd()
        oprot.trans.flush()

    def process_list_job(self, seqid, iprot, oprot):
        args = list_job_args()
        args.read(iprot)
        iprot.readMessageEnd()
        result = list_job_result()
        try:
            result.success = self._handler.list_job(args.target, args.job)
            msg_type = TMessageType.REPLY
        except TTransport.TTransportException:
            raise
        except WrongIncarnation as wrong:
            msg_type = TMessageType.REPLY
            result.wrong = wrong
        except NotYet as not_yet:
            msg_type = TMessageType.REPLY
            result.not_yet = not_yet
        except Malformed as malformed:
            msg_type = TMessageType.REPLY
            result.malformed = malformed
        except NotFound as not_found:
            msg_type = TMessageType.REPLY
            result.not_found = not_found
        except Corrupt as corrupt:
            msg_type = TMessageType.REPLY
            result.corrupt = corrupt
        except TApplicationException as ex:
            logging.exception('TApplication exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = ex
        except Exception:
            logging.exception('Unexpected exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = TApplicationException(TApplicationException.INTERNAL_ERROR, 'Internal error')
        oprot.writeMessageBegin("list_job", msg_type, seqid)
        result.write(oprot)
        oprot.writeMessageEnd()
        oprot.trans.flush()

    def process_driving(self, seqid, iprot, oprot):
        args = driving_args()
        args.read(iprot)
        iprot.readMessageEnd()
        result = driving_result()
        try:
            self._handler.driving(args.target, args.job)
            msg_type = TMessageType.REPLY
        except TTransport.TTransportException:
            raise
        except WrongIncarnation as wrong:
            msg_type = TMessageType.REPLY
            result.wrong = wrong
        except NotYet as not_yet:
            msg_type = TMessageType.REPLY
            result.not_yet = not_yet
        except Malformed as malformed:
            msg_type = TMessageType.REPLY
            result.malformed = malformed
        except TApplicationException as ex:
            logging.exception('TApplication exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = ex
        except Exception:
            logging.exception('Unexpected exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = TApplicationException(TApplicationException.INTERNAL_ERROR, 'Internal error')
        oprot.writeMessageBegin("driving", msg_type, seqid)
        result.write(oprot)
        oprot.writeMessageEnd()
        oprot.trans.flush()

    def process_order(self, seqid, iprot, oprot):
        args = order_args()
        args.read(iprot)
        iprot.readMessageEnd()
        result = order_result()
        try:
            result.success = self._handler.order(args.target, args.order, args.content)
            msg_type = TMessageType.REPLY
        except TTransport.TTransportException:
            raise
        except WrongIncarnation as wrong:
            msg_type = TMessageType.REPLY
            result.wrong = wrong
        except NotYet as not_yet:
            msg_type = TMessageType.REPLY
            result.not_yet = not_yet
        except Malformed as malformed:
            msg_type = TMessageType.REPLY
            result.malformed = malformed
        except Busy as busy:
            msg_type = TMessageType.REPLY
            result.busy = busy
        except StoreFull as full:
            msg_type = TMessageType.REPLY
            result.full = full
        except Corrupt as corrupt:
            msg_type = TMessageType.REPLY
            result.corrupt = corrupt
        except NotFound as not_found:
            msg_type = TMessageType.REPLY
            result.not_found = not_found
        except TApplicationException as ex:
            logging.exception('TApplication exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = ex
        except Exception:
            logging.exception('Unexpected exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = TApplicationException(TApplicationException.INTERNAL_ERROR, 'Internal error')
        oprot.writeMessageBegin("order", msg_type, seqid)
        result.write(oprot)
        oprot.writeMessageEnd()
        oprot.trans.flush()

    def process_push(self, seqid, iprot, oprot):
        args = push_args()
        args.read(iprot)
        iprot.readMessageEnd()
        result = push_result()
        try:
            self._handler.push(args.target, args.push)
            msg_type = TMessageType.REPLY
        except TTransport.TTransportException:
            raise
        except WrongIncarnation as wrong:
            msg_type = TMessageType.REPLY
            result.wrong = wrong
        except NotYet as not_yet:
            msg_type = TMessageType.REPLY
            result.not_yet = not_yet
        except Malformed as malformed:
            msg_type = TMessageType.REPLY
            result.malformed = malformed
        except NotFound as not_found:
            msg_type = TMessageType.REPLY
            result.not_found = not_found
        except TApplicationException as ex:
            logging.exception('TApplication exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = ex
        except Exception:
            logging.exception('Unexpected exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = TApplicationException(TApplicationException.INTERNAL_ERROR, 'Internal error')
        oprot.writeMessageBegin("push", msg_type, seqid)
        result.write(oprot)
        oprot.writeMessageEnd()
        oprot.trans.flush()

    def process_collect(self, seqid, iprot, oprot):
        args = collect_args()
        args.read(iprot)
        iprot.readMessageEnd()
        result = collect_result()
        try:
            result.success = self._handler.collect(args.target, args.ticket, args.wait_ms, args.packed)
            msg_type = TMessageType.REPLY
        except TTransport.TTransportException:
            raise
        except WrongIncarnation as wrong:
            msg_type = TMessageType.REPLY
            result.wrong = wrong
        except NotYet as not_yet:
            msg_type = TMessageType.REPLY
            result.not_yet = not_yet
        except Malformed as malformed:
            msg_type = TMessageType.REPLY
            result.malformed = malformed
        except NotFound as not_found:
            msg_type = TMessageType.REPLY
            result.not_found = not_found
        except TApplicationException as ex:
            logging.exception('TApplication exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = ex
        except Exception:
            logging.exception('Unexpected exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = TApplicationException(TApplicationException.INTERNAL_ERROR, 'Internal error')
        oprot.writeMessageBegin("collect", msg_type, seqid)
        result.write(oprot)
        oprot.writeMessageEnd()
        oprot.trans.flush()

    def process_attach(self, seqid, iprot, oprot):
        args = attach_args()
        args.read(iprot)
        iprot.readMessageEnd()
        result = attach_result()
        try:
            result.success = self._handler.attach(args.target, args.leaf, args.number, args.tickets, args.taken, args.wait_ms)
            msg_type = TMessageType.REPLY
        except TTransport.TTransportException:
            raise
        except WrongIncarnation as wrong:
            msg_type = TMessageType.REPLY
            result.wrong = wrong
        except NotYet as not_yet:
            msg_type = TMessageType.REPLY
            result.not_yet = not_yet
        except Malformed as malformed:
            msg_type = TMessageType.REPLY
            result.malformed = malformed
        except Busy as busy:
            msg_type = TMessageType.REPLY
            result.busy = busy
        except TApplicationException as ex:
            logging.exception('TApplication exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = ex
        except Exception:
            logging.exception('Unexpected exception in handler')
            msg_type = TMessageType.EXCEPTION
            result = TApplicationException(TApplicationException.INTERNAL_ERROR, 'Internal error')
        oprot.writeMessageBegin("attach", msg_type, seqid)
        result.write(oprot)
        oprot.writeMessageEnd()
        oprot.trans.flush()

# HELPER FUNCTIONS AND STRUCTURES


class hello_args(object):


    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('hello_args')
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(hello_args)
hello_args.thrift_spec = (
)


class hello_result(object):
    """
    Attributes:
     - success
     - not_yet

    """


    def __init__(self, success=None, not_yet=None,):
        self.success = success
        self.not_yet = not_yet

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 0:
                if ftype == TType.STRUCT:
                    self.success = Hello()
                    self.success.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 1:
                if ftype == TType.STRUCT:
                    self.not_yet = NotYet.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('hello_result')
        if self.success is not None:
            oprot.writeFieldBegin('success', TType.STRUCT, 0)
            self.success.write(oprot)
            oprot.writeFieldEnd()
        if self.not_yet is not None:
            oprot.writeFieldBegin('not_yet', TType.STRUCT, 1)
            self.not_yet.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(hello_result)
hello_result.thrift_spec = (
    (0, TType.STRUCT, 'success', [Hello, None], None, ),  # 0
    (1, TType.STRUCT, 'not_yet', [NotYet, None], None, ),  # 1
)


class next_hop_args(object):
    """
    Attributes:
     - target
     - key
     - failed

    """


    def __init__(self, target=None, key=None, failed=None,):
        self.target = target
        self.key = key
        self.failed = failed

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    self.target = Target()
                    self.target.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRING:
                    self.key = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.LIST:
                    self.failed = []
                    (_etype143, _size140) = iprot.readListBegin()
                    for _i144 in range(_size140):
                        _elem145 = Node()
                        _elem145.read(iprot)
                        self.failed.append(_elem145)
                    iprot.readListEnd()
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('next_hop_args')
        if self.target is not None:
            oprot.writeFieldBegin('target', TType.STRUCT, 1)
            self.target.write(oprot)
            oprot.writeFieldEnd()
        if self.key is not None:
            oprot.writeFieldBegin('key', TType.STRING, 2)
            oprot.writeBinary(self.key)
            oprot.writeFieldEnd()
        if self.failed is not None:
            oprot.writeFieldBegin('failed', TType.LIST, 3)
            oprot.writeListBegin(TType.STRUCT, len(self.failed))
            for iter146 in self.failed:
                iter146.write(oprot)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(next_hop_args)
next_hop_args.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'target', [Target, None], None, ),  # 1
    (2, TType.STRING, 'key', 'BINARY', None, ),  # 2
    (3, TType.LIST, 'failed', (TType.STRUCT, [Node, None], False), None, ),  # 3
)


class next_hop_result(object):
    """
    Attributes:
     - success
     - wrong
     - not_yet
     - malformed

    """


    def __init__(self, success=None, wrong=None, not_yet=None, malformed=None,):
        self.success = success
        self.wrong = wrong
        self.not_yet = not_yet
        self.malformed = malformed

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 0:
                if ftype == TType.STRUCT:
                    self.success = Hop()
                    self.success.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 1:
                if ftype == TType.STRUCT:
                    self.wrong = WrongIncarnation.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.not_yet = NotYet.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRUCT:
                    self.malformed = Malformed.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('next_hop_result')
        if self.success is not None:
            oprot.writeFieldBegin('success', TType.STRUCT, 0)
            self.success.write(oprot)
            oprot.writeFieldEnd()
        if self.wrong is not None:
            oprot.writeFieldBegin('wrong', TType.STRUCT, 1)
            self.wrong.write(oprot)
            oprot.writeFieldEnd()
        if self.not_yet is not None:
            oprot.writeFieldBegin('not_yet', TType.STRUCT, 2)
            self.not_yet.write(oprot)
            oprot.writeFieldEnd()
        if self.malformed is not None:
            oprot.writeFieldBegin('malformed', TType.STRUCT, 3)
            self.malformed.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(next_hop_result)
next_hop_result.thrift_spec = (
    (0, TType.STRUCT, 'success', [Hop, None], None, ),  # 0
    (1, TType.STRUCT, 'wrong', [WrongIncarnation, None], None, ),  # 1
    (2, TType.STRUCT, 'not_yet', [NotYet, None], None, ),  # 2
    (3, TType.STRUCT, 'malformed', [Malformed, None], None, ),  # 3
)


class neighbours_args(object):
    """
    Attributes:
     - target

    """


    def __init__(self, target=None,):
        self.target = target

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    self.target = Target()
                    self.target.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('neighbours_args')
        if self.target is not None:
            oprot.writeFieldBegin('target', TType.STRUCT, 1)
            self.target.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(neighbours_args)
neighbours_args.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'target', [Target, None], None, ),  # 1
)


class neighbours_result(object):
    """
    Attributes:
     - success
     - wrong
     - not_yet

    """


    def __init__(self, success=None, wrong=None, not_yet=None,):
        self.success = success
        self.wrong = wrong
        self.not_yet = not_yet

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 0:
                if ftype == TType.STRUCT:
                    self.success = Neighbourhood()
                    self.success.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 1:
                if ftype == TType.STRUCT:
                    self.wrong = WrongIncarnation.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.not_yet = NotYet.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('neighbours_result')
        if self.success is not None:
            oprot.writeFieldBegin('success', TType.STRUCT, 0)
            self.success.write(oprot)
            oprot.writeFieldEnd()
        if self.wrong is not None:
            oprot.writeFieldBegin('wrong', TType.STRUCT, 1)
            self.wrong.write(oprot)
            oprot.writeFieldEnd()
        if self.not_yet is not None:
            oprot.writeFieldBegin('not_yet', TType.STRUCT, 2)
            self.not_yet.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(neighbours_result)
neighbours_result.thrift_spec = (
    (0, TType.STRUCT, 'success', [Neighbourhood, None], None, ),  # 0
    (1, TType.STRUCT, 'wrong', [WrongIncarnation, None], None, ),  # 1
    (2, TType.STRUCT, 'not_yet', [NotYet, None], None, ),  # 2
)


class notify_args(object):
    """
    Attributes:
     - target
     - sender

    """


    def __init__(self, target=None, sender=None,):
        self.target = target
        self.sender = sender

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    self.target = Target()
                    self.target.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.sender = Node()
                    self.sender.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('notify_args')
        if self.target is not None:
            oprot.writeFieldBegin('target', TType.STRUCT, 1)
            self.target.write(oprot)
            oprot.writeFieldEnd()
        if self.sender is not None:
            oprot.writeFieldBegin('sender', TType.STRUCT, 2)
            self.sender.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(notify_args)
notify_args.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'target', [Target, None], None, ),  # 1
    (2, TType.STRUCT, 'sender', [Node, None], None, ),  # 2
)


class notify_result(object):
    """
    Attributes:
     - wrong
     - not_yet
     - busy
     - malformed

    """


    def __init__(self, wrong=None, not_yet=None, busy=None, malformed=None,):
        self.wrong = wrong
        self.not_yet = not_yet
        self.busy = busy
        self.malformed = malformed

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    self.wrong = WrongIncarnation.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.not_yet = NotYet.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRUCT:
                    self.busy = Busy.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.STRUCT:
                    self.malformed = Malformed.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('notify_result')
        if self.wrong is not None:
            oprot.writeFieldBegin('wrong', TType.STRUCT, 1)
            self.wrong.write(oprot)
            oprot.writeFieldEnd()
        if self.not_yet is not None:
            oprot.writeFieldBegin('not_yet', TType.STRUCT, 2)
            self.not_yet.write(oprot)
            oprot.writeFieldEnd()
        if self.busy is not None:
            oprot.writeFieldBegin('busy', TType.STRUCT, 3)
            self.busy.write(oprot)
            oprot.writeFieldEnd()
        if self.malformed is not None:
            oprot.writeFieldBegin('malformed', TType.STRUCT, 4)
            self.malformed.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(notify_result)
notify_result.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'wrong', [WrongIncarnation, None], None, ),  # 1
    (2, TType.STRUCT, 'not_yet', [NotYet, None], None, ),  # 2
    (3, TType.STRUCT, 'busy', [Busy, None], None, ),  # 3
    (4, TType.STRUCT, 'malformed', [Malformed, None], None, ),  # 4
)


class nudge_args(object):
    """
    Attributes:
     - target

    """


    def __init__(self, target=None,):
        self.target = target

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    self.target = Target()
                    self.target.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('nudge_args')
        if self.target is not None:
            oprot.writeFieldBegin('target', TType.STRUCT, 1)
            self.target.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(nudge_args)
nudge_args.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'target', [Target, None], None, ),  # 1
)


class nudge_result(object):
    """
    Attributes:
     - wrong
     - not_yet

    """


    def __init__(self, wrong=None, not_yet=None,):
        self.wrong = wrong
        self.not_yet = not_yet

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    self.wrong = WrongIncarnation.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.not_yet = NotYet.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('nudge_result')
        if self.wrong is not None:
            oprot.writeFieldBegin('wrong', TType.STRUCT, 1)
            self.wrong.write(oprot)
            oprot.writeFieldEnd()
        if self.not_yet is not None:
            oprot.writeFieldBegin('not_yet', TType.STRUCT, 2)
            self.not_yet.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(nudge_result)
nudge_result.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'wrong', [WrongIncarnation, None], None, ),  # 1
    (2, TType.STRUCT, 'not_yet', [NotYet, None], None, ),  # 2
)


class leaving_args(object):
    """
    Attributes:
     - target
     - sender

    """


    def __init__(self, target=None, sender=None,):
        self.target = target
        self.sender = sender

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    self.target = Target()
                    self.target.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.sender = Node()
                    self.sender.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('leaving_args')
        if self.target is not None:
            oprot.writeFieldBegin('target', TType.STRUCT, 1)
            self.target.write(oprot)
            oprot.writeFieldEnd()
        if self.sender is not None:
            oprot.writeFieldBegin('sender', TType.STRUCT, 2)
            self.sender.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(leaving_args)
leaving_args.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'target', [Target, None], None, ),  # 1
    (2, TType.STRUCT, 'sender', [Node, None], None, ),  # 2
)


class leaving_result(object):
    """
    Attributes:
     - wrong
     - not_yet
     - malformed

    """


    def __init__(self, wrong=None, not_yet=None, malformed=None,):
        self.wrong = wrong
        self.not_yet = not_yet
        self.malformed = malformed

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    self.wrong = WrongIncarnation.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.not_yet = NotYet.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRUCT:
                    self.malformed = Malformed.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('leaving_result')
        if self.wrong is not None:
            oprot.writeFieldBegin('wrong', TType.STRUCT, 1)
            self.wrong.write(oprot)
            oprot.writeFieldEnd()
        if self.not_yet is not None:
            oprot.writeFieldBegin('not_yet', TType.STRUCT, 2)
            self.not_yet.write(oprot)
            oprot.writeFieldEnd()
        if self.malformed is not None:
            oprot.writeFieldBegin('malformed', TType.STRUCT, 3)
            self.malformed.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(leaving_result)
leaving_result.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'wrong', [WrongIncarnation, None], None, ),  # 1
    (2, TType.STRUCT, 'not_yet', [NotYet, None], None, ),  # 2
    (3, TType.STRUCT, 'malformed', [Malformed, None], None, ),  # 3
)


class status_args(object):
    """
    Attributes:
     - target

    """


    def __init__(self, target=None,):
        self.target = target

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    self.target = Target()
                    self.target.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('status_args')
        if self.target is not None:
            oprot.writeFieldBegin('target', TType.STRUCT, 1)
            self.target.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(status_args)
status_args.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'target', [Target, None], None, ),  # 1
)


class status_result(object):
    """
    Attributes:
     - success
     - wrong
     - not_yet

    """


    def __init__(self, success=None, wrong=None, not_yet=None,):
        self.success = success
        self.wrong = wrong
        self.not_yet = not_yet

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 0:
                if ftype == TType.STRUCT:
                    self.success = Status()
                    self.success.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 1:
                if ftype == TType.STRUCT:
                    self.wrong = WrongIncarnation.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.not_yet = NotYet.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('status_result')
        if self.success is not None:
            oprot.writeFieldBegin('success', TType.STRUCT, 0)
            self.success.write(oprot)
            oprot.writeFieldEnd()
        if self.wrong is not None:
            oprot.writeFieldBegin('wrong', TType.STRUCT, 1)
            self.wrong.write(oprot)
            oprot.writeFieldEnd()
        if self.not_yet is not None:
            oprot.writeFieldBegin('not_yet', TType.STRUCT, 2)
            self.not_yet.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(status_result)
status_result.thrift_spec = (
    (0, TType.STRUCT, 'success', [Status, None], None, ),  # 0
    (1, TType.STRUCT, 'wrong', [WrongIncarnation, None], None, ),  # 1
    (2, TType.STRUCT, 'not_yet', [NotYet, None], None, ),  # 2
)


class put_args(object):
    """
    Attributes:
     - target
     - parcels
     - to_owner

    """


    def __init__(self, target=None, parcels=None, to_owner=None,):
        self.target = target
        self.parcels = parcels
        self.to_owner = to_owner

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    self.target = Target()
                    self.target.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.LIST:
                    self.parcels = []
                    (_etype150, _size147) = iprot.readListBegin()
                    for _i151 in range(_size147):
                        _elem152 = Parcel()
                        _elem152.read(iprot)
                        self.parcels.append(_elem152)
                    iprot.readListEnd()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.BOOL:
                    self.to_owner = iprot.readBool()
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('put_args')
        if self.target is not None:
            oprot.writeFieldBegin('target', TType.STRUCT, 1)
            self.target.write(oprot)
            oprot.writeFieldEnd()
        if self.parcels is not None:
            oprot.writeFieldBegin('parcels', TType.LIST, 2)
            oprot.writeListBegin(TType.STRUCT, len(self.parcels))
            for iter153 in self.parcels:
                iter153.write(oprot)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        if self.to_owner is not None:
            oprot.writeFieldBegin('to_owner', TType.BOOL, 3)
            oprot.writeBool(self.to_owner)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(put_args)
put_args.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'target', [Target, None], None, ),  # 1
    (2, TType.LIST, 'parcels', (TType.STRUCT, [Parcel, None], False), None, ),  # 2
    (3, TType.BOOL, 'to_owner', None, None, ),  # 3
)


class put_result(object):
    """
    Attributes:
     - success
     - wrong
     - not_yet
     - malformed
     - full
     - corrupt
     - not_owner

    """


    def __init__(self, success=None, wrong=None, not_yet=None, malformed=None, full=None, corrupt=None, not_owner=None,):
        self.success = success
        self.wrong = wrong
        self.not_yet = not_yet
        self.malformed = malformed
        self.full = full
        self.corrupt = corrupt
        self.not_owner = not_owner

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 0:
                if ftype == TType.LIST:
                    self.success = []
                    (_etype157, _size154) = iprot.readListBegin()
                    for _i158 in range(_size154):
                        _elem159 = Receipt()
                        _elem159.read(iprot)
                        self.success.append(_elem159)
                    iprot.readListEnd()
                else:
                    iprot.skip(ftype)
            elif fid == 1:
                if ftype == TType.STRUCT:
                    self.wrong = WrongIncarnation.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.not_yet = NotYet.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRUCT:
                    self.malformed = Malformed.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.STRUCT:
                    self.full = StoreFull.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 5:
                if ftype == TType.STRUCT:
                    self.corrupt = Corrupt.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 6:
                if ftype == TType.STRUCT:
                    self.not_owner = NotOwner.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('put_result')
        if self.success is not None:
            oprot.writeFieldBegin('success', TType.LIST, 0)
            oprot.writeListBegin(TType.STRUCT, len(self.success))
            for iter160 in self.success:
                iter160.write(oprot)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        if self.wrong is not None:
            oprot.writeFieldBegin('wrong', TType.STRUCT, 1)
            self.wrong.write(oprot)
            oprot.writeFieldEnd()
        if self.not_yet is not None:
            oprot.writeFieldBegin('not_yet', TType.STRUCT, 2)
            self.not_yet.write(oprot)
            oprot.writeFieldEnd()
        if self.malformed is not None:
            oprot.writeFieldBegin('malformed', TType.STRUCT, 3)
            self.malformed.write(oprot)
            oprot.writeFieldEnd()
        if self.full is not None:
            oprot.writeFieldBegin('full', TType.STRUCT, 4)
            self.full.write(oprot)
            oprot.writeFieldEnd()
        if self.corrupt is not None:
            oprot.writeFieldBegin('corrupt', TType.STRUCT, 5)
            self.corrupt.write(oprot)
            oprot.writeFieldEnd()
        if self.not_owner is not None:
            oprot.writeFieldBegin('not_owner', TType.STRUCT, 6)
            self.not_owner.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(put_result)
put_result.thrift_spec = (
    (0, TType.LIST, 'success', (TType.STRUCT, [Receipt, None], False), None, ),  # 0
    (1, TType.STRUCT, 'wrong', [WrongIncarnation, None], None, ),  # 1
    (2, TType.STRUCT, 'not_yet', [NotYet, None], None, ),  # 2
    (3, TType.STRUCT, 'malformed', [Malformed, None], None, ),  # 3
    (4, TType.STRUCT, 'full', [StoreFull, None], None, ),  # 4
    (5, TType.STRUCT, 'corrupt', [Corrupt, None], None, ),  # 5
    (6, TType.STRUCT, 'not_owner', [NotOwner, None], None, ),  # 6
)


class write_args(object):
    """
    Attributes:
     - target
     - digest
     - size
     - offset
     - piece

    """


    def __init__(self, target=None, digest=None, size=None, offset=None, piece=None,):
        self.target = target
        self.digest = digest
        self.size = size
        self.offset = offset
        self.piece = piece

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    self.target = Target()
                    self.target.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRING:
                    self.digest = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.I64:
                    self.size = iprot.readI64()
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.I64:
                    self.offset = iprot.readI64()
                else:
                    iprot.skip(ftype)
            elif fid == 5:
                if ftype == TType.STRING:
                    self.piece = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('write_args')
        if self.target is not None:
            oprot.writeFieldBegin('target', TType.STRUCT, 1)
            self.target.write(oprot)
            oprot.writeFieldEnd()
        if self.digest is not None:
            oprot.writeFieldBegin('digest', TType.STRING, 2)
            oprot.writeBinary(self.digest)
            oprot.writeFieldEnd()
        if self.size is not None:
            oprot.writeFieldBegin('size', TType.I64, 3)
            oprot.writeI64(self.size)
            oprot.writeFieldEnd()
        if self.offset is not None:
            oprot.writeFieldBegin('offset', TType.I64, 4)
            oprot.writeI64(self.offset)
            oprot.writeFieldEnd()
        if self.piece is not None:
            oprot.writeFieldBegin('piece', TType.STRING, 5)
            oprot.writeBinary(self.piece)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(write_args)
write_args.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'target', [Target, None], None, ),  # 1
    (2, TType.STRING, 'digest', 'BINARY', None, ),  # 2
    (3, TType.I64, 'size', None, None, ),  # 3
    (4, TType.I64, 'offset', None, None, ),  # 4
    (5, TType.STRING, 'piece', 'BINARY', None, ),  # 5
)


class write_result(object):
    """
    Attributes:
     - success
     - wrong
     - not_yet
     - malformed
     - full
     - corrupt

    """


    def __init__(self, success=None, wrong=None, not_yet=None, malformed=None, full=None, corrupt=None,):
        self.success = success
        self.wrong = wrong
        self.not_yet = not_yet
        self.malformed = malformed
        self.full = full
        self.corrupt = corrupt

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 0:
                if ftype == TType.STRUCT:
                    self.success = Receipt()
                    self.success.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 1:
                if ftype == TType.STRUCT:
                    self.wrong = WrongIncarnation.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.not_yet = NotYet.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRUCT:
                    self.malformed = Malformed.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.STRUCT:
                    self.full = StoreFull.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 5:
                if ftype == TType.STRUCT:
                    self.corrupt = Corrupt.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('write_result')
        if self.success is not None:
            oprot.writeFieldBegin('success', TType.STRUCT, 0)
            self.success.write(oprot)
            oprot.writeFieldEnd()
        if self.wrong is not None:
            oprot.writeFieldBegin('wrong', TType.STRUCT, 1)
            self.wrong.write(oprot)
            oprot.writeFieldEnd()
        if self.not_yet is not None:
            oprot.writeFieldBegin('not_yet', TType.STRUCT, 2)
            self.not_yet.write(oprot)
            oprot.writeFieldEnd()
        if self.malformed is not None:
            oprot.writeFieldBegin('malformed', TType.STRUCT, 3)
            self.malformed.write(oprot)
            oprot.writeFieldEnd()
        if self.full is not None:
            oprot.writeFieldBegin('full', TType.STRUCT, 4)
            self.full.write(oprot)
            oprot.writeFieldEnd()
        if self.corrupt is not None:
            oprot.writeFieldBegin('corrupt', TType.STRUCT, 5)
            self.corrupt.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(write_result)
write_result.thrift_spec = (
    (0, TType.STRUCT, 'success', [Receipt, None], None, ),  # 0
    (1, TType.STRUCT, 'wrong', [WrongIncarnation, None], None, ),  # 1
    (2, TType.STRUCT, 'not_yet', [NotYet, None], None, ),  # 2
    (3, TType.STRUCT, 'malformed', [Malformed, None], None, ),  # 3
    (4, TType.STRUCT, 'full', [StoreFull, None], None, ),  # 4
    (5, TType.STRUCT, 'corrupt', [Corrupt, None], None, ),  # 5
)


class read_args(object):
    """
    Attributes:
     - target
     - digest
     - offset
     - length

    """


    def __init__(self, target=None, digest=None, offset=None, length=None,):
        self.target = target
        self.digest = digest
        self.offset = offset
        self.length = length

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    self.target = Target()
                    self.target.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRING:
                    self.digest = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.I64:
                    self.offset = iprot.readI64()
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.I32:
                    self.length = iprot.readI32()
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('read_args')
        if self.target is not None:
            oprot.writeFieldBegin('target', TType.STRUCT, 1)
            self.target.write(oprot)
            oprot.writeFieldEnd()
        if self.digest is not None:
            oprot.writeFieldBegin('digest', TType.STRING, 2)
            oprot.writeBinary(self.digest)
            oprot.writeFieldEnd()
        if self.offset is not None:
            oprot.writeFieldBegin('offset', TType.I64, 3)
            oprot.writeI64(self.offset)
            oprot.writeFieldEnd()
        if self.length is not None:
            oprot.writeFieldBegin('length', TType.I32, 4)
            oprot.writeI32(self.length)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(read_args)
read_args.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'target', [Target, None], None, ),  # 1
    (2, TType.STRING, 'digest', 'BINARY', None, ),  # 2
    (3, TType.I64, 'offset', None, None, ),  # 3
    (4, TType.I32, 'length', None, None, ),  # 4
)


class read_result(object):
    """
    Attributes:
     - success
     - wrong
     - not_yet
     - malformed
     - not_found
     - corrupt

    """


    def __init__(self, success=None, wrong=None, not_yet=None, malformed=None, not_found=None, corrupt=None,):
        self.success = success
        self.wrong = wrong
        self.not_yet = not_yet
        self.malformed = malformed
        self.not_found = not_found
        self.corrupt = corrupt

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 0:
                if ftype == TType.STRING:
                    self.success = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 1:
                if ftype == TType.STRUCT:
                    self.wrong = WrongIncarnation.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.not_yet = NotYet.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRUCT:
                    self.malformed = Malformed.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.STRUCT:
                    self.not_found = NotFound.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 5:
                if ftype == TType.STRUCT:
                    self.corrupt = Corrupt.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('read_result')
        if self.success is not None:
            oprot.writeFieldBegin('success', TType.STRING, 0)
            oprot.writeBinary(self.success)
            oprot.writeFieldEnd()
        if self.wrong is not None:
            oprot.writeFieldBegin('wrong', TType.STRUCT, 1)
            self.wrong.write(oprot)
            oprot.writeFieldEnd()
        if self.not_yet is not None:
            oprot.writeFieldBegin('not_yet', TType.STRUCT, 2)
            self.not_yet.write(oprot)
            oprot.writeFieldEnd()
        if self.malformed is not None:
            oprot.writeFieldBegin('malformed', TType.STRUCT, 3)
            self.malformed.write(oprot)
            oprot.writeFieldEnd()
        if self.not_found is not None:
            oprot.writeFieldBegin('not_found', TType.STRUCT, 4)
            self.not_found.write(oprot)
            oprot.writeFieldEnd()
        if self.corrupt is not None:
            oprot.writeFieldBegin('corrupt', TType.STRUCT, 5)
            self.corrupt.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(read_result)
read_result.thrift_spec = (
    (0, TType.STRING, 'success', 'BINARY', None, ),  # 0
    (1, TType.STRUCT, 'wrong', [WrongIncarnation, None], None, ),  # 1
    (2, TType.STRUCT, 'not_yet', [NotYet, None], None, ),  # 2
    (3, TType.STRUCT, 'malformed', [Malformed, None], None, ),  # 3
    (4, TType.STRUCT, 'not_found', [NotFound, None], None, ),  # 4
    (5, TType.STRUCT, 'corrupt', [Corrupt, None], None, ),  # 5
)


class find_args(object):
    """
    Attributes:
     - target
     - key
     - names

    """


    def __init__(self, target=None, key=None, names=None,):
        self.target = target
        self.key = key
        self.names = names

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    self.target = Target()
                    self.target.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRING:
                    self.key = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.LIST:
                    self.names = []
                    (_etype164, _size161) = iprot.readListBegin()
                    for _i165 in range(_size161):
                        _elem166 = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                        self.names.append(_elem166)
                    iprot.readListEnd()
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('find_args')
        if self.target is not None:
            oprot.writeFieldBegin('target', TType.STRUCT, 1)
            self.target.write(oprot)
            oprot.writeFieldEnd()
        if self.key is not None:
            oprot.writeFieldBegin('key', TType.STRING, 2)
            oprot.writeBinary(self.key)
            oprot.writeFieldEnd()
        if self.names is not None:
            oprot.writeFieldBegin('names', TType.LIST, 3)
            oprot.writeListBegin(TType.STRING, len(self.names))
            for iter167 in self.names:
                oprot.writeString(iter167.encode('utf-8') if sys.version_info[0] == 2 else iter167)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(find_args)
find_args.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'target', [Target, None], None, ),  # 1
    (2, TType.STRING, 'key', 'BINARY', None, ),  # 2
    (3, TType.LIST, 'names', (TType.STRING, 'UTF8', False), None, ),  # 3
)


class find_result(object):
    """
    Attributes:
     - success
     - wrong
     - not_yet
     - malformed

    """


    def __init__(self, success=None, wrong=None, not_yet=None, malformed=None,):
        self.success = success
        self.wrong = wrong
        self.not_yet = not_yet
        self.malformed = malformed

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 0:
                if ftype == TType.LIST:
                    self.success = []
                    (_etype171, _size168) = iprot.readListBegin()
                    for _i172 in range(_size168):
                        _elem173 = Item()
                        _elem173.read(iprot)
                        self.success.append(_elem173)
                    iprot.readListEnd()
                else:
                    iprot.skip(ftype)
            elif fid == 1:
                if ftype == TType.STRUCT:
                    self.wrong = WrongIncarnation.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.not_yet = NotYet.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRUCT:
                    self.malformed = Malformed.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('find_result')
        if self.success is not None:
            oprot.writeFieldBegin('success', TType.LIST, 0)
            oprot.writeListBegin(TType.STRUCT, len(self.success))
            for iter174 in self.success:
                iter174.write(oprot)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        if self.wrong is not None:
            oprot.writeFieldBegin('wrong', TType.STRUCT, 1)
            self.wrong.write(oprot)
            oprot.writeFieldEnd()
        if self.not_yet is not None:
            oprot.writeFieldBegin('not_yet', TType.STRUCT, 2)
            self.not_yet.write(oprot)
            oprot.writeFieldEnd()
        if self.malformed is not None:
            oprot.writeFieldBegin('malformed', TType.STRUCT, 3)
            self.malformed.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(find_result)
find_result.thrift_spec = (
    (0, TType.LIST, 'success', (TType.STRUCT, [Item, None], False), None, ),  # 0
    (1, TType.STRUCT, 'wrong', [WrongIncarnation, None], None, ),  # 1
    (2, TType.STRUCT, 'not_yet', [NotYet, None], None, ),  # 2
    (3, TType.STRUCT, 'malformed', [Malformed, None], None, ),  # 3
)


class range_digest_args(object):
    """
    Attributes:
     - target
     - start
     - end

    """


    def __init__(self, target=None, start=None, end=None,):
        self.target = target
        self.start = start
        self.end = end

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    self.target = Target()
                    self.target.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRING:
                    self.start = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRING:
                    self.end = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('range_digest_args')
        if self.target is not None:
            oprot.writeFieldBegin('target', TType.STRUCT, 1)
            self.target.write(oprot)
            oprot.writeFieldEnd()
        if self.start is not None:
            oprot.writeFieldBegin('start', TType.STRING, 2)
            oprot.writeBinary(self.start)
            oprot.writeFieldEnd()
        if self.end is not None:
            oprot.writeFieldBegin('end', TType.STRING, 3)
            oprot.writeBinary(self.end)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(range_digest_args)
range_digest_args.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'target', [Target, None], None, ),  # 1
    (2, TType.STRING, 'start', 'BINARY', None, ),  # 2
    (3, TType.STRING, 'end', 'BINARY', None, ),  # 3
)


class range_digest_result(object):
    """
    Attributes:
     - success
     - wrong
     - not_yet
     - malformed

    """


    def __init__(self, success=None, wrong=None, not_yet=None, malformed=None,):
        self.success = success
        self.wrong = wrong
        self.not_yet = not_yet
        self.malformed = malformed

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 0:
                if ftype == TType.STRUCT:
                    self.success = RangeDigest()
                    self.success.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 1:
                if ftype == TType.STRUCT:
                    self.wrong = WrongIncarnation.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.not_yet = NotYet.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRUCT:
                    self.malformed = Malformed.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('range_digest_result')
        if self.success is not None:
            oprot.writeFieldBegin('success', TType.STRUCT, 0)
            self.success.write(oprot)
            oprot.writeFieldEnd()
        if self.wrong is not None:
            oprot.writeFieldBegin('wrong', TType.STRUCT, 1)
            self.wrong.write(oprot)
            oprot.writeFieldEnd()
        if self.not_yet is not None:
            oprot.writeFieldBegin('not_yet', TType.STRUCT, 2)
            self.not_yet.write(oprot)
            oprot.writeFieldEnd()
        if self.malformed is not None:
            oprot.writeFieldBegin('malformed', TType.STRUCT, 3)
            self.malformed.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(range_digest_result)
range_digest_result.thrift_spec = (
    (0, TType.STRUCT, 'success', [RangeDigest, None], None, ),  # 0
    (1, TType.STRUCT, 'wrong', [WrongIncarnation, None], None, ),  # 1
    (2, TType.STRUCT, 'not_yet', [NotYet, None], None, ),  # 2
    (3, TType.STRUCT, 'malformed', [Malformed, None], None, ),  # 3
)


class list_range_args(object):
    """
    Attributes:
     - target
     - start
     - end

    """


    def __init__(self, target=None, start=None, end=None,):
        self.target = target
        self.start = start
        self.end = end

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    self.target = Target()
                    self.target.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRING:
                    self.start = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRING:
                    self.end = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('list_range_args')
        if self.target is not None:
            oprot.writeFieldBegin('target', TType.STRUCT, 1)
            self.target.write(oprot)
            oprot.writeFieldEnd()
        if self.start is not None:
            oprot.writeFieldBegin('start', TType.STRING, 2)
            oprot.writeBinary(self.start)
            oprot.writeFieldEnd()
        if self.end is not None:
            oprot.writeFieldBegin('end', TType.STRING, 3)
            oprot.writeBinary(self.end)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(list_range_args)
list_range_args.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'target', [Target, None], None, ),  # 1
    (2, TType.STRING, 'start', 'BINARY', None, ),  # 2
    (3, TType.STRING, 'end', 'BINARY', None, ),  # 3
)


class list_range_result(object):
    """
    Attributes:
     - success
     - wrong
     - not_yet
     - malformed

    """


    def __init__(self, success=None, wrong=None, not_yet=None, malformed=None,):
        self.success = success
        self.wrong = wrong
        self.not_yet = not_yet
        self.malformed = malformed

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 0:
                if ftype == TType.LIST:
                    self.success = []
                    (_etype178, _size175) = iprot.readListBegin()
                    for _i179 in range(_size175):
                        _elem180 = Item()
                        _elem180.read(iprot)
                        self.success.append(_elem180)
                    iprot.readListEnd()
                else:
                    iprot.skip(ftype)
            elif fid == 1:
                if ftype == TType.STRUCT:
                    self.wrong = WrongIncarnation.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.not_yet = NotYet.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRUCT:
                    self.malformed = Malformed.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('list_range_result')
        if self.success is not None:
            oprot.writeFieldBegin('success', TType.LIST, 0)
            oprot.writeListBegin(TType.STRUCT, len(self.success))
            for iter181 in self.success:
                iter181.write(oprot)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        if self.wrong is not None:
            oprot.writeFieldBegin('wrong', TType.STRUCT, 1)
            self.wrong.write(oprot)
            oprot.writeFieldEnd()
        if self.not_yet is not None:
            oprot.writeFieldBegin('not_yet', TType.STRUCT, 2)
            self.not_yet.write(oprot)
            oprot.writeFieldEnd()
        if self.malformed is not None:
            oprot.writeFieldBegin('malformed', TType.STRUCT, 3)
            self.malformed.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(list_range_result)
list_range_result.thrift_spec = (
    (0, TType.LIST, 'success', (TType.STRUCT, [Item, None], False), None, ),  # 0
    (1, TType.STRUCT, 'wrong', [WrongIncarnation, None], None, ),  # 1
    (2, TType.STRUCT, 'not_yet', [NotYet, None], None, ),  # 2
    (3, TType.STRUCT, 'malformed', [Malformed, None], None, ),  # 3
)


class list_job_args(object):
    """
    Attributes:
     - target
     - job

    """


    def __init__(self, target=None, job=None,):
        self.target = target
        self.job = job

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    self.target = Target()
                    self.target.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRING:
                    self.job = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('list_job_args')
        if self.target is not None:
            oprot.writeFieldBegin('target', TType.STRUCT, 1)
            self.target.write(oprot)
            oprot.writeFieldEnd()
        if self.job is not None:
            oprot.writeFieldBegin('job', TType.STRING, 2)
            oprot.writeString(self.job.encode('utf-8') if sys.version_info[0] == 2 else self.job)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(list_job_args)
list_job_args.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'target', [Target, None], None, ),  # 1
    (2, TType.STRING, 'job', 'UTF8', None, ),  # 2
)


class list_job_result(object):
    """
    Attributes:
     - success
     - wrong
     - not_yet
     - malformed
     - not_found
     - corrupt

    """


    def __init__(self, success=None, wrong=None, not_yet=None, malformed=None, not_found=None, corrupt=None,):
        self.success = success
        self.wrong = wrong
        self.not_yet = not_yet
        self.malformed = malformed
        self.not_found = not_found
        self.corrupt = corrupt

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 0:
                if ftype == TType.STRUCT:
                    self.success = ListedJob()
                    self.success.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 1:
                if ftype == TType.STRUCT:
                    self.wrong = WrongIncarnation.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.not_yet = NotYet.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRUCT:
                    self.malformed = Malformed.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.STRUCT:
                    self.not_found = NotFound.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 5:
                if ftype == TType.STRUCT:
                    self.corrupt = Corrupt.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('list_job_result')
        if self.success is not None:
            oprot.writeFieldBegin('success', TType.STRUCT, 0)
            self.success.write(oprot)
            oprot.writeFieldEnd()
        if self.wrong is not None:
            oprot.writeFieldBegin('wrong', TType.STRUCT, 1)
            self.wrong.write(oprot)
            oprot.writeFieldEnd()
        if self.not_yet is not None:
            oprot.writeFieldBegin('not_yet', TType.STRUCT, 2)
            self.not_yet.write(oprot)
            oprot.writeFieldEnd()
        if self.malformed is not None:
            oprot.writeFieldBegin('malformed', TType.STRUCT, 3)
            self.malformed.write(oprot)
            oprot.writeFieldEnd()
        if self.not_found is not None:
            oprot.writeFieldBegin('not_found', TType.STRUCT, 4)
            self.not_found.write(oprot)
            oprot.writeFieldEnd()
        if self.corrupt is not None:
            oprot.writeFieldBegin('corrupt', TType.STRUCT, 5)
            self.corrupt.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(list_job_result)
list_job_result.thrift_spec = (
    (0, TType.STRUCT, 'success', [ListedJob, None], None, ),  # 0
    (1, TType.STRUCT, 'wrong', [WrongIncarnation, None], None, ),  # 1
    (2, TType.STRUCT, 'not_yet', [NotYet, None], None, ),  # 2
    (3, TType.STRUCT, 'malformed', [Malformed, None], None, ),  # 3
    (4, TType.STRUCT, 'not_found', [NotFound, None], None, ),  # 4
    (5, TType.STRUCT, 'corrupt', [Corrupt, None], None, ),  # 5
)


class driving_args(object):
    """
    Attributes:
     - target
     - job

    """


    def __init__(self, target=None, job=None,):
        self.target = target
        self.job = job

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    self.target = Target()
                    self.target.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRING:
                    self.job = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('driving_args')
        if self.target is not None:
            oprot.writeFieldBegin('target', TType.STRUCT, 1)
            self.target.write(oprot)
            oprot.writeFieldEnd()
        if self.job is not None:
            oprot.writeFieldBegin('job', TType.STRING, 2)
            oprot.writeString(self.job.encode('utf-8') if sys.version_info[0] == 2 else self.job)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(driving_args)
driving_args.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'target', [Target, None], None, ),  # 1
    (2, TType.STRING, 'job', 'UTF8', None, ),  # 2
)


class driving_result(object):
    """
    Attributes:
     - wrong
     - not_yet
     - malformed

    """


    def __init__(self, wrong=None, not_yet=None, malformed=None,):
        self.wrong = wrong
        self.not_yet = not_yet
        self.malformed = malformed

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    self.wrong = WrongIncarnation.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.not_yet = NotYet.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRUCT:
                    self.malformed = Malformed.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('driving_result')
        if self.wrong is not None:
            oprot.writeFieldBegin('wrong', TType.STRUCT, 1)
            self.wrong.write(oprot)
            oprot.writeFieldEnd()
        if self.not_yet is not None:
            oprot.writeFieldBegin('not_yet', TType.STRUCT, 2)
            self.not_yet.write(oprot)
            oprot.writeFieldEnd()
        if self.malformed is not None:
            oprot.writeFieldBegin('malformed', TType.STRUCT, 3)
            self.malformed.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(driving_result)
driving_result.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'wrong', [WrongIncarnation, None], None, ),  # 1
    (2, TType.STRUCT, 'not_yet', [NotYet, None], None, ),  # 2
    (3, TType.STRUCT, 'malformed', [Malformed, None], None, ),  # 3
)


class order_args(object):
    """
    Attributes:
     - target
     - order
     - content

    """


    def __init__(self, target=None, order=None, content=None,):
        self.target = target
        self.order = order
        self.content = content

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    self.target = Target()
                    self.target.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.order = Order()
                    self.order.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRING:
                    self.content = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('order_args')
        if self.target is not None:
            oprot.writeFieldBegin('target', TType.STRUCT, 1)
            self.target.write(oprot)
            oprot.writeFieldEnd()
        if self.order is not None:
            oprot.writeFieldBegin('order', TType.STRUCT, 2)
            self.order.write(oprot)
            oprot.writeFieldEnd()
        if self.content is not None:
            oprot.writeFieldBegin('content', TType.STRING, 3)
            oprot.writeBinary(self.content)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(order_args)
order_args.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'target', [Target, None], None, ),  # 1
    (2, TType.STRUCT, 'order', [Order, None], None, ),  # 2
    (3, TType.STRING, 'content', 'BINARY', None, ),  # 3
)


class order_result(object):
    """
    Attributes:
     - success
     - wrong
     - not_yet
     - malformed
     - busy
     - full
     - corrupt
     - not_found

    """


    def __init__(self, success=None, wrong=None, not_yet=None, malformed=None, busy=None, full=None, corrupt=None, not_found=None,):
        self.success = success
        self.wrong = wrong
        self.not_yet = not_yet
        self.malformed = malformed
        self.busy = busy
        self.full = full
        self.corrupt = corrupt
        self.not_found = not_found

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 0:
                if ftype == TType.STRING:
                    self.success = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 1:
                if ftype == TType.STRUCT:
                    self.wrong = WrongIncarnation.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.not_yet = NotYet.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRUCT:
                    self.malformed = Malformed.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.STRUCT:
                    self.busy = Busy.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 5:
                if ftype == TType.STRUCT:
                    self.full = StoreFull.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 6:
                if ftype == TType.STRUCT:
                    self.corrupt = Corrupt.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 7:
                if ftype == TType.STRUCT:
                    self.not_found = NotFound.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('order_result')
        if self.success is not None:
            oprot.writeFieldBegin('success', TType.STRING, 0)
            oprot.writeString(self.success.encode('utf-8') if sys.version_info[0] == 2 else self.success)
            oprot.writeFieldEnd()
        if self.wrong is not None:
            oprot.writeFieldBegin('wrong', TType.STRUCT, 1)
            self.wrong.write(oprot)
            oprot.writeFieldEnd()
        if self.not_yet is not None:
            oprot.writeFieldBegin('not_yet', TType.STRUCT, 2)
            self.not_yet.write(oprot)
            oprot.writeFieldEnd()
        if self.malformed is not None:
            oprot.writeFieldBegin('malformed', TType.STRUCT, 3)
            self.malformed.write(oprot)
            oprot.writeFieldEnd()
        if self.busy is not None:
            oprot.writeFieldBegin('busy', TType.STRUCT, 4)
            self.busy.write(oprot)
            oprot.writeFieldEnd()
        if self.full is not None:
            oprot.writeFieldBegin('full', TType.STRUCT, 5)
            self.full.write(oprot)
            oprot.writeFieldEnd()
        if self.corrupt is not None:
            oprot.writeFieldBegin('corrupt', TType.STRUCT, 6)
            self.corrupt.write(oprot)
            oprot.writeFieldEnd()
        if self.not_found is not None:
            oprot.writeFieldBegin('not_found', TType.STRUCT, 7)
            self.not_found.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(order_result)
order_result.thrift_spec = (
    (0, TType.STRING, 'success', 'UTF8', None, ),  # 0
    (1, TType.STRUCT, 'wrong', [WrongIncarnation, None], None, ),  # 1
    (2, TType.STRUCT, 'not_yet', [NotYet, None], None, ),  # 2
    (3, TType.STRUCT, 'malformed', [Malformed, None], None, ),  # 3
    (4, TType.STRUCT, 'busy', [Busy, None], None, ),  # 4
    (5, TType.STRUCT, 'full', [StoreFull, None], None, ),  # 5
    (6, TType.STRUCT, 'corrupt', [Corrupt, None], None, ),  # 6
    (7, TType.STRUCT, 'not_found', [NotFound, None], None, ),  # 7
)


class push_args(object):
    """
    Attributes:
     - target
     - push

    """


    def __init__(self, target=None, push=None,):
        self.target = target
        self.push = push

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    self.target = Target()
                    self.target.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.push = Push()
                    self.push.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('push_args')
        if self.target is not None:
            oprot.writeFieldBegin('target', TType.STRUCT, 1)
            self.target.write(oprot)
            oprot.writeFieldEnd()
        if self.push is not None:
            oprot.writeFieldBegin('push', TType.STRUCT, 2)
            self.push.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(push_args)
push_args.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'target', [Target, None], None, ),  # 1
    (2, TType.STRUCT, 'push', [Push, None], None, ),  # 2
)


class push_result(object):
    """
    Attributes:
     - wrong
     - not_yet
     - malformed
     - not_found

    """


    def __init__(self, wrong=None, not_yet=None, malformed=None, not_found=None,):
        self.wrong = wrong
        self.not_yet = not_yet
        self.malformed = malformed
        self.not_found = not_found

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    self.wrong = WrongIncarnation.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.not_yet = NotYet.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRUCT:
                    self.malformed = Malformed.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.STRUCT:
                    self.not_found = NotFound.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('push_result')
        if self.wrong is not None:
            oprot.writeFieldBegin('wrong', TType.STRUCT, 1)
            self.wrong.write(oprot)
            oprot.writeFieldEnd()
        if self.not_yet is not None:
            oprot.writeFieldBegin('not_yet', TType.STRUCT, 2)
            self.not_yet.write(oprot)
            oprot.writeFieldEnd()
        if self.malformed is not None:
            oprot.writeFieldBegin('malformed', TType.STRUCT, 3)
            self.malformed.write(oprot)
            oprot.writeFieldEnd()
        if self.not_found is not None:
            oprot.writeFieldBegin('not_found', TType.STRUCT, 4)
            self.not_found.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(push_result)
push_result.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'wrong', [WrongIncarnation, None], None, ),  # 1
    (2, TType.STRUCT, 'not_yet', [NotYet, None], None, ),  # 2
    (3, TType.STRUCT, 'malformed', [Malformed, None], None, ),  # 3
    (4, TType.STRUCT, 'not_found', [NotFound, None], None, ),  # 4
)


class collect_args(object):
    """
    Attributes:
     - target
     - ticket
     - wait_ms
     - packed

    """


    def __init__(self, target=None, ticket=None, wait_ms=None, packed=None,):
        self.target = target
        self.ticket = ticket
        self.wait_ms = wait_ms
        self.packed = packed

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    self.target = Target()
                    self.target.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRING:
                    self.ticket = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.I32:
                    self.wait_ms = iprot.readI32()
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.BOOL:
                    self.packed = iprot.readBool()
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('collect_args')
        if self.target is not None:
            oprot.writeFieldBegin('target', TType.STRUCT, 1)
            self.target.write(oprot)
            oprot.writeFieldEnd()
        if self.ticket is not None:
            oprot.writeFieldBegin('ticket', TType.STRING, 2)
            oprot.writeString(self.ticket.encode('utf-8') if sys.version_info[0] == 2 else self.ticket)
            oprot.writeFieldEnd()
        if self.wait_ms is not None:
            oprot.writeFieldBegin('wait_ms', TType.I32, 3)
            oprot.writeI32(self.wait_ms)
            oprot.writeFieldEnd()
        if self.packed is not None:
            oprot.writeFieldBegin('packed', TType.BOOL, 4)
            oprot.writeBool(self.packed)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(collect_args)
collect_args.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'target', [Target, None], None, ),  # 1
    (2, TType.STRING, 'ticket', 'UTF8', None, ),  # 2
    (3, TType.I32, 'wait_ms', None, None, ),  # 3
    (4, TType.BOOL, 'packed', None, None, ),  # 4
)


class collect_result(object):
    """
    Attributes:
     - success
     - wrong
     - not_yet
     - malformed
     - not_found

    """


    def __init__(self, success=None, wrong=None, not_yet=None, malformed=None, not_found=None,):
        self.success = success
        self.wrong = wrong
        self.not_yet = not_yet
        self.malformed = malformed
        self.not_found = not_found

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 0:
                if ftype == TType.STRUCT:
                    self.success = Progress()
                    self.success.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 1:
                if ftype == TType.STRUCT:
                    self.wrong = WrongIncarnation.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.not_yet = NotYet.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRUCT:
                    self.malformed = Malformed.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.STRUCT:
                    self.not_found = NotFound.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('collect_result')
        if self.success is not None:
            oprot.writeFieldBegin('success', TType.STRUCT, 0)
            self.success.write(oprot)
            oprot.writeFieldEnd()
        if self.wrong is not None:
            oprot.writeFieldBegin('wrong', TType.STRUCT, 1)
            self.wrong.write(oprot)
            oprot.writeFieldEnd()
        if self.not_yet is not None:
            oprot.writeFieldBegin('not_yet', TType.STRUCT, 2)
            self.not_yet.write(oprot)
            oprot.writeFieldEnd()
        if self.malformed is not None:
            oprot.writeFieldBegin('malformed', TType.STRUCT, 3)
            self.malformed.write(oprot)
            oprot.writeFieldEnd()
        if self.not_found is not None:
            oprot.writeFieldBegin('not_found', TType.STRUCT, 4)
            self.not_found.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(collect_result)
collect_result.thrift_spec = (
    (0, TType.STRUCT, 'success', [Progress, None], None, ),  # 0
    (1, TType.STRUCT, 'wrong', [WrongIncarnation, None], None, ),  # 1
    (2, TType.STRUCT, 'not_yet', [NotYet, None], None, ),  # 2
    (3, TType.STRUCT, 'malformed', [Malformed, None], None, ),  # 3
    (4, TType.STRUCT, 'not_found', [NotFound, None], None, ),  # 4
)


class attach_args(object):
    """
    Attributes:
     - target
     - leaf
     - number
     - tickets
     - taken
     - wait_ms

    """


    def __init__(self, target=None, leaf=None, number=None, tickets=None, taken=None, wait_ms=None,):
        self.target = target
        self.leaf = leaf
        self.number = number
        self.tickets = tickets
        self.taken = taken
        self.wait_ms = wait_ms

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    self.target = Target()
                    self.target.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.leaf = Node()
                    self.leaf.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.I64:
                    self.number = iprot.readI64()
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.LIST:
                    self.tickets = []
                    (_etype185, _size182) = iprot.readListBegin()
                    for _i186 in range(_size182):
                        _elem187 = LeafTicket()
                        _elem187.read(iprot)
                        self.tickets.append(_elem187)
                    iprot.readListEnd()
                else:
                    iprot.skip(ftype)
            elif fid == 5:
                if ftype == TType.LIST:
                    self.taken = []
                    (_etype191, _size188) = iprot.readListBegin()
                    for _i192 in range(_size188):
                        _elem193 = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                        self.taken.append(_elem193)
                    iprot.readListEnd()
                else:
                    iprot.skip(ftype)
            elif fid == 6:
                if ftype == TType.I32:
                    self.wait_ms = iprot.readI32()
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('attach_args')
        if self.target is not None:
            oprot.writeFieldBegin('target', TType.STRUCT, 1)
            self.target.write(oprot)
            oprot.writeFieldEnd()
        if self.leaf is not None:
            oprot.writeFieldBegin('leaf', TType.STRUCT, 2)
            self.leaf.write(oprot)
            oprot.writeFieldEnd()
        if self.number is not None:
            oprot.writeFieldBegin('number', TType.I64, 3)
            oprot.writeI64(self.number)
            oprot.writeFieldEnd()
        if self.tickets is not None:
            oprot.writeFieldBegin('tickets', TType.LIST, 4)
            oprot.writeListBegin(TType.STRUCT, len(self.tickets))
            for iter194 in self.tickets:
                iter194.write(oprot)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        if self.taken is not None:
            oprot.writeFieldBegin('taken', TType.LIST, 5)
            oprot.writeListBegin(TType.STRING, len(self.taken))
            for iter195 in self.taken:
                oprot.writeString(iter195.encode('utf-8') if sys.version_info[0] == 2 else iter195)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        if self.wait_ms is not None:
            oprot.writeFieldBegin('wait_ms', TType.I32, 6)
            oprot.writeI32(self.wait_ms)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(attach_args)
attach_args.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'target', [Target, None], None, ),  # 1
    (2, TType.STRUCT, 'leaf', [Node, None], None, ),  # 2
    (3, TType.I64, 'number', None, None, ),  # 3
    (4, TType.LIST, 'tickets', (TType.STRUCT, [LeafTicket, None], False), None, ),  # 4
    (5, TType.LIST, 'taken', (TType.STRING, 'UTF8', False), None, ),  # 5
    (6, TType.I32, 'wait_ms', None, None, ),  # 6
)


class attach_result(object):
    """
    Attributes:
     - success
     - wrong
     - not_yet
     - malformed
     - busy

    """


    def __init__(self, success=None, wrong=None, not_yet=None, malformed=None, busy=None,):
        self.success = success
        self.wrong = wrong
        self.not_yet = not_yet
        self.malformed = malformed
        self.busy = busy

    def read(self, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and self.thrift_spec is not None:
            iprot._fast_decode(self, iprot, [self.__class__, self.thrift_spec])
            return
        iprot.readStructBegin()
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 0:
                if ftype == TType.STRUCT:
                    self.success = Errands()
                    self.success.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 1:
                if ftype == TType.STRUCT:
                    self.wrong = WrongIncarnation.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.not_yet = NotYet.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRUCT:
                    self.malformed = Malformed.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.STRUCT:
                    self.busy = Busy.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('attach_result')
        if self.success is not None:
            oprot.writeFieldBegin('success', TType.STRUCT, 0)
            self.success.write(oprot)
            oprot.writeFieldEnd()
        if self.wrong is not None:
            oprot.writeFieldBegin('wrong', TType.STRUCT, 1)
            self.wrong.write(oprot)
            oprot.writeFieldEnd()
        if self.not_yet is not None:
            oprot.writeFieldBegin('not_yet', TType.STRUCT, 2)
            self.not_yet.write(oprot)
            oprot.writeFieldEnd()
        if self.malformed is not None:
            oprot.writeFieldBegin('malformed', TType.STRUCT, 3)
            self.malformed.write(oprot)
            oprot.writeFieldEnd()
        if self.busy is not None:
            oprot.writeFieldBegin('busy', TType.STRUCT, 4)
            self.busy.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(attach_result)
attach_result.thrift_spec = (
    (0, TType.STRUCT, 'success', [Errands, None], None, ),  # 0
    (1, TType.STRUCT, 'wrong', [WrongIncarnation, None], None, ),  # 1
    (2, TType.STRUCT, 'not_yet', [NotYet, None], None, ),  # 2
    (3, TType.STRUCT, 'malformed', [Malformed, None], None, ),  # 3
    (4, TType.STRUCT, 'busy', [Busy, None], None, ),  # 4
)
fix_spec(all_structs)
del all_structs
