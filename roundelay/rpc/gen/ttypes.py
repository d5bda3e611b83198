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

from thrift.transport import TTransport
all_structs = []


class Activity(object):
    """
    What a node's trainer, or its aggregation of others' results, is doing.

    """
    MOMENTS = 1
    TRAIN = 2
    EVALUATE = 3
    MIX = 4
    AGGREGATE = 5
    DESCRIBE = 6

    _VALUES_TO_NAMES = {
        1: "MOMENTS",
        2: "TRAIN",
        3: "EVALUATE",
        4: "MIX",
        5: "AGGREGATE",
        6: "DESCRIBE",
    }

    _NAMES_TO_VALUES = {
        "MOMENTS": 1,
        "TRAIN": 2,
        "EVALUATE": 3,
        "MIX": 4,
        "AGGREGATE": 5,
        "DESCRIBE": 6,
    }


class Updates(object):
    """
    What a training returns of its files.

    """
    SUM = 1
    NORMALISED_SUM = 2
    EACH = 3
    EACH_WITH_LOSS = 4
    SUM_WITH_GRADIENT = 5

    _VALUES_TO_NAMES = {
        1: "SUM",
        2: "NORMALISED_SUM",
        3: "EACH",
        4: "EACH_WITH_LOSS",
        5: "SUM_WITH_GRADIENT",
    }

    _NAMES_TO_VALUES = {
        "SUM": 1,
        "NORMALISED_SUM": 2,
        "EACH": 3,
        "EACH_WITH_LOSS": 4,
        "SUM_WITH_GRADIENT": 5,
    }


class Node(object):
    """
    One life of a node. A node that restarts has a new incarnation and is a new member of the ring.

    Attributes:
     - id
     - host
     - port
     - incarnation

    """


    def __init__(self, id=None, host=None, port=None, incarnation=None,):
        self.id = id
        self.host = host
        self.port = port
        self.incarnation = incarnation

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
                if ftype == TType.STRING:
                    self.id = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRING:
                    self.host = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.I32:
                    self.port = iprot.readI32()
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.I64:
                    self.incarnation = iprot.readI64()
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
        oprot.writeStructBegin('Node')
        if self.id is not None:
            oprot.writeFieldBegin('id', TType.STRING, 1)
            oprot.writeBinary(self.id)
            oprot.writeFieldEnd()
        if self.host is not None:
            oprot.writeFieldBegin('host', TType.STRING, 2)
            oprot.writeString(self.host.encode('utf-8') if sys.version_info[0] == 2 else self.host)
            oprot.writeFieldEnd()
        if self.port is not None:
            oprot.writeFieldBegin('port', TType.I32, 3)
            oprot.writeI32(self.port)
            oprot.writeFieldEnd()
        if self.incarnation is not None:
            oprot.writeFieldBegin('incarnation', TType.I64, 4)
            oprot.writeI64(self.incarnation)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.id is None:
            raise TProtocolException(message='Required field id is unset!')
        if self.host is None:
            raise TProtocolException(message='Required field host is unset!')
        if self.port is None:
            raise TProtocolException(message='Required field port is unset!')
        if self.incarnation is None:
            raise TProtocolException(message='Required field incarnation is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Ring(object):
    """
    The parameters that all nodes of a ring share. A joining node gets them from the supernode.

    Attributes:
     - bits: Identifiers are 0 .. 2^bits - 1; 3 <= bits <= 160.
     - successors: Length of each successor list.
     - replicas: Number of copies of each stored entry.
     - protocol: The PROTOCOL of the process that says this. A process that speaks another one does not enter the ring.

    """


    def __init__(self, bits=None, successors=None, replicas=None, protocol=None,):
        self.bits = bits
        self.successors = successors
        self.replicas = replicas
        self.protocol = protocol

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
                if ftype == TType.I16:
                    self.bits = iprot.readI16()
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.I16:
                    self.successors = iprot.readI16()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.I16:
                    self.replicas = iprot.readI16()
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.I16:
                    self.protocol = iprot.readI16()
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
        oprot.writeStructBegin('Ring')
        if self.bits is not None:
            oprot.writeFieldBegin('bits', TType.I16, 1)
            oprot.writeI16(self.bits)
            oprot.writeFieldEnd()
        if self.successors is not None:
            oprot.writeFieldBegin('successors', TType.I16, 2)
            oprot.writeI16(self.successors)
            oprot.writeFieldEnd()
        if self.replicas is not None:
            oprot.writeFieldBegin('replicas', TType.I16, 3)
            oprot.writeI16(self.replicas)
            oprot.writeFieldEnd()
        if self.protocol is not None:
            oprot.writeFieldBegin('protocol', TType.I16, 4)
            oprot.writeI16(self.protocol)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.bits is None:
            raise TProtocolException(message='Required field bits is unset!')
        if self.successors is None:
            raise TProtocolException(message='Required field successors is unset!')
        if self.replicas is None:
            raise TProtocolException(message='Required field replicas is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Target(object):
    """
    The node that a request is meant for. Any other process at that address answers WrongIncarnation.

    Attributes:
     - id
     - incarnation

    """


    def __init__(self, id=None, incarnation=None,):
        self.id = id
        self.incarnation = incarnation

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
                if ftype == TType.STRING:
                    self.id = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.I64:
                    self.incarnation = iprot.readI64()
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
        oprot.writeStructBegin('Target')
        if self.id is not None:
            oprot.writeFieldBegin('id', TType.STRING, 1)
            oprot.writeBinary(self.id)
            oprot.writeFieldEnd()
        if self.incarnation is not None:
            oprot.writeFieldBegin('incarnation', TType.I64, 2)
            oprot.writeI64(self.incarnation)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.id is None:
            raise TProtocolException(message='Required field id is unset!')
        if self.incarnation is None:
            raise TProtocolException(message='Required field incarnation is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class WrongIncarnation(TException):
    """
    Another process listens here; the target is dead. Final.

    Attributes:
     - actual

    """


    def __init__(self, actual=None,):
        super(WrongIncarnation, self).__setattr__('actual', actual)

    def __setattr__(self, *args):
        raise TypeError("can't modify immutable instance")

    def __delattr__(self, *args):
        raise TypeError("can't modify immutable instance")

    def __hash__(self):
        return hash(self.__class__) ^ hash((self.actual, ))

    @classmethod
    def read(cls, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and cls.thrift_spec is not None:
            return iprot._fast_decode(None, iprot, [cls, cls.thrift_spec])
        iprot.readStructBegin()
        actual = None
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    actual = Node()
                    actual.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()
        return cls(
            actual=actual,
        )

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('WrongIncarnation')
        if self.actual is not None:
            oprot.writeFieldBegin('actual', TType.STRUCT, 1)
            self.actual.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.actual is None:
            raise TProtocolException(message='Required field actual is unset!')
        return

    def __str__(self):
        return repr(self)

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Busy(TException):
    """
    The node is alive, but a queue is full: try again later, or another node.

    Attributes:
     - message

    """


    def __init__(self, message=None,):
        super(Busy, self).__setattr__('message', message)

    def __setattr__(self, *args):
        raise TypeError("can't modify immutable instance")

    def __delattr__(self, *args):
        raise TypeError("can't modify immutable instance")

    def __hash__(self):
        return hash(self.__class__) ^ hash((self.message, ))

    @classmethod
    def read(cls, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and cls.thrift_spec is not None:
            return iprot._fast_decode(None, iprot, [cls, cls.thrift_spec])
        iprot.readStructBegin()
        message = None
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRING:
                    message = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()
        return cls(
            message=message,
        )

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('Busy')
        if self.message is not None:
            oprot.writeFieldBegin('message', TType.STRING, 1)
            oprot.writeString(self.message.encode('utf-8') if sys.version_info[0] == 2 else self.message)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.message is None:
            raise TProtocolException(message='Required field message is unset!')
        return

    def __str__(self):
        return repr(self)

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class NotYet(TException):
    """
    The node has not joined yet, or is still receiving a hand-off: try again soon.

    Attributes:
     - message

    """


    def __init__(self, message=None,):
        super(NotYet, self).__setattr__('message', message)

    def __setattr__(self, *args):
        raise TypeError("can't modify immutable instance")

    def __delattr__(self, *args):
        raise TypeError("can't modify immutable instance")

    def __hash__(self):
        return hash(self.__class__) ^ hash((self.message, ))

    @classmethod
    def read(cls, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and cls.thrift_spec is not None:
            return iprot._fast_decode(None, iprot, [cls, cls.thrift_spec])
        iprot.readStructBegin()
        message = None
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRING:
                    message = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()
        return cls(
            message=message,
        )

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('NotYet')
        if self.message is not None:
            oprot.writeFieldBegin('message', TType.STRING, 1)
            oprot.writeString(self.message.encode('utf-8') if sys.version_info[0] == 2 else self.message)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.message is None:
            raise TProtocolException(message='Required field message is unset!')
        return

    def __str__(self):
        return repr(self)

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class NotFound(TException):
    """
    This node does not have it. Another may.

    Attributes:
     - message

    """


    def __init__(self, message=None,):
        super(NotFound, self).__setattr__('message', message)

    def __setattr__(self, *args):
        raise TypeError("can't modify immutable instance")

    def __delattr__(self, *args):
        raise TypeError("can't modify immutable instance")

    def __hash__(self):
        return hash(self.__class__) ^ hash((self.message, ))

    @classmethod
    def read(cls, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and cls.thrift_spec is not None:
            return iprot._fast_decode(None, iprot, [cls, cls.thrift_spec])
        iprot.readStructBegin()
        message = None
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRING:
                    message = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()
        return cls(
            message=message,
        )

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('NotFound')
        if self.message is not None:
            oprot.writeFieldBegin('message', TType.STRING, 1)
            oprot.writeString(self.message.encode('utf-8') if sys.version_info[0] == 2 else self.message)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.message is None:
            raise TProtocolException(message='Required field message is unset!')
        return

    def __str__(self):
        return repr(self)

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Refused(TException):
    """
    The request is refused for the reason given. Final.

    Attributes:
     - message

    """


    def __init__(self, message=None,):
        super(Refused, self).__setattr__('message', message)

    def __setattr__(self, *args):
        raise TypeError("can't modify immutable instance")

    def __delattr__(self, *args):
        raise TypeError("can't modify immutable instance")

    def __hash__(self):
        return hash(self.__class__) ^ hash((self.message, ))

    @classmethod
    def read(cls, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and cls.thrift_spec is not None:
            return iprot._fast_decode(None, iprot, [cls, cls.thrift_spec])
        iprot.readStructBegin()
        message = None
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRING:
                    message = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()
        return cls(
            message=message,
        )

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('Refused')
        if self.message is not None:
            oprot.writeFieldBegin('message', TType.STRING, 1)
            oprot.writeString(self.message.encode('utf-8') if sys.version_info[0] == 2 else self.message)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.message is None:
            raise TProtocolException(message='Required field message is unset!')
        return

    def __str__(self):
        return repr(self)

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class StoreFull(TException):
    """
    There is no room for it on this node. Another may have room.

    Attributes:
     - message

    """


    def __init__(self, message=None,):
        super(StoreFull, self).__setattr__('message', message)

    def __setattr__(self, *args):
        raise TypeError("can't modify immutable instance")

    def __delattr__(self, *args):
        raise TypeError("can't modify immutable instance")

    def __hash__(self):
        return hash(self.__class__) ^ hash((self.message, ))

    @classmethod
    def read(cls, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and cls.thrift_spec is not None:
            return iprot._fast_decode(None, iprot, [cls, cls.thrift_spec])
        iprot.readStructBegin()
        message = None
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRING:
                    message = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()
        return cls(
            message=message,
        )

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('StoreFull')
        if self.message is not None:
            oprot.writeFieldBegin('message', TType.STRING, 1)
            oprot.writeString(self.message.encode('utf-8') if sys.version_info[0] == 2 else self.message)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.message is None:
            raise TProtocolException(message='Required field message is unset!')
        return

    def __str__(self):
        return repr(self)

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Corrupt(TException):
    """
    The bytes do not match the digest; nothing was stored.

    Attributes:
     - message

    """


    def __init__(self, message=None,):
        super(Corrupt, self).__setattr__('message', message)

    def __setattr__(self, *args):
        raise TypeError("can't modify immutable instance")

    def __delattr__(self, *args):
        raise TypeError("can't modify immutable instance")

    def __hash__(self):
        return hash(self.__class__) ^ hash((self.message, ))

    @classmethod
    def read(cls, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and cls.thrift_spec is not None:
            return iprot._fast_decode(None, iprot, [cls, cls.thrift_spec])
        iprot.readStructBegin()
        message = None
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRING:
                    message = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()
        return cls(
            message=message,
        )

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('Corrupt')
        if self.message is not None:
            oprot.writeFieldBegin('message', TType.STRING, 1)
            oprot.writeString(self.message.encode('utf-8') if sys.version_info[0] == 2 else self.message)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.message is None:
            raise TProtocolException(message='Required field message is unset!')
        return

    def __str__(self):
        return repr(self)

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Malformed(TException):
    """
    The request violates this contract: a length, a range or a name. The message names the field. Final.

    Attributes:
     - message

    """


    def __init__(self, message=None,):
        super(Malformed, self).__setattr__('message', message)

    def __setattr__(self, *args):
        raise TypeError("can't modify immutable instance")

    def __delattr__(self, *args):
        raise TypeError("can't modify immutable instance")

    def __hash__(self):
        return hash(self.__class__) ^ hash((self.message, ))

    @classmethod
    def read(cls, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and cls.thrift_spec is not None:
            return iprot._fast_decode(None, iprot, [cls, cls.thrift_spec])
        iprot.readStructBegin()
        message = None
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRING:
                    message = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()
        return cls(
            message=message,
        )

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('Malformed')
        if self.message is not None:
            oprot.writeFieldBegin('message', TType.STRING, 1)
            oprot.writeString(self.message.encode('utf-8') if sys.version_info[0] == 2 else self.message)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.message is None:
            raise TProtocolException(message='Required field message is unset!')
        return

    def __str__(self):
        return repr(self)

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class NotOwner(TException):
    """
    The node does not own the key. `nearer` is where to look for its owner.

    Attributes:
     - nearer

    """


    def __init__(self, nearer=None,):
        super(NotOwner, self).__setattr__('nearer', nearer)

    def __setattr__(self, *args):
        raise TypeError("can't modify immutable instance")

    def __delattr__(self, *args):
        raise TypeError("can't modify immutable instance")

    def __hash__(self):
        return hash(self.__class__) ^ hash((self.nearer, ))

    @classmethod
    def read(cls, iprot):
        if iprot._fast_decode is not None and isinstance(iprot.trans, TTransport.CReadableTransport) and cls.thrift_spec is not None:
            return iprot._fast_decode(None, iprot, [cls, cls.thrift_spec])
        iprot.readStructBegin()
        nearer = None
        while True:
            (fname, ftype, fid) = iprot.readFieldBegin()
            if ftype == TType.STOP:
                break
            if fid == 1:
                if ftype == TType.STRUCT:
                    nearer = Node()
                    nearer.read(iprot)
                else:
                    iprot.skip(ftype)
            else:
                iprot.skip(ftype)
            iprot.readFieldEnd()
        iprot.readStructEnd()
        return cls(
            nearer=nearer,
        )

    def write(self, oprot):
        if oprot._fast_encode is not None and self.thrift_spec is not None:
            oprot.trans.write(oprot._fast_encode(self, [self.__class__, self.thrift_spec]))
            return
        oprot.writeStructBegin('NotOwner')
        if self.nearer is not None:
            oprot.writeFieldBegin('nearer', TType.STRUCT, 1)
            self.nearer.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.nearer is None:
            raise TProtocolException(message='Required field nearer is unset!')
        return

    def __str__(self):
        return repr(self)

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Hello(object):
    """
    The node that answers at an address.

    Attributes:
     - node
     - ring
     - joined

    """


    def __init__(self, node=None, ring=None, joined=None,):
        self.node = node
        self.ring = ring
        self.joined = joined

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
                    self.node = Node()
                    self.node.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.ring = Ring()
                    self.ring.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.BOOL:
                    self.joined = iprot.readBool()
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
        oprot.writeStructBegin('Hello')
        if self.node is not None:
            oprot.writeFieldBegin('node', TType.STRUCT, 1)
            self.node.write(oprot)
            oprot.writeFieldEnd()
        if self.ring is not None:
            oprot.writeFieldBegin('ring', TType.STRUCT, 2)
            self.ring.write(oprot)
            oprot.writeFieldEnd()
        if self.joined is not None:
            oprot.writeFieldBegin('joined', TType.BOOL, 3)
            oprot.writeBool(self.joined)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.node is None:
            raise TProtocolException(message='Required field node is unset!')
        if self.ring is None:
            raise TProtocolException(message='Required field ring is unset!')
        if self.joined is None:
            raise TProtocolException(message='Required field joined is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Candidate(object):
    """
    A node nearer to the key, and the finger that points to it; without a finger, it is in the successor list.

    Attributes:
     - node
     - finger

    """


    def __init__(self, node=None, finger=None,):
        self.node = node
        self.finger = finger

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
                    self.node = Node()
                    self.node.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.I16:
                    self.finger = iprot.readI16()
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
        oprot.writeStructBegin('Candidate')
        if self.node is not None:
            oprot.writeFieldBegin('node', TType.STRUCT, 1)
            self.node.write(oprot)
            oprot.writeFieldEnd()
        if self.finger is not None:
            oprot.writeFieldBegin('finger', TType.I16, 2)
            oprot.writeI16(self.finger)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.node is None:
            raise TProtocolException(message='Required field node is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Owners(object):
    """
    The lookup ends: the live successors of the key, its owner first.

    Attributes:
     - nodes

    """


    def __init__(self, nodes=None,):
        self.nodes = nodes

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
                if ftype == TType.LIST:
                    self.nodes = []
                    (_etype3, _size0) = iprot.readListBegin()
                    for _i4 in range(_size0):
                        _elem5 = Node()
                        _elem5.read(iprot)
                        self.nodes.append(_elem5)
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
        oprot.writeStructBegin('Owners')
        if self.nodes is not None:
            oprot.writeFieldBegin('nodes', TType.LIST, 1)
            oprot.writeListBegin(TType.STRUCT, len(self.nodes))
            for iter6 in self.nodes:
                iter6.write(oprot)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.nodes is None:
            raise TProtocolException(message='Required field nodes is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Nearer(object):
    """
    The lookup goes on: nodes that precede the key, the nearest to it first.

    Attributes:
     - candidates

    """


    def __init__(self, candidates=None,):
        self.candidates = candidates

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
                if ftype == TType.LIST:
                    self.candidates = []
                    (_etype10, _size7) = iprot.readListBegin()
                    for _i11 in range(_size7):
                        _elem12 = Candidate()
                        _elem12.read(iprot)
                        self.candidates.append(_elem12)
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
        oprot.writeStructBegin('Nearer')
        if self.candidates is not None:
            oprot.writeFieldBegin('candidates', TType.LIST, 1)
            oprot.writeListBegin(TType.STRUCT, len(self.candidates))
            for iter13 in self.candidates:
                iter13.write(oprot)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.candidates is None:
            raise TProtocolException(message='Required field candidates is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Hop(object):
    """
    One step of a lookup.

    Attributes:
     - owners
     - nearer

    """


    def __init__(self, owners=None, nearer=None,):
        self.owners = owners
        self.nearer = nearer

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
                    self.owners = Owners()
                    self.owners.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.nearer = Nearer()
                    self.nearer.read(iprot)
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
        oprot.writeStructBegin('Hop')
        if self.owners is not None:
            oprot.writeFieldBegin('owners', TType.STRUCT, 1)
            self.owners.write(oprot)
            oprot.writeFieldEnd()
        if self.nearer is not None:
            oprot.writeFieldBegin('nearer', TType.STRUCT, 2)
            self.nearer.write(oprot)
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


class Neighbourhood(object):
    """
    A node's predecessor and its whole successor list. An entry without a host is a placeholder.

    Attributes:
     - predecessor
     - successors

    """


    def __init__(self, predecessor=None, successors=None,):
        self.predecessor = predecessor
        self.successors = successors

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
                    self.predecessor = Node()
                    self.predecessor.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.LIST:
                    self.successors = []
                    (_etype17, _size14) = iprot.readListBegin()
                    for _i18 in range(_size14):
                        _elem19 = Node()
                        _elem19.read(iprot)
                        self.successors.append(_elem19)
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
        oprot.writeStructBegin('Neighbourhood')
        if self.predecessor is not None:
            oprot.writeFieldBegin('predecessor', TType.STRUCT, 1)
            self.predecessor.write(oprot)
            oprot.writeFieldEnd()
        if self.successors is not None:
            oprot.writeFieldBegin('successors', TType.LIST, 2)
            oprot.writeListBegin(TType.STRUCT, len(self.successors))
            for iter20 in self.successors:
                iter20.write(oprot)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.predecessor is None:
            raise TProtocolException(message='Required field predecessor is unset!')
        if self.successors is None:
            raise TProtocolException(message='Required field successors is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class TrainingStatus(object):
    """
    The progress of the order that a node is carrying out. `file` to `loss` describe the epoch that ended last.

    Attributes:
     - job
     - round
     - activity
     - files: How many files the order names.
     - file
     - epoch
     - accuracy
     - loss

    """


    def __init__(self, job=None, round=None, activity=None, files=None, file=None, epoch=None, accuracy=None, loss=None,):
        self.job = job
        self.round = round
        self.activity = activity
        self.files = files
        self.file = file
        self.epoch = epoch
        self.accuracy = accuracy
        self.loss = loss

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
                if ftype == TType.STRING:
                    self.job = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.I32:
                    self.round = iprot.readI32()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.I32:
                    self.activity = iprot.readI32()
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.I32:
                    self.files = iprot.readI32()
                else:
                    iprot.skip(ftype)
            elif fid == 5:
                if ftype == TType.STRING:
                    self.file = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 6:
                if ftype == TType.I32:
                    self.epoch = iprot.readI32()
                else:
                    iprot.skip(ftype)
            elif fid == 7:
                if ftype == TType.DOUBLE:
                    self.accuracy = iprot.readDouble()
                else:
                    iprot.skip(ftype)
            elif fid == 8:
                if ftype == TType.DOUBLE:
                    self.loss = iprot.readDouble()
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
        oprot.writeStructBegin('TrainingStatus')
        if self.job is not None:
            oprot.writeFieldBegin('job', TType.STRING, 1)
            oprot.writeString(self.job.encode('utf-8') if sys.version_info[0] == 2 else self.job)
            oprot.writeFieldEnd()
        if self.round is not None:
            oprot.writeFieldBegin('round', TType.I32, 2)
            oprot.writeI32(self.round)
            oprot.writeFieldEnd()
        if self.activity is not None:
            oprot.writeFieldBegin('activity', TType.I32, 3)
            oprot.writeI32(self.activity)
            oprot.writeFieldEnd()
        if self.files is not None:
            oprot.writeFieldBegin('files', TType.I32, 4)
            oprot.writeI32(self.files)
            oprot.writeFieldEnd()
        if self.file is not None:
            oprot.writeFieldBegin('file', TType.STRING, 5)
            oprot.writeString(self.file.encode('utf-8') if sys.version_info[0] == 2 else self.file)
            oprot.writeFieldEnd()
        if self.epoch is not None:
            oprot.writeFieldBegin('epoch', TType.I32, 6)
            oprot.writeI32(self.epoch)
            oprot.writeFieldEnd()
        if self.accuracy is not None:
            oprot.writeFieldBegin('accuracy', TType.DOUBLE, 7)
            oprot.writeDouble(self.accuracy)
            oprot.writeFieldEnd()
        if self.loss is not None:
            oprot.writeFieldBegin('loss', TType.DOUBLE, 8)
            oprot.writeDouble(self.loss)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.job is None:
            raise TProtocolException(message='Required field job is unset!')
        if self.round is None:
            raise TProtocolException(message='Required field round is unset!')
        if self.activity is None:
            raise TProtocolException(message='Required field activity is unset!')
        if self.files is None:
            raise TProtocolException(message='Required field files is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class LeafStatus(object):
    """
    A leaf, which only dials out, as the node that it is attached to knows it.

    Attributes:
     - node
     - silent_ms: How long the node has not heard of it, in milliseconds.
     - orders: How many of its orders are not finished.
     - training

    """


    def __init__(self, node=None, silent_ms=None, orders=None, training=None,):
        self.node = node
        self.silent_ms = silent_ms
        self.orders = orders
        self.training = training

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
                    self.node = Node()
                    self.node.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.I64:
                    self.silent_ms = iprot.readI64()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.I32:
                    self.orders = iprot.readI32()
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.STRUCT:
                    self.training = TrainingStatus()
                    self.training.read(iprot)
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
        oprot.writeStructBegin('LeafStatus')
        if self.node is not None:
            oprot.writeFieldBegin('node', TType.STRUCT, 1)
            self.node.write(oprot)
            oprot.writeFieldEnd()
        if self.silent_ms is not None:
            oprot.writeFieldBegin('silent_ms', TType.I64, 2)
            oprot.writeI64(self.silent_ms)
            oprot.writeFieldEnd()
        if self.orders is not None:
            oprot.writeFieldBegin('orders', TType.I32, 3)
            oprot.writeI32(self.orders)
            oprot.writeFieldEnd()
        if self.training is not None:
            oprot.writeFieldBegin('training', TType.STRUCT, 4)
            self.training.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.node is None:
            raise TProtocolException(message='Required field node is unset!')
        if self.silent_ms is None:
            raise TProtocolException(message='Required field silent_ms is unset!')
        if self.orders is None:
            raise TProtocolException(message='Required field orders is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Status(object):
    """
    The state of a node, for tools and dashboards.

    Attributes:
     - node
     - ring
     - predecessor
     - successors
     - fingers
     - names
     - stored_bytes
     - training: Absent while the node is idle.
     - leaves: The leaves that are attached to the node.

    """


    def __init__(self, node=None, ring=None, predecessor=None, successors=None, fingers=None, names=None, stored_bytes=None, training=None, leaves=None,):
        self.node = node
        self.ring = ring
        self.predecessor = predecessor
        self.successors = successors
        self.fingers = fingers
        self.names = names
        self.stored_bytes = stored_bytes
        self.training = training
        self.leaves = leaves

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
                    self.node = Node()
                    self.node.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.ring = Ring()
                    self.ring.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRUCT:
                    self.predecessor = Node()
                    self.predecessor.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.LIST:
                    self.successors = []
                    (_etype24, _size21) = iprot.readListBegin()
                    for _i25 in range(_size21):
                        _elem26 = Node()
                        _elem26.read(iprot)
                        self.successors.append(_elem26)
                    iprot.readListEnd()
                else:
                    iprot.skip(ftype)
            elif fid == 5:
                if ftype == TType.LIST:
                    self.fingers = []
                    (_etype30, _size27) = iprot.readListBegin()
                    for _i31 in range(_size27):
                        _elem32 = Node()
                        _elem32.read(iprot)
                        self.fingers.append(_elem32)
                    iprot.readListEnd()
                else:
                    iprot.skip(ftype)
            elif fid == 6:
                if ftype == TType.LIST:
                    self.names = []
                    (_etype36, _size33) = iprot.readListBegin()
                    for _i37 in range(_size33):
                        _elem38 = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                        self.names.append(_elem38)
                    iprot.readListEnd()
                else:
                    iprot.skip(ftype)
            elif fid == 7:
                if ftype == TType.I64:
                    self.stored_bytes = iprot.readI64()
                else:
                    iprot.skip(ftype)
            elif fid == 8:
                if ftype == TType.STRUCT:
                    self.training = TrainingStatus()
                    self.training.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 9:
                if ftype == TType.LIST:
                    self.leaves = []
                    (_etype42, _size39) = iprot.readListBegin()
                    for _i43 in range(_size39):
                        _elem44 = LeafStatus()
                        _elem44.read(iprot)
                        self.leaves.append(_elem44)
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
        oprot.writeStructBegin('Status')
        if self.node is not None:
            oprot.writeFieldBegin('node', TType.STRUCT, 1)
            self.node.write(oprot)
            oprot.writeFieldEnd()
        if self.ring is not None:
            oprot.writeFieldBegin('ring', TType.STRUCT, 2)
            self.ring.write(oprot)
            oprot.writeFieldEnd()
        if self.predecessor is not None:
            oprot.writeFieldBegin('predecessor', TType.STRUCT, 3)
            self.predecessor.write(oprot)
            oprot.writeFieldEnd()
        if self.successors is not None:
            oprot.writeFieldBegin('successors', TType.LIST, 4)
            oprot.writeListBegin(TType.STRUCT, len(self.successors))
            for iter45 in self.successors:
                iter45.write(oprot)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        if self.fingers is not None:
            oprot.writeFieldBegin('fingers', TType.LIST, 5)
            oprot.writeListBegin(TType.STRUCT, len(self.fingers))
            for iter46 in self.fingers:
                iter46.write(oprot)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        if self.names is not None:
            oprot.writeFieldBegin('names', TType.LIST, 6)
            oprot.writeListBegin(TType.STRING, len(self.names))
            for iter47 in self.names:
                oprot.writeString(iter47.encode('utf-8') if sys.version_info[0] == 2 else iter47)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        if self.stored_bytes is not None:
            oprot.writeFieldBegin('stored_bytes', TType.I64, 7)
            oprot.writeI64(self.stored_bytes)
            oprot.writeFieldEnd()
        if self.training is not None:
            oprot.writeFieldBegin('training', TType.STRUCT, 8)
            self.training.write(oprot)
            oprot.writeFieldEnd()
        if self.leaves is not None:
            oprot.writeFieldBegin('leaves', TType.LIST, 9)
            oprot.writeListBegin(TType.STRUCT, len(self.leaves))
            for iter48 in self.leaves:
                iter48.write(oprot)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.node is None:
            raise TProtocolException(message='Required field node is unset!')
        if self.ring is None:
            raise TProtocolException(message='Required field ring is unset!')
        if self.predecessor is None:
            raise TProtocolException(message='Required field predecessor is unset!')
        if self.successors is None:
            raise TProtocolException(message='Required field successors is unset!')
        if self.fingers is None:
            raise TProtocolException(message='Required field fingers is unset!')
        if self.names is None:
            raise TProtocolException(message='Required field names is unset!')
        if self.stored_bytes is None:
            raise TProtocolException(message='Required field stored_bytes is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Entry(object):
    """
    The content with this digest and size, stored under `key` by this name. Names are never used as paths.

    Attributes:
     - key
     - name
     - digest
     - size

    """


    def __init__(self, key=None, name=None, digest=None, size=None,):
        self.key = key
        self.name = name
        self.digest = digest
        self.size = size

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
                if ftype == TType.STRING:
                    self.key = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRING:
                    self.name = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRING:
                    self.digest = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.I64:
                    self.size = iprot.readI64()
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
        oprot.writeStructBegin('Entry')
        if self.key is not None:
            oprot.writeFieldBegin('key', TType.STRING, 1)
            oprot.writeBinary(self.key)
            oprot.writeFieldEnd()
        if self.name is not None:
            oprot.writeFieldBegin('name', TType.STRING, 2)
            oprot.writeString(self.name.encode('utf-8') if sys.version_info[0] == 2 else self.name)
            oprot.writeFieldEnd()
        if self.digest is not None:
            oprot.writeFieldBegin('digest', TType.STRING, 3)
            oprot.writeBinary(self.digest)
            oprot.writeFieldEnd()
        if self.size is not None:
            oprot.writeFieldBegin('size', TType.I64, 4)
            oprot.writeI64(self.size)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.key is None:
            raise TProtocolException(message='Required field key is unset!')
        if self.name is None:
            raise TProtocolException(message='Required field name is unset!')
        if self.digest is None:
            raise TProtocolException(message='Required field digest is unset!')
        if self.size is None:
            raise TProtocolException(message='Required field size is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Item(object):
    """
    A version of an entry. The later version of an entry wins (by its writer's clock); of equal versions,
    the deletion wins. An item expires when its lease is not renewed; so does a deletion.

    Attributes:
     - entry
     - version
     - lease_ms
     - deleted
     - signature: In a secured ring: the signature of all but the lease (64 bytes, Ed25519), and the signer's certificate.

    """


    def __init__(self, entry=None, version=None, lease_ms=None, deleted=None, signature=None,):
        self.entry = entry
        self.version = version
        self.lease_ms = lease_ms
        self.deleted = deleted
        self.signature = signature

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
                    self.entry = Entry()
                    self.entry.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.I64:
                    self.version = iprot.readI64()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.I64:
                    self.lease_ms = iprot.readI64()
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.BOOL:
                    self.deleted = iprot.readBool()
                else:
                    iprot.skip(ftype)
            elif fid == 5:
                if ftype == TType.STRING:
                    self.signature = iprot.readBinary()
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
        oprot.writeStructBegin('Item')
        if self.entry is not None:
            oprot.writeFieldBegin('entry', TType.STRUCT, 1)
            self.entry.write(oprot)
            oprot.writeFieldEnd()
        if self.version is not None:
            oprot.writeFieldBegin('version', TType.I64, 2)
            oprot.writeI64(self.version)
            oprot.writeFieldEnd()
        if self.lease_ms is not None:
            oprot.writeFieldBegin('lease_ms', TType.I64, 3)
            oprot.writeI64(self.lease_ms)
            oprot.writeFieldEnd()
        if self.deleted is not None:
            oprot.writeFieldBegin('deleted', TType.BOOL, 4)
            oprot.writeBool(self.deleted)
            oprot.writeFieldEnd()
        if self.signature is not None:
            oprot.writeFieldBegin('signature', TType.STRING, 5)
            oprot.writeBinary(self.signature)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.entry is None:
            raise TProtocolException(message='Required field entry is unset!')
        if self.version is None:
            raise TProtocolException(message='Required field version is unset!')
        if self.lease_ms is None:
            raise TProtocolException(message='Required field lease_ms is unset!')
        if self.deleted is None:
            raise TProtocolException(message='Required field deleted is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Parcel(object):
    """
    An item and, unless the receiver is expected to have it, its whole content. At most 1 MiB in one message. A content
    that is shorter than announced is packed: see roundelay/store/packing.py.

    Attributes:
     - item
     - content

    """


    def __init__(self, item=None, content=None,):
        self.item = item
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
                    self.item = Item()
                    self.item.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
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
        oprot.writeStructBegin('Parcel')
        if self.item is not None:
            oprot.writeFieldBegin('item', TType.STRUCT, 1)
            self.item.write(oprot)
            oprot.writeFieldEnd()
        if self.content is not None:
            oprot.writeFieldBegin('content', TType.STRING, 2)
            oprot.writeBinary(self.content)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.item is None:
            raise TProtocolException(message='Required field item is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class RangeDigest(object):
    """
    The number of items on an arc of the ring, and a digest of them: equal digests mean equal items.

    Attributes:
     - count
     - digest

    """


    def __init__(self, count=None, digest=None,):
        self.count = count
        self.digest = digest

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
                if ftype == TType.I32:
                    self.count = iprot.readI32()
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.I64:
                    self.digest = iprot.readI64()
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
        oprot.writeStructBegin('RangeDigest')
        if self.count is not None:
            oprot.writeFieldBegin('count', TType.I32, 1)
            oprot.writeI32(self.count)
            oprot.writeFieldEnd()
        if self.digest is not None:
            oprot.writeFieldBegin('digest', TType.I64, 2)
            oprot.writeI64(self.digest)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.count is None:
            raise TProtocolException(message='Required field count is unset!')
        if self.digest is None:
            raise TProtocolException(message='Required field digest is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Receipt(object):
    """
    The progress of a put: stored, or the number of bytes of the content that have arrived.

    Attributes:
     - stored
     - received

    """


    def __init__(self, stored=None, received=None,):
        self.stored = stored
        self.received = received

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
                if ftype == TType.BOOL:
                    self.stored = iprot.readBool()
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.I64:
                    self.received = iprot.readI64()
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
        oprot.writeStructBegin('Receipt')
        if self.stored is not None:
            oprot.writeFieldBegin('stored', TType.BOOL, 1)
            oprot.writeBool(self.stored)
            oprot.writeFieldEnd()
        if self.received is not None:
            oprot.writeFieldBegin('received', TType.I64, 2)
            oprot.writeI64(self.received)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.stored is None:
            raise TProtocolException(message='Required field stored is unset!')
        if self.received is None:
            raise TProtocolException(message='Required field received is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class TrainingFile(object):
    """
    One training file of a job. `index` is its place in the job's sorted list of files.

    Attributes:
     - index
     - name
     - digest
     - size
     - rows

    """


    def __init__(self, index=None, name=None, digest=None, size=None, rows=None,):
        self.index = index
        self.name = name
        self.digest = digest
        self.size = size
        self.rows = rows

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
                if ftype == TType.I32:
                    self.index = iprot.readI32()
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRING:
                    self.name = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRING:
                    self.digest = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.I64:
                    self.size = iprot.readI64()
                else:
                    iprot.skip(ftype)
            elif fid == 5:
                if ftype == TType.I64:
                    self.rows = iprot.readI64()
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
        oprot.writeStructBegin('TrainingFile')
        if self.index is not None:
            oprot.writeFieldBegin('index', TType.I32, 1)
            oprot.writeI32(self.index)
            oprot.writeFieldEnd()
        if self.name is not None:
            oprot.writeFieldBegin('name', TType.STRING, 2)
            oprot.writeString(self.name.encode('utf-8') if sys.version_info[0] == 2 else self.name)
            oprot.writeFieldEnd()
        if self.digest is not None:
            oprot.writeFieldBegin('digest', TType.STRING, 3)
            oprot.writeBinary(self.digest)
            oprot.writeFieldEnd()
        if self.size is not None:
            oprot.writeFieldBegin('size', TType.I64, 4)
            oprot.writeI64(self.size)
            oprot.writeFieldEnd()
        if self.rows is not None:
            oprot.writeFieldBegin('rows', TType.I64, 5)
            oprot.writeI64(self.rows)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.index is None:
            raise TProtocolException(message='Required field index is unset!')
        if self.name is None:
            raise TProtocolException(message='Required field name is unset!')
        if self.digest is None:
            raise TProtocolException(message='Required field digest is unset!')
        if self.size is None:
            raise TProtocolException(message='Required field size is unset!')
        if self.rows is None:
            raise TProtocolException(message='Required field rows is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Share(object):
    """
    The files of an order that a node works on, as a bitmap: bit i % 8 of byte i / 8 stands for index i.

    Attributes:
     - node
     - files

    """


    def __init__(self, node=None, files=None,):
        self.node = node
        self.files = files

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
                    self.node = Node()
                    self.node.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRING:
                    self.files = iprot.readBinary()
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
        oprot.writeStructBegin('Share')
        if self.node is not None:
            oprot.writeFieldBegin('node', TType.STRUCT, 1)
            self.node.write(oprot)
            oprot.writeFieldEnd()
        if self.files is not None:
            oprot.writeFieldBegin('files', TType.STRING, 2)
            oprot.writeBinary(self.files)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.node is None:
            raise TProtocolException(message='Required field node is unset!')
        if self.files is None:
            raise TProtocolException(message='Required field files is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class TrainConfig(object):
    """
    How one file is trained, once.

    Attributes:
     - optimizer: sgd, adam, gd, or MODULE:NAME.
     - epochs
     - eta: Learning rate.
     - batch: Rows per step; gd uses all rows.
     - momentum
     - dropout: Fraction of the hidden activations that each step leaves out.
     - class_weights: Empty, or one float64 per class, by which the gradients of its rows are multiplied.
     - mu: FedProx's mu: the strength of the pull towards the initial weights.
     - clip: Largest norm of a step's gradient: a longer one is scaled down; 0: no limit.
     - update_clip: Differential privacy: largest norm of a file's change, which then counts once. Absent: none, and rows count.
     - update_noise: Standard deviation of the noise that a site adds to its sum, in clips. Absent: none.

    """


    def __init__(self, optimizer=None, epochs=None, eta=None, batch=None, momentum=None, dropout=None, class_weights=None, mu=None, clip=None, update_clip=None, update_noise=None,):
        self.optimizer = optimizer
        self.epochs = epochs
        self.eta = eta
        self.batch = batch
        self.momentum = momentum
        self.dropout = dropout
        self.class_weights = class_weights
        self.mu = mu
        self.clip = clip
        self.update_clip = update_clip
        self.update_noise = update_noise

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
                if ftype == TType.STRING:
                    self.optimizer = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.I32:
                    self.epochs = iprot.readI32()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.DOUBLE:
                    self.eta = iprot.readDouble()
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.I32:
                    self.batch = iprot.readI32()
                else:
                    iprot.skip(ftype)
            elif fid == 5:
                if ftype == TType.DOUBLE:
                    self.momentum = iprot.readDouble()
                else:
                    iprot.skip(ftype)
            elif fid == 6:
                if ftype == TType.DOUBLE:
                    self.dropout = iprot.readDouble()
                else:
                    iprot.skip(ftype)
            elif fid == 7:
                if ftype == TType.STRING:
                    self.class_weights = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 8:
                if ftype == TType.DOUBLE:
                    self.mu = iprot.readDouble()
                else:
                    iprot.skip(ftype)
            elif fid == 9:
                if ftype == TType.DOUBLE:
                    self.clip = iprot.readDouble()
                else:
                    iprot.skip(ftype)
            elif fid == 10:
                if ftype == TType.DOUBLE:
                    self.update_clip = iprot.readDouble()
                else:
                    iprot.skip(ftype)
            elif fid == 11:
                if ftype == TType.DOUBLE:
                    self.update_noise = iprot.readDouble()
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
        oprot.writeStructBegin('TrainConfig')
        if self.optimizer is not None:
            oprot.writeFieldBegin('optimizer', TType.STRING, 1)
            oprot.writeString(self.optimizer.encode('utf-8') if sys.version_info[0] == 2 else self.optimizer)
            oprot.writeFieldEnd()
        if self.epochs is not None:
            oprot.writeFieldBegin('epochs', TType.I32, 2)
            oprot.writeI32(self.epochs)
            oprot.writeFieldEnd()
        if self.eta is not None:
            oprot.writeFieldBegin('eta', TType.DOUBLE, 3)
            oprot.writeDouble(self.eta)
            oprot.writeFieldEnd()
        if self.batch is not None:
            oprot.writeFieldBegin('batch', TType.I32, 4)
            oprot.writeI32(self.batch)
            oprot.writeFieldEnd()
        if self.momentum is not None:
            oprot.writeFieldBegin('momentum', TType.DOUBLE, 5)
            oprot.writeDouble(self.momentum)
            oprot.writeFieldEnd()
        if self.dropout is not None:
            oprot.writeFieldBegin('dropout', TType.DOUBLE, 6)
            oprot.writeDouble(self.dropout)
            oprot.writeFieldEnd()
        if self.class_weights is not None:
            oprot.writeFieldBegin('class_weights', TType.STRING, 7)
            oprot.writeBinary(self.class_weights)
            oprot.writeFieldEnd()
        if self.mu is not None:
            oprot.writeFieldBegin('mu', TType.DOUBLE, 8)
            oprot.writeDouble(self.mu)
            oprot.writeFieldEnd()
        if self.clip is not None:
            oprot.writeFieldBegin('clip', TType.DOUBLE, 9)
            oprot.writeDouble(self.clip)
            oprot.writeFieldEnd()
        if self.update_clip is not None:
            oprot.writeFieldBegin('update_clip', TType.DOUBLE, 10)
            oprot.writeDouble(self.update_clip)
            oprot.writeFieldEnd()
        if self.update_noise is not None:
            oprot.writeFieldBegin('update_noise', TType.DOUBLE, 11)
            oprot.writeDouble(self.update_noise)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.optimizer is None:
            raise TProtocolException(message='Required field optimizer is unset!')
        if self.epochs is None:
            raise TProtocolException(message='Required field epochs is unset!')
        if self.eta is None:
            raise TProtocolException(message='Required field eta is unset!')
        if self.batch is None:
            raise TProtocolException(message='Required field batch is unset!')
        if self.momentum is None:
            raise TProtocolException(message='Required field momentum is unset!')
        if self.dropout is None:
            raise TProtocolException(message='Required field dropout is unset!')
        if self.class_weights is None:
            raise TProtocolException(message='Required field class_weights is unset!')
        if self.mu is None:
            raise TProtocolException(message='Required field mu is unset!')
        if self.clip is None:
            raise TProtocolException(message='Required field clip is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Design(object):
    """
    Which model is trained, and its layer sizes: features, hidden layers, classes (1 in a regression).

    Attributes:
     - sizes
     - model
     - shape: Empty, or channels, height and width where a row is an image.
     - course: Use the trainer of the course instead of the optimizer.
     - arithmetic: native, or portable: the same bits on every machine.
     - task: "classification" or "regression".
     - loss: What training minimises: MODULE:NAME. Absent: the loss of the task.

    """


    def __init__(self, sizes=None, model=None, shape=None, course=None, arithmetic=None, task=None, loss=None,):
        self.sizes = sizes
        self.model = model
        self.shape = shape
        self.course = course
        self.arithmetic = arithmetic
        self.task = task
        self.loss = loss

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
                if ftype == TType.LIST:
                    self.sizes = []
                    (_etype52, _size49) = iprot.readListBegin()
                    for _i53 in range(_size49):
                        _elem54 = iprot.readI32()
                        self.sizes.append(_elem54)
                    iprot.readListEnd()
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRING:
                    self.model = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.LIST:
                    self.shape = []
                    (_etype58, _size55) = iprot.readListBegin()
                    for _i59 in range(_size55):
                        _elem60 = iprot.readI32()
                        self.shape.append(_elem60)
                    iprot.readListEnd()
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.BOOL:
                    self.course = iprot.readBool()
                else:
                    iprot.skip(ftype)
            elif fid == 5:
                if ftype == TType.STRING:
                    self.arithmetic = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 6:
                if ftype == TType.STRING:
                    self.task = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 7:
                if ftype == TType.STRING:
                    self.loss = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
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
        oprot.writeStructBegin('Design')
        if self.sizes is not None:
            oprot.writeFieldBegin('sizes', TType.LIST, 1)
            oprot.writeListBegin(TType.I32, len(self.sizes))
            for iter61 in self.sizes:
                oprot.writeI32(iter61)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        if self.model is not None:
            oprot.writeFieldBegin('model', TType.STRING, 2)
            oprot.writeString(self.model.encode('utf-8') if sys.version_info[0] == 2 else self.model)
            oprot.writeFieldEnd()
        if self.shape is not None:
            oprot.writeFieldBegin('shape', TType.LIST, 3)
            oprot.writeListBegin(TType.I32, len(self.shape))
            for iter62 in self.shape:
                oprot.writeI32(iter62)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        if self.course is not None:
            oprot.writeFieldBegin('course', TType.BOOL, 4)
            oprot.writeBool(self.course)
            oprot.writeFieldEnd()
        if self.arithmetic is not None:
            oprot.writeFieldBegin('arithmetic', TType.STRING, 5)
            oprot.writeString(self.arithmetic.encode('utf-8') if sys.version_info[0] == 2 else self.arithmetic)
            oprot.writeFieldEnd()
        if self.task is not None:
            oprot.writeFieldBegin('task', TType.STRING, 6)
            oprot.writeString(self.task.encode('utf-8') if sys.version_info[0] == 2 else self.task)
            oprot.writeFieldEnd()
        if self.loss is not None:
            oprot.writeFieldBegin('loss', TType.STRING, 7)
            oprot.writeString(self.loss.encode('utf-8') if sys.version_info[0] == 2 else self.loss)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.sizes is None:
            raise TProtocolException(message='Required field sizes is unset!')
        if self.model is None:
            raise TProtocolException(message='Required field model is unset!')
        if self.shape is None:
            raise TProtocolException(message='Required field shape is unset!')
        if self.course is None:
            raise TProtocolException(message='Required field course is unset!')
        if self.arithmetic is None:
            raise TProtocolException(message='Required field arithmetic is unset!')
        if self.task is None:
            raise TProtocolException(message='Required field task is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class PersonalPlan(object):
    """
    How each site makes a model of its own from the shared one.

    Attributes:
     - method: head, ditto or fine-tune.
     - epochs: Passes over the site's rows.
     - pull: Ditto's lambda: the strength of the pull towards the shared model.

    """


    def __init__(self, method=None, epochs=None, pull=None,):
        self.method = method
        self.epochs = epochs
        self.pull = pull

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
                if ftype == TType.STRING:
                    self.method = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.I32:
                    self.epochs = iprot.readI32()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.DOUBLE:
                    self.pull = iprot.readDouble()
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
        oprot.writeStructBegin('PersonalPlan')
        if self.method is not None:
            oprot.writeFieldBegin('method', TType.STRING, 1)
            oprot.writeString(self.method.encode('utf-8') if sys.version_info[0] == 2 else self.method)
            oprot.writeFieldEnd()
        if self.epochs is not None:
            oprot.writeFieldBegin('epochs', TType.I32, 2)
            oprot.writeI32(self.epochs)
            oprot.writeFieldEnd()
        if self.pull is not None:
            oprot.writeFieldBegin('pull', TType.DOUBLE, 3)
            oprot.writeDouble(self.pull)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.method is None:
            raise TProtocolException(message='Required field method is unset!')
        if self.epochs is None:
            raise TProtocolException(message='Required field epochs is unset!')
        if self.pull is None:
            raise TProtocolException(message='Required field pull is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class TrainingPlan(object):
    """
    What every trainer of a job computes; the same in each of its orders. It never holds code.

    Attributes:
     - design
     - config
     - fraction_bits: Bits after the binary point in exact sums.
     - fingerprint: The fingerprint that a trainer's arithmetic must have; absent: any will do. 32 bytes.
     - reading: How the sites of private files read them: JSON, UTF-8; absent: files are placed.
     - personal: Absent: sites have no models of their own.

    """


    def __init__(self, design=None, config=None, fraction_bits=None, fingerprint=None, reading=None, personal=None,):
        self.design = design
        self.config = config
        self.fraction_bits = fraction_bits
        self.fingerprint = fingerprint
        self.reading = reading
        self.personal = personal

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
                    self.design = Design()
                    self.design.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.config = TrainConfig()
                    self.config.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.I32:
                    self.fraction_bits = iprot.readI32()
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.STRING:
                    self.fingerprint = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 5:
                if ftype == TType.STRING:
                    self.reading = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 6:
                if ftype == TType.STRUCT:
                    self.personal = PersonalPlan()
                    self.personal.read(iprot)
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
        oprot.writeStructBegin('TrainingPlan')
        if self.design is not None:
            oprot.writeFieldBegin('design', TType.STRUCT, 1)
            self.design.write(oprot)
            oprot.writeFieldEnd()
        if self.config is not None:
            oprot.writeFieldBegin('config', TType.STRUCT, 2)
            self.config.write(oprot)
            oprot.writeFieldEnd()
        if self.fraction_bits is not None:
            oprot.writeFieldBegin('fraction_bits', TType.I32, 3)
            oprot.writeI32(self.fraction_bits)
            oprot.writeFieldEnd()
        if self.fingerprint is not None:
            oprot.writeFieldBegin('fingerprint', TType.STRING, 4)
            oprot.writeBinary(self.fingerprint)
            oprot.writeFieldEnd()
        if self.reading is not None:
            oprot.writeFieldBegin('reading', TType.STRING, 5)
            oprot.writeBinary(self.reading)
            oprot.writeFieldEnd()
        if self.personal is not None:
            oprot.writeFieldBegin('personal', TType.STRUCT, 6)
            self.personal.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.design is None:
            raise TProtocolException(message='Required field design is unset!')
        if self.config is None:
            raise TProtocolException(message='Required field config is unset!')
        if self.fraction_bits is None:
            raise TProtocolException(message='Required field fraction_bits is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class MomentsTask(object):
    """
    Sum the features of the order's files, and their squares, exactly.

    Attributes:
     - plan

    """


    def __init__(self, plan=None,):
        self.plan = plan

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
                    self.plan = TrainingPlan()
                    self.plan.read(iprot)
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
        oprot.writeStructBegin('MomentsTask')
        if self.plan is not None:
            oprot.writeFieldBegin('plan', TType.STRUCT, 1)
            self.plan.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.plan is None:
            raise TProtocolException(message='Required field plan is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class TrainTask(object):
    """
    Train each of the order's files from the order's weights, and return the exact sum of the changes, or each.

    Attributes:
     - plan
     - moments: Mean and standard deviation of every feature as float32, or empty for raw inputs.
     - seed: The job's seed. A file's own seed follows from it, the round, and the file's index.
     - receipts: Return a receipt of each file behind the sum: the SHA-256 of its change, in the order of the files.
     - updates: Absent: the sum.
     - units: Each update is rounded to integers of units, at random by its file's seed, and the sum counts those. One signed byte
    for 256 weights: the exponent of a power of two. Absent: updates are exact, in 2^-fraction_bits.

    """


    def __init__(self, plan=None, moments=None, seed=None, receipts=None, updates=None, units=None,):
        self.plan = plan
        self.moments = moments
        self.seed = seed
        self.receipts = receipts
        self.updates = updates
        self.units = units

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
                    self.plan = TrainingPlan()
                    self.plan.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRING:
                    self.moments = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.I64:
                    self.seed = iprot.readI64()
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.BOOL:
                    self.receipts = iprot.readBool()
                else:
                    iprot.skip(ftype)
            elif fid == 5:
                if ftype == TType.I32:
                    self.updates = iprot.readI32()
                else:
                    iprot.skip(ftype)
            elif fid == 6:
                if ftype == TType.STRING:
                    self.units = iprot.readBinary()
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
        oprot.writeStructBegin('TrainTask')
        if self.plan is not None:
            oprot.writeFieldBegin('plan', TType.STRUCT, 1)
            self.plan.write(oprot)
            oprot.writeFieldEnd()
        if self.moments is not None:
            oprot.writeFieldBegin('moments', TType.STRING, 2)
            oprot.writeBinary(self.moments)
            oprot.writeFieldEnd()
        if self.seed is not None:
            oprot.writeFieldBegin('seed', TType.I64, 3)
            oprot.writeI64(self.seed)
            oprot.writeFieldEnd()
        if self.receipts is not None:
            oprot.writeFieldBegin('receipts', TType.BOOL, 4)
            oprot.writeBool(self.receipts)
            oprot.writeFieldEnd()
        if self.updates is not None:
            oprot.writeFieldBegin('updates', TType.I32, 5)
            oprot.writeI32(self.updates)
            oprot.writeFieldEnd()
        if self.units is not None:
            oprot.writeFieldBegin('units', TType.STRING, 6)
            oprot.writeBinary(self.units)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.plan is None:
            raise TProtocolException(message='Required field plan is unset!')
        if self.moments is None:
            raise TProtocolException(message='Required field moments is unset!')
        if self.seed is None:
            raise TProtocolException(message='Required field seed is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class EvaluateTask(object):
    """
    Evaluate the weights on the order's only file.

    Attributes:
     - plan
     - moments

    """


    def __init__(self, plan=None, moments=None,):
        self.plan = plan
        self.moments = moments

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
                    self.plan = TrainingPlan()
                    self.plan.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRING:
                    self.moments = iprot.readBinary()
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
        oprot.writeStructBegin('EvaluateTask')
        if self.plan is not None:
            oprot.writeFieldBegin('plan', TType.STRUCT, 1)
            self.plan.write(oprot)
            oprot.writeFieldEnd()
        if self.moments is not None:
            oprot.writeFieldBegin('moments', TType.STRING, 2)
            oprot.writeBinary(self.moments)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.plan is None:
            raise TProtocolException(message='Required field plan is unset!')
        if self.moments is None:
            raise TProtocolException(message='Required field moments is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class MixTask(object):
    """
    Exchange halves of the weighted model with the nodes named in the order's shares (push-sum).

    Attributes:
     - exchanges

    """


    def __init__(self, exchanges=None,):
        self.exchanges = exchanges

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
                if ftype == TType.I32:
                    self.exchanges = iprot.readI32()
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
        oprot.writeStructBegin('MixTask')
        if self.exchanges is not None:
            oprot.writeFieldBegin('exchanges', TType.I32, 1)
            oprot.writeI32(self.exchanges)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.exchanges is None:
            raise TProtocolException(message='Required field exchanges is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class HeldOutTask(object):
    """
    Evaluate the weights on the rows that the order's files, which are private, hold out. Returns exact counts (JSON).

    Attributes:
     - plan
     - moments

    """


    def __init__(self, plan=None, moments=None,):
        self.plan = plan
        self.moments = moments

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
                    self.plan = TrainingPlan()
                    self.plan.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRING:
                    self.moments = iprot.readBinary()
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
        oprot.writeStructBegin('HeldOutTask')
        if self.plan is not None:
            oprot.writeFieldBegin('plan', TType.STRUCT, 1)
            self.plan.write(oprot)
            oprot.writeFieldEnd()
        if self.moments is not None:
            oprot.writeFieldBegin('moments', TType.STRING, 2)
            oprot.writeBinary(self.moments)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.plan is None:
            raise TProtocolException(message='Required field plan is unset!')
        if self.moments is None:
            raise TProtocolException(message='Required field moments is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class PersonalTask(object):
    """
    Make the site's own model from the weights and the order's files, which are all that the site has of the job, and
    evaluate it as HeldOutTask does. The model stays at the site.

    Attributes:
     - plan
     - moments
     - seed: The job's.

    """


    def __init__(self, plan=None, moments=None, seed=None,):
        self.plan = plan
        self.moments = moments
        self.seed = seed

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
                    self.plan = TrainingPlan()
                    self.plan.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRING:
                    self.moments = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.I64:
                    self.seed = iprot.readI64()
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
        oprot.writeStructBegin('PersonalTask')
        if self.plan is not None:
            oprot.writeFieldBegin('plan', TType.STRUCT, 1)
            self.plan.write(oprot)
            oprot.writeFieldEnd()
        if self.moments is not None:
            oprot.writeFieldBegin('moments', TType.STRING, 2)
            oprot.writeBinary(self.moments)
            oprot.writeFieldEnd()
        if self.seed is not None:
            oprot.writeFieldBegin('seed', TType.I64, 3)
            oprot.writeI64(self.seed)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.plan is None:
            raise TProtocolException(message='Required field plan is unset!')
        if self.moments is None:
            raise TProtocolException(message='Required field moments is unset!')
        if self.seed is None:
            raise TProtocolException(message='Required field seed is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class DescribeTask(object):
    """
    Say what the order's files, which are private, look like when they are read so (JSON, UTF-8). Returns no row.

    Attributes:
     - reading

    """


    def __init__(self, reading=None,):
        self.reading = reading

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
                if ftype == TType.STRING:
                    self.reading = iprot.readBinary()
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
        oprot.writeStructBegin('DescribeTask')
        if self.reading is not None:
            oprot.writeFieldBegin('reading', TType.STRING, 1)
            oprot.writeBinary(self.reading)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.reading is None:
            raise TProtocolException(message='Required field reading is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class CompareTask(object):
    """
    Say whether the order's files, which are private and read so, hold many of the rows with these digests, 8 bytes each.
    Returns one byte: 1 or 0.

    Attributes:
     - reading
     - rows

    """


    def __init__(self, reading=None, rows=None,):
        self.reading = reading
        self.rows = rows

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
                if ftype == TType.STRING:
                    self.reading = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRING:
                    self.rows = iprot.readBinary()
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
        oprot.writeStructBegin('CompareTask')
        if self.reading is not None:
            oprot.writeFieldBegin('reading', TType.STRING, 1)
            oprot.writeBinary(self.reading)
            oprot.writeFieldEnd()
        if self.rows is not None:
            oprot.writeFieldBegin('rows', TType.STRING, 2)
            oprot.writeBinary(self.rows)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.reading is None:
            raise TProtocolException(message='Required field reading is unset!')
        if self.rows is None:
            raise TProtocolException(message='Required field rows is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class HistogramTask(object):
    """
    Count the values of the columns of numbers of the order's files, which are private, in cells of many rows (JSON).

    Attributes:
     - plan

    """


    def __init__(self, plan=None,):
        self.plan = plan

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
                    self.plan = TrainingPlan()
                    self.plan.read(iprot)
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
        oprot.writeStructBegin('HistogramTask')
        if self.plan is not None:
            oprot.writeFieldBegin('plan', TType.STRUCT, 1)
            self.plan.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.plan is None:
            raise TProtocolException(message='Required field plan is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class MaskedSite(object):
    """
    A site of a secure sum: its address, its public key (X25519), and the files that it computes on, as a bitmap.

    Attributes:
     - address
     - key
     - files

    """


    def __init__(self, address=None, key=None, files=None,):
        self.address = address
        self.key = key
        self.files = files

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
                if ftype == TType.STRING:
                    self.address = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRING:
                    self.key = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRING:
                    self.files = iprot.readBinary()
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
        oprot.writeStructBegin('MaskedSite')
        if self.address is not None:
            oprot.writeFieldBegin('address', TType.STRING, 1)
            oprot.writeString(self.address.encode('utf-8') if sys.version_info[0] == 2 else self.address)
            oprot.writeFieldEnd()
        if self.key is not None:
            oprot.writeFieldBegin('key', TType.STRING, 2)
            oprot.writeBinary(self.key)
            oprot.writeFieldEnd()
        if self.files is not None:
            oprot.writeFieldBegin('files', TType.STRING, 3)
            oprot.writeBinary(self.files)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.address is None:
            raise TProtocolException(message='Required field address is unset!')
        if self.key is None:
            raise TProtocolException(message='Required field key is unset!')
        if self.files is None:
            raise TProtocolException(message='Required field files is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Masking(object):
    """
    The sites between which masks are shared, by address, and how many of them a sum must have to be revealed.

    Attributes:
     - threshold
     - sites

    """


    def __init__(self, threshold=None, sites=None,):
        self.threshold = threshold
        self.sites = sites

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
                if ftype == TType.I32:
                    self.threshold = iprot.readI32()
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.LIST:
                    self.sites = []
                    (_etype66, _size63) = iprot.readListBegin()
                    for _i67 in range(_size63):
                        _elem68 = MaskedSite()
                        _elem68.read(iprot)
                        self.sites.append(_elem68)
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
        oprot.writeStructBegin('Masking')
        if self.threshold is not None:
            oprot.writeFieldBegin('threshold', TType.I32, 1)
            oprot.writeI32(self.threshold)
            oprot.writeFieldEnd()
        if self.sites is not None:
            oprot.writeFieldBegin('sites', TType.LIST, 2)
            oprot.writeListBegin(TType.STRUCT, len(self.sites))
            for iter69 in self.sites:
                iter69.write(oprot)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.threshold is None:
            raise TProtocolException(message='Required field threshold is unset!')
        if self.sites is None:
            raise TProtocolException(message='Required field sites is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class PromiseTask(object):
    """
    First phase of a secure sum: tell the site's key, promise to answer no driver that began earlier, and tell for which
    set of sites shares have been revealed. The answer is JSON: roundelay/federation/secure_sum.py.

    Attributes:
     - sum_id
     - began
     - driver

    """


    def __init__(self, sum_id=None, began=None, driver=None,):
        self.sum_id = sum_id
        self.began = began
        self.driver = driver

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
                if ftype == TType.STRING:
                    self.sum_id = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.I64:
                    self.began = iprot.readI64()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRING:
                    self.driver = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
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
        oprot.writeStructBegin('PromiseTask')
        if self.sum_id is not None:
            oprot.writeFieldBegin('sum_id', TType.STRING, 1)
            oprot.writeBinary(self.sum_id)
            oprot.writeFieldEnd()
        if self.began is not None:
            oprot.writeFieldBegin('began', TType.I64, 2)
            oprot.writeI64(self.began)
            oprot.writeFieldEnd()
        if self.driver is not None:
            oprot.writeFieldBegin('driver', TType.STRING, 3)
            oprot.writeString(self.driver.encode('utf-8') if sys.version_info[0] == 2 else self.driver)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.sum_id is None:
            raise TProtocolException(message='Required field sum_id is unset!')
        if self.began is None:
            raise TProtocolException(message='Required field began is unset!')
        if self.driver is None:
            raise TProtocolException(message='Required field driver is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class RevealTask(object):
    """
    Last phase of a secure sum: reveal this site's shares of the masks that are left in the sum over these sites.

    Attributes:
     - sum_id
     - began
     - driver
     - masking
     - included: The places of the sites in the sum, as a bitmap.
     - boxes: For the receiver, from each of them: its shares of the seeds of its masks, sealed.

    """


    def __init__(self, sum_id=None, began=None, driver=None, masking=None, included=None, boxes=None,):
        self.sum_id = sum_id
        self.began = began
        self.driver = driver
        self.masking = masking
        self.included = included
        self.boxes = boxes

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
                if ftype == TType.STRING:
                    self.sum_id = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.I64:
                    self.began = iprot.readI64()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRING:
                    self.driver = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.STRUCT:
                    self.masking = Masking()
                    self.masking.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 5:
                if ftype == TType.STRING:
                    self.included = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 6:
                if ftype == TType.LIST:
                    self.boxes = []
                    (_etype73, _size70) = iprot.readListBegin()
                    for _i74 in range(_size70):
                        _elem75 = iprot.readBinary()
                        self.boxes.append(_elem75)
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
        oprot.writeStructBegin('RevealTask')
        if self.sum_id is not None:
            oprot.writeFieldBegin('sum_id', TType.STRING, 1)
            oprot.writeBinary(self.sum_id)
            oprot.writeFieldEnd()
        if self.began is not None:
            oprot.writeFieldBegin('began', TType.I64, 2)
            oprot.writeI64(self.began)
            oprot.writeFieldEnd()
        if self.driver is not None:
            oprot.writeFieldBegin('driver', TType.STRING, 3)
            oprot.writeString(self.driver.encode('utf-8') if sys.version_info[0] == 2 else self.driver)
            oprot.writeFieldEnd()
        if self.masking is not None:
            oprot.writeFieldBegin('masking', TType.STRUCT, 4)
            self.masking.write(oprot)
            oprot.writeFieldEnd()
        if self.included is not None:
            oprot.writeFieldBegin('included', TType.STRING, 5)
            oprot.writeBinary(self.included)
            oprot.writeFieldEnd()
        if self.boxes is not None:
            oprot.writeFieldBegin('boxes', TType.LIST, 6)
            oprot.writeListBegin(TType.STRING, len(self.boxes))
            for iter76 in self.boxes:
                oprot.writeBinary(iter76)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.sum_id is None:
            raise TProtocolException(message='Required field sum_id is unset!')
        if self.began is None:
            raise TProtocolException(message='Required field began is unset!')
        if self.driver is None:
            raise TProtocolException(message='Required field driver is unset!')
        if self.masking is None:
            raise TProtocolException(message='Required field masking is unset!')
        if self.included is None:
            raise TProtocolException(message='Required field included is unset!')
        if self.boxes is None:
            raise TProtocolException(message='Required field boxes is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Task(object):
    """
    What is to be done with the files of an order.

    Attributes:
     - moments
     - train
     - evaluate
     - mix
     - describe
     - held_out
     - promise
     - reveal
     - personal
     - compare
     - histogram

    """


    def __init__(self, moments=None, train=None, evaluate=None, mix=None, describe=None, held_out=None, promise=None, reveal=None, personal=None, compare=None, histogram=None,):
        self.moments = moments
        self.train = train
        self.evaluate = evaluate
        self.mix = mix
        self.describe = describe
        self.held_out = held_out
        self.promise = promise
        self.reveal = reveal
        self.personal = personal
        self.compare = compare
        self.histogram = histogram

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
                    self.moments = MomentsTask()
                    self.moments.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.train = TrainTask()
                    self.train.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRUCT:
                    self.evaluate = EvaluateTask()
                    self.evaluate.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.STRUCT:
                    self.mix = MixTask()
                    self.mix.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 5:
                if ftype == TType.STRUCT:
                    self.describe = DescribeTask()
                    self.describe.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 6:
                if ftype == TType.STRUCT:
                    self.held_out = HeldOutTask()
                    self.held_out.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 7:
                if ftype == TType.STRUCT:
                    self.promise = PromiseTask()
                    self.promise.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 8:
                if ftype == TType.STRUCT:
                    self.reveal = RevealTask()
                    self.reveal.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 9:
                if ftype == TType.STRUCT:
                    self.personal = PersonalTask()
                    self.personal.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 10:
                if ftype == TType.STRUCT:
                    self.compare = CompareTask()
                    self.compare.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 11:
                if ftype == TType.STRUCT:
                    self.histogram = HistogramTask()
                    self.histogram.read(iprot)
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
        oprot.writeStructBegin('Task')
        if self.moments is not None:
            oprot.writeFieldBegin('moments', TType.STRUCT, 1)
            self.moments.write(oprot)
            oprot.writeFieldEnd()
        if self.train is not None:
            oprot.writeFieldBegin('train', TType.STRUCT, 2)
            self.train.write(oprot)
            oprot.writeFieldEnd()
        if self.evaluate is not None:
            oprot.writeFieldBegin('evaluate', TType.STRUCT, 3)
            self.evaluate.write(oprot)
            oprot.writeFieldEnd()
        if self.mix is not None:
            oprot.writeFieldBegin('mix', TType.STRUCT, 4)
            self.mix.write(oprot)
            oprot.writeFieldEnd()
        if self.describe is not None:
            oprot.writeFieldBegin('describe', TType.STRUCT, 5)
            self.describe.write(oprot)
            oprot.writeFieldEnd()
        if self.held_out is not None:
            oprot.writeFieldBegin('held_out', TType.STRUCT, 6)
            self.held_out.write(oprot)
            oprot.writeFieldEnd()
        if self.promise is not None:
            oprot.writeFieldBegin('promise', TType.STRUCT, 7)
            self.promise.write(oprot)
            oprot.writeFieldEnd()
        if self.reveal is not None:
            oprot.writeFieldBegin('reveal', TType.STRUCT, 8)
            self.reveal.write(oprot)
            oprot.writeFieldEnd()
        if self.personal is not None:
            oprot.writeFieldBegin('personal', TType.STRUCT, 9)
            self.personal.write(oprot)
            oprot.writeFieldEnd()
        if self.compare is not None:
            oprot.writeFieldBegin('compare', TType.STRUCT, 10)
            self.compare.write(oprot)
            oprot.writeFieldEnd()
        if self.histogram is not None:
            oprot.writeFieldBegin('histogram', TType.STRUCT, 11)
            self.histogram.write(oprot)
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


class Order(object):
    """
    Carry out a task on these files.

    Attributes:
     - job
     - round
     - files
     - task
     - weights: Digest of the weights that the task starts from, and of what follows them (SUM_WITH_GRADIENT): a content that comes with
    the order or was written before.
     - weights_size: Their size in bytes.
     - may_refuse: The node may answer Busy, so that the order goes to another node.
     - shares: For an order to be forwarded: each node's files, clockwise from the receiver to `limit`.
     - limit: The identifier at which the receiver's part of the ring ends.
     - attempt: For a round without aggregation (gossip): the driver's attempt at it. The receiver keeps its result.
     - priority: Of its job, if it is not 1: the share of the node's time that the job gets beside other jobs.
     - masking: The result leaves masked, for a secure sum over these sites, with sealed shares of the masks' seeds behind it.
     - base: Digest of weights that the receiver should have: the content that comes with the order is the delta to them.

    """


    def __init__(self, job=None, round=None, files=None, task=None, weights=None, weights_size=None, may_refuse=None, shares=None, limit=None, attempt=None, priority=None, masking=None, base=None,):
        self.job = job
        self.round = round
        self.files = files
        self.task = task
        self.weights = weights
        self.weights_size = weights_size
        self.may_refuse = may_refuse
        self.shares = shares
        self.limit = limit
        self.attempt = attempt
        self.priority = priority
        self.masking = masking
        self.base = base

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
                if ftype == TType.STRING:
                    self.job = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.I32:
                    self.round = iprot.readI32()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.LIST:
                    self.files = []
                    (_etype80, _size77) = iprot.readListBegin()
                    for _i81 in range(_size77):
                        _elem82 = TrainingFile()
                        _elem82.read(iprot)
                        self.files.append(_elem82)
                    iprot.readListEnd()
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.STRUCT:
                    self.task = Task()
                    self.task.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 5:
                if ftype == TType.STRING:
                    self.weights = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 6:
                if ftype == TType.I64:
                    self.weights_size = iprot.readI64()
                else:
                    iprot.skip(ftype)
            elif fid == 7:
                if ftype == TType.BOOL:
                    self.may_refuse = iprot.readBool()
                else:
                    iprot.skip(ftype)
            elif fid == 8:
                if ftype == TType.LIST:
                    self.shares = []
                    (_etype86, _size83) = iprot.readListBegin()
                    for _i87 in range(_size83):
                        _elem88 = Share()
                        _elem88.read(iprot)
                        self.shares.append(_elem88)
                    iprot.readListEnd()
                else:
                    iprot.skip(ftype)
            elif fid == 9:
                if ftype == TType.STRING:
                    self.limit = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 10:
                if ftype == TType.I64:
                    self.attempt = iprot.readI64()
                else:
                    iprot.skip(ftype)
            elif fid == 11:
                if ftype == TType.DOUBLE:
                    self.priority = iprot.readDouble()
                else:
                    iprot.skip(ftype)
            elif fid == 12:
                if ftype == TType.STRUCT:
                    self.masking = Masking()
                    self.masking.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 13:
                if ftype == TType.STRING:
                    self.base = iprot.readBinary()
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
        oprot.writeStructBegin('Order')
        if self.job is not None:
            oprot.writeFieldBegin('job', TType.STRING, 1)
            oprot.writeString(self.job.encode('utf-8') if sys.version_info[0] == 2 else self.job)
            oprot.writeFieldEnd()
        if self.round is not None:
            oprot.writeFieldBegin('round', TType.I32, 2)
            oprot.writeI32(self.round)
            oprot.writeFieldEnd()
        if self.files is not None:
            oprot.writeFieldBegin('files', TType.LIST, 3)
            oprot.writeListBegin(TType.STRUCT, len(self.files))
            for iter89 in self.files:
                iter89.write(oprot)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        if self.task is not None:
            oprot.writeFieldBegin('task', TType.STRUCT, 4)
            self.task.write(oprot)
            oprot.writeFieldEnd()
        if self.weights is not None:
            oprot.writeFieldBegin('weights', TType.STRING, 5)
            oprot.writeBinary(self.weights)
            oprot.writeFieldEnd()
        if self.weights_size is not None:
            oprot.writeFieldBegin('weights_size', TType.I64, 6)
            oprot.writeI64(self.weights_size)
            oprot.writeFieldEnd()
        if self.may_refuse is not None:
            oprot.writeFieldBegin('may_refuse', TType.BOOL, 7)
            oprot.writeBool(self.may_refuse)
            oprot.writeFieldEnd()
        if self.shares is not None:
            oprot.writeFieldBegin('shares', TType.LIST, 8)
            oprot.writeListBegin(TType.STRUCT, len(self.shares))
            for iter90 in self.shares:
                iter90.write(oprot)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        if self.limit is not None:
            oprot.writeFieldBegin('limit', TType.STRING, 9)
            oprot.writeBinary(self.limit)
            oprot.writeFieldEnd()
        if self.attempt is not None:
            oprot.writeFieldBegin('attempt', TType.I64, 10)
            oprot.writeI64(self.attempt)
            oprot.writeFieldEnd()
        if self.priority is not None:
            oprot.writeFieldBegin('priority', TType.DOUBLE, 11)
            oprot.writeDouble(self.priority)
            oprot.writeFieldEnd()
        if self.masking is not None:
            oprot.writeFieldBegin('masking', TType.STRUCT, 12)
            self.masking.write(oprot)
            oprot.writeFieldEnd()
        if self.base is not None:
            oprot.writeFieldBegin('base', TType.STRING, 13)
            oprot.writeBinary(self.base)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.job is None:
            raise TProtocolException(message='Required field job is unset!')
        if self.round is None:
            raise TProtocolException(message='Required field round is unset!')
        if self.files is None:
            raise TProtocolException(message='Required field files is unset!')
        if self.task is None:
            raise TProtocolException(message='Required field task is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Push(object):
    """
    Half of the weighted model that its sender holds in a round without aggregation (push-sum).

    Attributes:
     - job
     - round
     - attempt
     - number: Counts the sender's exchanges in this attempt, so that a repeated push counts once.
     - sender
     - digest: Digest and size of the weighted model, a content written to the receiver before.
     - size

    """


    def __init__(self, job=None, round=None, attempt=None, number=None, sender=None, digest=None, size=None,):
        self.job = job
        self.round = round
        self.attempt = attempt
        self.number = number
        self.sender = sender
        self.digest = digest
        self.size = size

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
                if ftype == TType.STRING:
                    self.job = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.I32:
                    self.round = iprot.readI32()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.I64:
                    self.attempt = iprot.readI64()
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.I32:
                    self.number = iprot.readI32()
                else:
                    iprot.skip(ftype)
            elif fid == 5:
                if ftype == TType.STRUCT:
                    self.sender = Node()
                    self.sender.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 6:
                if ftype == TType.STRING:
                    self.digest = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 7:
                if ftype == TType.I64:
                    self.size = iprot.readI64()
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
        oprot.writeStructBegin('Push')
        if self.job is not None:
            oprot.writeFieldBegin('job', TType.STRING, 1)
            oprot.writeString(self.job.encode('utf-8') if sys.version_info[0] == 2 else self.job)
            oprot.writeFieldEnd()
        if self.round is not None:
            oprot.writeFieldBegin('round', TType.I32, 2)
            oprot.writeI32(self.round)
            oprot.writeFieldEnd()
        if self.attempt is not None:
            oprot.writeFieldBegin('attempt', TType.I64, 3)
            oprot.writeI64(self.attempt)
            oprot.writeFieldEnd()
        if self.number is not None:
            oprot.writeFieldBegin('number', TType.I32, 4)
            oprot.writeI32(self.number)
            oprot.writeFieldEnd()
        if self.sender is not None:
            oprot.writeFieldBegin('sender', TType.STRUCT, 5)
            self.sender.write(oprot)
            oprot.writeFieldEnd()
        if self.digest is not None:
            oprot.writeFieldBegin('digest', TType.STRING, 6)
            oprot.writeBinary(self.digest)
            oprot.writeFieldEnd()
        if self.size is not None:
            oprot.writeFieldBegin('size', TType.I64, 7)
            oprot.writeI64(self.size)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.job is None:
            raise TProtocolException(message='Required field job is unset!')
        if self.round is None:
            raise TProtocolException(message='Required field round is unset!')
        if self.attempt is None:
            raise TProtocolException(message='Required field attempt is unset!')
        if self.number is None:
            raise TProtocolException(message='Required field number is unset!')
        if self.sender is None:
            raise TProtocolException(message='Required field sender is unset!')
        if self.digest is None:
            raise TProtocolException(message='Required field digest is unset!')
        if self.size is None:
            raise TProtocolException(message='Required field size is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Progress(object):
    """
    The progress of an order.

    Attributes:
     - state: queued, running, done, failed (any node would fail), unable (another node may succeed),
    unfit (this node's arithmetic gives different bits from the job's), or
    unstable (training left the range of numbers, as it would on any node with this step).
     - message: The reason why an order has failed.
     - result: For a done order: digest and size of its result. A result without `content` is read like any content.
     - size
     - seconds: For a done order: its duration, and the mean training loss and accuracy of the last epochs.
     - loss
     - accuracy
     - training: For a running order.
     - content: For a done order: its whole result, if that has at most 1 MiB. A content shorter than `size` is packed.

    """


    def __init__(self, state=None, message=None, result=None, size=None, seconds=None, loss=None, accuracy=None, training=None, content=None,):
        self.state = state
        self.message = message
        self.result = result
        self.size = size
        self.seconds = seconds
        self.loss = loss
        self.accuracy = accuracy
        self.training = training
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
                if ftype == TType.STRING:
                    self.state = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRING:
                    self.message = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRING:
                    self.result = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.I64:
                    self.size = iprot.readI64()
                else:
                    iprot.skip(ftype)
            elif fid == 5:
                if ftype == TType.DOUBLE:
                    self.seconds = iprot.readDouble()
                else:
                    iprot.skip(ftype)
            elif fid == 6:
                if ftype == TType.DOUBLE:
                    self.loss = iprot.readDouble()
                else:
                    iprot.skip(ftype)
            elif fid == 7:
                if ftype == TType.DOUBLE:
                    self.accuracy = iprot.readDouble()
                else:
                    iprot.skip(ftype)
            elif fid == 8:
                if ftype == TType.STRUCT:
                    self.training = TrainingStatus()
                    self.training.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 9:
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
        oprot.writeStructBegin('Progress')
        if self.state is not None:
            oprot.writeFieldBegin('state', TType.STRING, 1)
            oprot.writeString(self.state.encode('utf-8') if sys.version_info[0] == 2 else self.state)
            oprot.writeFieldEnd()
        if self.message is not None:
            oprot.writeFieldBegin('message', TType.STRING, 2)
            oprot.writeString(self.message.encode('utf-8') if sys.version_info[0] == 2 else self.message)
            oprot.writeFieldEnd()
        if self.result is not None:
            oprot.writeFieldBegin('result', TType.STRING, 3)
            oprot.writeBinary(self.result)
            oprot.writeFieldEnd()
        if self.size is not None:
            oprot.writeFieldBegin('size', TType.I64, 4)
            oprot.writeI64(self.size)
            oprot.writeFieldEnd()
        if self.seconds is not None:
            oprot.writeFieldBegin('seconds', TType.DOUBLE, 5)
            oprot.writeDouble(self.seconds)
            oprot.writeFieldEnd()
        if self.loss is not None:
            oprot.writeFieldBegin('loss', TType.DOUBLE, 6)
            oprot.writeDouble(self.loss)
            oprot.writeFieldEnd()
        if self.accuracy is not None:
            oprot.writeFieldBegin('accuracy', TType.DOUBLE, 7)
            oprot.writeDouble(self.accuracy)
            oprot.writeFieldEnd()
        if self.training is not None:
            oprot.writeFieldBegin('training', TType.STRUCT, 8)
            self.training.write(oprot)
            oprot.writeFieldEnd()
        if self.content is not None:
            oprot.writeFieldBegin('content', TType.STRING, 9)
            oprot.writeBinary(self.content)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.state is None:
            raise TProtocolException(message='Required field state is unset!')
        if self.message is None:
            raise TProtocolException(message='Required field message is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class LeafTicket(object):
    """
    How an order at a leaf is doing. A result comes along only where the leaf delivers it.

    Attributes:
     - ticket
     - progress

    """


    def __init__(self, ticket=None, progress=None,):
        self.ticket = ticket
        self.progress = progress

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
                if ftype == TType.STRING:
                    self.ticket = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.progress = Progress()
                    self.progress.read(iprot)
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
        oprot.writeStructBegin('LeafTicket')
        if self.ticket is not None:
            oprot.writeFieldBegin('ticket', TType.STRING, 1)
            oprot.writeString(self.ticket.encode('utf-8') if sys.version_info[0] == 2 else self.ticket)
            oprot.writeFieldEnd()
        if self.progress is not None:
            oprot.writeFieldBegin('progress', TType.STRUCT, 2)
            self.progress.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.ticket is None:
            raise TProtocolException(message='Required field ticket is unset!')
        if self.progress is None:
            raise TProtocolException(message='Required field progress is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class LeafOrder(object):
    """
    An order for a leaf, with its weights if they have at most 1 MiB; larger ones are read.

    Attributes:
     - order
     - content

    """


    def __init__(self, order=None, content=None,):
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
                    self.order = Order()
                    self.order.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
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
        oprot.writeStructBegin('LeafOrder')
        if self.order is not None:
            oprot.writeFieldBegin('order', TType.STRUCT, 1)
            self.order.write(oprot)
            oprot.writeFieldEnd()
        if self.content is not None:
            oprot.writeFieldBegin('content', TType.STRING, 2)
            oprot.writeBinary(self.content)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.order is None:
            raise TProtocolException(message='Required field order is unset!')
        if self.content is None:
            raise TProtocolException(message='Required field content is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Errands(object):
    """
    What a node has for a leaf: orders until the leaf says that it has taken them, and tickets whose result it lacks.

    Attributes:
     - orders
     - wanted

    """


    def __init__(self, orders=None, wanted=None,):
        self.orders = orders
        self.wanted = wanted

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
                if ftype == TType.LIST:
                    self.orders = []
                    (_etype94, _size91) = iprot.readListBegin()
                    for _i95 in range(_size91):
                        _elem96 = LeafOrder()
                        _elem96.read(iprot)
                        self.orders.append(_elem96)
                    iprot.readListEnd()
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.LIST:
                    self.wanted = []
                    (_etype100, _size97) = iprot.readListBegin()
                    for _i101 in range(_size97):
                        _elem102 = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                        self.wanted.append(_elem102)
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
        oprot.writeStructBegin('Errands')
        if self.orders is not None:
            oprot.writeFieldBegin('orders', TType.LIST, 1)
            oprot.writeListBegin(TType.STRUCT, len(self.orders))
            for iter103 in self.orders:
                iter103.write(oprot)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        if self.wanted is not None:
            oprot.writeFieldBegin('wanted', TType.LIST, 2)
            oprot.writeListBegin(TType.STRING, len(self.wanted))
            for iter104 in self.wanted:
                oprot.writeString(iter104.encode('utf-8') if sys.version_info[0] == 2 else iter104)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.orders is None:
            raise TProtocolException(message='Required field orders is unset!')
        if self.wanted is None:
            raise TProtocolException(message='Required field wanted is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class ListedJob(object):
    """
    What the records of one node say of a job, as a listing shows it. It is the node's word: nothing here is signed.

    Attributes:
     - job
     - state: waiting, running, paused, done, failed, cancelled, replaced; diverged; malformed (its spec cannot be read).
     - round: The last round that is stored, and how many the settings allow.
     - rounds
     - validation_error: Validation error of the round whose model is kept, so far.
     - result: Digest of the RESULT of the last round.
     - driver: Of the last round.
     - reason: Why the job failed, waits or cannot be read, or what replaces it.
     - forgets: Id of the job that this one is, without some of its files.
     - pinned: Name of the private data that the job trains on.
     - malformed: Lines about records that cannot be read, and about nodes that have lied: at most 64 each.
     - liars
     - sites: Addresses of the private sites that trained the last round, at most 1024.
     - may_fork: Whether two drivers may have stored different RESULTs of a round, as nobody can repeat it.
     - started: When its spec was published, by the clock of its client: nanoseconds since 1970.
     - files: The number of its training files.
     - settings: NAME=VALUE of each setting that differs from its default: at most 128, of at most 120 characters each.

    """


    def __init__(self, job=None, state=None, round=None, rounds=None, validation_error=None, result=None, driver=None, reason=None, forgets=None, pinned=None, malformed=None, liars=None, sites=None, may_fork=None, started=None, files=None, settings=None,):
        self.job = job
        self.state = state
        self.round = round
        self.rounds = rounds
        self.validation_error = validation_error
        self.result = result
        self.driver = driver
        self.reason = reason
        self.forgets = forgets
        self.pinned = pinned
        self.malformed = malformed
        self.liars = liars
        self.sites = sites
        self.may_fork = may_fork
        self.started = started
        self.files = files
        self.settings = settings

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
                if ftype == TType.STRING:
                    self.job = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRING:
                    self.state = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.I64:
                    self.round = iprot.readI64()
                else:
                    iprot.skip(ftype)
            elif fid == 4:
                if ftype == TType.I64:
                    self.rounds = iprot.readI64()
                else:
                    iprot.skip(ftype)
            elif fid == 5:
                if ftype == TType.DOUBLE:
                    self.validation_error = iprot.readDouble()
                else:
                    iprot.skip(ftype)
            elif fid == 6:
                if ftype == TType.STRING:
                    self.result = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 7:
                if ftype == TType.STRING:
                    self.driver = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 8:
                if ftype == TType.STRING:
                    self.reason = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 9:
                if ftype == TType.STRING:
                    self.forgets = iprot.readBinary()
                else:
                    iprot.skip(ftype)
            elif fid == 10:
                if ftype == TType.STRING:
                    self.pinned = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                else:
                    iprot.skip(ftype)
            elif fid == 11:
                if ftype == TType.LIST:
                    self.malformed = []
                    (_etype108, _size105) = iprot.readListBegin()
                    for _i109 in range(_size105):
                        _elem110 = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                        self.malformed.append(_elem110)
                    iprot.readListEnd()
                else:
                    iprot.skip(ftype)
            elif fid == 12:
                if ftype == TType.LIST:
                    self.liars = []
                    (_etype114, _size111) = iprot.readListBegin()
                    for _i115 in range(_size111):
                        _elem116 = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                        self.liars.append(_elem116)
                    iprot.readListEnd()
                else:
                    iprot.skip(ftype)
            elif fid == 13:
                if ftype == TType.LIST:
                    self.sites = []
                    (_etype120, _size117) = iprot.readListBegin()
                    for _i121 in range(_size117):
                        _elem122 = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                        self.sites.append(_elem122)
                    iprot.readListEnd()
                else:
                    iprot.skip(ftype)
            elif fid == 14:
                if ftype == TType.BOOL:
                    self.may_fork = iprot.readBool()
                else:
                    iprot.skip(ftype)
            elif fid == 15:
                if ftype == TType.I64:
                    self.started = iprot.readI64()
                else:
                    iprot.skip(ftype)
            elif fid == 16:
                if ftype == TType.I64:
                    self.files = iprot.readI64()
                else:
                    iprot.skip(ftype)
            elif fid == 17:
                if ftype == TType.LIST:
                    self.settings = []
                    (_etype126, _size123) = iprot.readListBegin()
                    for _i127 in range(_size123):
                        _elem128 = iprot.readString().decode('utf-8', errors='replace') if sys.version_info[0] == 2 else iprot.readString()
                        self.settings.append(_elem128)
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
        oprot.writeStructBegin('ListedJob')
        if self.job is not None:
            oprot.writeFieldBegin('job', TType.STRING, 1)
            oprot.writeString(self.job.encode('utf-8') if sys.version_info[0] == 2 else self.job)
            oprot.writeFieldEnd()
        if self.state is not None:
            oprot.writeFieldBegin('state', TType.STRING, 2)
            oprot.writeString(self.state.encode('utf-8') if sys.version_info[0] == 2 else self.state)
            oprot.writeFieldEnd()
        if self.round is not None:
            oprot.writeFieldBegin('round', TType.I64, 3)
            oprot.writeI64(self.round)
            oprot.writeFieldEnd()
        if self.rounds is not None:
            oprot.writeFieldBegin('rounds', TType.I64, 4)
            oprot.writeI64(self.rounds)
            oprot.writeFieldEnd()
        if self.validation_error is not None:
            oprot.writeFieldBegin('validation_error', TType.DOUBLE, 5)
            oprot.writeDouble(self.validation_error)
            oprot.writeFieldEnd()
        if self.result is not None:
            oprot.writeFieldBegin('result', TType.STRING, 6)
            oprot.writeBinary(self.result)
            oprot.writeFieldEnd()
        if self.driver is not None:
            oprot.writeFieldBegin('driver', TType.STRING, 7)
            oprot.writeString(self.driver.encode('utf-8') if sys.version_info[0] == 2 else self.driver)
            oprot.writeFieldEnd()
        if self.reason is not None:
            oprot.writeFieldBegin('reason', TType.STRING, 8)
            oprot.writeString(self.reason.encode('utf-8') if sys.version_info[0] == 2 else self.reason)
            oprot.writeFieldEnd()
        if self.forgets is not None:
            oprot.writeFieldBegin('forgets', TType.STRING, 9)
            oprot.writeBinary(self.forgets)
            oprot.writeFieldEnd()
        if self.pinned is not None:
            oprot.writeFieldBegin('pinned', TType.STRING, 10)
            oprot.writeString(self.pinned.encode('utf-8') if sys.version_info[0] == 2 else self.pinned)
            oprot.writeFieldEnd()
        if self.malformed is not None:
            oprot.writeFieldBegin('malformed', TType.LIST, 11)
            oprot.writeListBegin(TType.STRING, len(self.malformed))
            for iter129 in self.malformed:
                oprot.writeString(iter129.encode('utf-8') if sys.version_info[0] == 2 else iter129)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        if self.liars is not None:
            oprot.writeFieldBegin('liars', TType.LIST, 12)
            oprot.writeListBegin(TType.STRING, len(self.liars))
            for iter130 in self.liars:
                oprot.writeString(iter130.encode('utf-8') if sys.version_info[0] == 2 else iter130)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        if self.sites is not None:
            oprot.writeFieldBegin('sites', TType.LIST, 13)
            oprot.writeListBegin(TType.STRING, len(self.sites))
            for iter131 in self.sites:
                oprot.writeString(iter131.encode('utf-8') if sys.version_info[0] == 2 else iter131)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        if self.may_fork is not None:
            oprot.writeFieldBegin('may_fork', TType.BOOL, 14)
            oprot.writeBool(self.may_fork)
            oprot.writeFieldEnd()
        if self.started is not None:
            oprot.writeFieldBegin('started', TType.I64, 15)
            oprot.writeI64(self.started)
            oprot.writeFieldEnd()
        if self.files is not None:
            oprot.writeFieldBegin('files', TType.I64, 16)
            oprot.writeI64(self.files)
            oprot.writeFieldEnd()
        if self.settings is not None:
            oprot.writeFieldBegin('settings', TType.LIST, 17)
            oprot.writeListBegin(TType.STRING, len(self.settings))
            for iter132 in self.settings:
                oprot.writeString(iter132.encode('utf-8') if sys.version_info[0] == 2 else iter132)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.job is None:
            raise TProtocolException(message='Required field job is unset!')
        if self.state is None:
            raise TProtocolException(message='Required field state is unset!')
        if self.round is None:
            raise TProtocolException(message='Required field round is unset!')
        if self.rounds is None:
            raise TProtocolException(message='Required field rounds is unset!')
        if self.driver is None:
            raise TProtocolException(message='Required field driver is unset!')
        if self.reason is None:
            raise TProtocolException(message='Required field reason is unset!')
        if self.pinned is None:
            raise TProtocolException(message='Required field pinned is unset!')
        if self.malformed is None:
            raise TProtocolException(message='Required field malformed is unset!')
        if self.liars is None:
            raise TProtocolException(message='Required field liars is unset!')
        if self.sites is None:
            raise TProtocolException(message='Required field sites is unset!')
        if self.started is None:
            raise TProtocolException(message='Required field started is unset!')
        if self.files is None:
            raise TProtocolException(message='Required field files is unset!')
        if self.settings is None:
            raise TProtocolException(message='Required field settings is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Grant(object):
    """
    Admission: an identity, the ring's parameters, and a member to join through; without one, found the ring.

    Attributes:
     - node
     - ring
     - bootstrap

    """


    def __init__(self, node=None, ring=None, bootstrap=None,):
        self.node = node
        self.ring = ring
        self.bootstrap = bootstrap

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
                    self.node = Node()
                    self.node.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.ring = Ring()
                    self.ring.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 3:
                if ftype == TType.STRUCT:
                    self.bootstrap = Node()
                    self.bootstrap.read(iprot)
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
        oprot.writeStructBegin('Grant')
        if self.node is not None:
            oprot.writeFieldBegin('node', TType.STRUCT, 1)
            self.node.write(oprot)
            oprot.writeFieldEnd()
        if self.ring is not None:
            oprot.writeFieldBegin('ring', TType.STRUCT, 2)
            self.ring.write(oprot)
            oprot.writeFieldEnd()
        if self.bootstrap is not None:
            oprot.writeFieldBegin('bootstrap', TType.STRUCT, 3)
            self.bootstrap.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.node is None:
            raise TProtocolException(message='Required field node is unset!')
        if self.ring is None:
            raise TProtocolException(message='Required field ring is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Lease(object):
    """
    How long the sender counts as alive; and another live member, by which a second ring is noticed.

    Attributes:
     - milliseconds
     - other

    """


    def __init__(self, milliseconds=None, other=None,):
        self.milliseconds = milliseconds
        self.other = other

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
                if ftype == TType.I32:
                    self.milliseconds = iprot.readI32()
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.STRUCT:
                    self.other = Node()
                    self.other.read(iprot)
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
        oprot.writeStructBegin('Lease')
        if self.milliseconds is not None:
            oprot.writeFieldBegin('milliseconds', TType.I32, 1)
            oprot.writeI32(self.milliseconds)
            oprot.writeFieldEnd()
        if self.other is not None:
            oprot.writeFieldBegin('other', TType.STRUCT, 2)
            self.other.write(oprot)
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.milliseconds is None:
            raise TProtocolException(message='Required field milliseconds is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)


class Members(object):
    """
    The live members, ordered by identifier.

    Attributes:
     - ring
     - nodes

    """


    def __init__(self, ring=None, nodes=None,):
        self.ring = ring
        self.nodes = nodes

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
                    self.ring = Ring()
                    self.ring.read(iprot)
                else:
                    iprot.skip(ftype)
            elif fid == 2:
                if ftype == TType.LIST:
                    self.nodes = []
                    (_etype136, _size133) = iprot.readListBegin()
                    for _i137 in range(_size133):
                        _elem138 = Node()
                        _elem138.read(iprot)
                        self.nodes.append(_elem138)
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
        oprot.writeStructBegin('Members')
        if self.ring is not None:
            oprot.writeFieldBegin('ring', TType.STRUCT, 1)
            self.ring.write(oprot)
            oprot.writeFieldEnd()
        if self.nodes is not None:
            oprot.writeFieldBegin('nodes', TType.LIST, 2)
            oprot.writeListBegin(TType.STRUCT, len(self.nodes))
            for iter139 in self.nodes:
                iter139.write(oprot)
            oprot.writeListEnd()
            oprot.writeFieldEnd()
        oprot.writeFieldStop()
        oprot.writeStructEnd()

    def validate(self):
        if self.ring is None:
            raise TProtocolException(message='Required field ring is unset!')
        if self.nodes is None:
            raise TProtocolException(message='Required field nodes is unset!')
        return

    def __repr__(self):
        L = ['%s=%r' % (key, value)
             for key, value in self.__dict__.items()]
        return '%s(%s)' % (self.__class__.__name__, ', '.join(L))

    def __eq__(self, other):
        return isinstance(other, self.__class__) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not (self == other)
all_structs.append(Node)
Node.thrift_spec = (
    None,  # 0
    (1, TType.STRING, 'id', 'BINARY', None, ),  # 1
    (2, TType.STRING, 'host', 'UTF8', None, ),  # 2
    (3, TType.I32, 'port', None, None, ),  # 3
    (4, TType.I64, 'incarnation', None, None, ),  # 4
)
all_structs.append(Ring)
Ring.thrift_spec = (
    None,  # 0
    (1, TType.I16, 'bits', None, None, ),  # 1
    (2, TType.I16, 'successors', None, None, ),  # 2
    (3, TType.I16, 'replicas', None, None, ),  # 3
    (4, TType.I16, 'protocol', None, None, ),  # 4
)
all_structs.append(Target)
Target.thrift_spec = (
    None,  # 0
    (1, TType.STRING, 'id', 'BINARY', None, ),  # 1
    (2, TType.I64, 'incarnation', None, None, ),  # 2
)
all_structs.append(WrongIncarnation)
WrongIncarnation.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'actual', [Node, None], None, ),  # 1
)
all_structs.append(Busy)
Busy.thrift_spec = (
    None,  # 0
    (1, TType.STRING, 'message', 'UTF8', None, ),  # 1
)
all_structs.append(NotYet)
NotYet.thrift_spec = (
    None,  # 0
    (1, TType.STRING, 'message', 'UTF8', None, ),  # 1
)
all_structs.append(NotFound)
NotFound.thrift_spec = (
    None,  # 0
    (1, TType.STRING, 'message', 'UTF8', None, ),  # 1
)
all_structs.append(Refused)
Refused.thrift_spec = (
    None,  # 0
    (1, TType.STRING, 'message', 'UTF8', None, ),  # 1
)
all_structs.append(StoreFull)
StoreFull.thrift_spec = (
    None,  # 0
    (1, TType.STRING, 'message', 'UTF8', None, ),  # 1
)
all_structs.append(Corrupt)
Corrupt.thrift_spec = (
    None,  # 0
    (1, TType.STRING, 'message', 'UTF8', None, ),  # 1
)
all_structs.append(Malformed)
Malformed.thrift_spec = (
    None,  # 0
    (1, TType.STRING, 'message', 'UTF8', None, ),  # 1
)
all_structs.append(NotOwner)
NotOwner.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'nearer', [Node, None], None, ),  # 1
)
all_structs.append(Hello)
Hello.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'node', [Node, None], None, ),  # 1
    (2, TType.STRUCT, 'ring', [Ring, None], None, ),  # 2
    (3, TType.BOOL, 'joined', None, None, ),  # 3
)
all_structs.append(Candidate)
Candidate.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'node', [Node, None], None, ),  # 1
    (2, TType.I16, 'finger', None, None, ),  # 2
)
all_structs.append(Owners)
Owners.thrift_spec = (
    None,  # 0
    (1, TType.LIST, 'nodes', (TType.STRUCT, [Node, None], False), None, ),  # 1
)
all_structs.append(Nearer)
Nearer.thrift_spec = (
    None,  # 0
    (1, TType.LIST, 'candidates', (TType.STRUCT, [Candidate, None], False), None, ),  # 1
)
all_structs.append(Hop)
Hop.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'owners', [Owners, None], None, ),  # 1
    (2, TType.STRUCT, 'nearer', [Nearer, None], None, ),  # 2
)
all_structs.append(Neighbourhood)
Neighbourhood.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'predecessor', [Node, None], None, ),  # 1
    (2, TType.LIST, 'successors', (TType.STRUCT, [Node, None], False), None, ),  # 2
)
all_structs.append(TrainingStatus)
TrainingStatus.thrift_spec = (
    None,  # 0
    (1, TType.STRING, 'job', 'UTF8', None, ),  # 1
    (2, TType.I32, 'round', None, None, ),  # 2
    (3, TType.I32, 'activity', None, None, ),  # 3
    (4, TType.I32, 'files', None, None, ),  # 4
    (5, TType.STRING, 'file', 'UTF8', None, ),  # 5
    (6, TType.I32, 'epoch', None, None, ),  # 6
    (7, TType.DOUBLE, 'accuracy', None, None, ),  # 7
    (8, TType.DOUBLE, 'loss', None, None, ),  # 8
)
all_structs.append(LeafStatus)
LeafStatus.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'node', [Node, None], None, ),  # 1
    (2, TType.I64, 'silent_ms', None, None, ),  # 2
    (3, TType.I32, 'orders', None, None, ),  # 3
    (4, TType.STRUCT, 'training', [TrainingStatus, None], None, ),  # 4
)
all_structs.append(Status)
Status.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'node', [Node, None], None, ),  # 1
    (2, TType.STRUCT, 'ring', [Ring, None], None, ),  # 2
    (3, TType.STRUCT, 'predecessor', [Node, None], None, ),  # 3
    (4, TType.LIST, 'successors', (TType.STRUCT, [Node, None], False), None, ),  # 4
    (5, TType.LIST, 'fingers', (TType.STRUCT, [Node, None], False), None, ),  # 5
    (6, TType.LIST, 'names', (TType.STRING, 'UTF8', False), None, ),  # 6
    (7, TType.I64, 'stored_bytes', None, None, ),  # 7
    (8, TType.STRUCT, 'training', [TrainingStatus, None], None, ),  # 8
    (9, TType.LIST, 'leaves', (TType.STRUCT, [LeafStatus, None], False), None, ),  # 9
)
all_structs.append(Entry)
Entry.thrift_spec = (
    None,  # 0
    (1, TType.STRING, 'key', 'BINARY', None, ),  # 1
    (2, TType.STRING, 'name', 'UTF8', None, ),  # 2
    (3, TType.STRING, 'digest', 'BINARY', None, ),  # 3
    (4, TType.I64, 'size', None, None, ),  # 4
)
all_structs.append(Item)
Item.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'entry', [Entry, None], None, ),  # 1
    (2, TType.I64, 'version', None, None, ),  # 2
    (3, TType.I64, 'lease_ms', None, None, ),  # 3
    (4, TType.BOOL, 'deleted', None, None, ),  # 4
    (5, TType.STRING, 'signature', 'BINARY', None, ),  # 5
)
all_structs.append(Parcel)
Parcel.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'item', [Item, None], None, ),  # 1
    (2, TType.STRING, 'content', 'BINARY', None, ),  # 2
)
all_structs.append(RangeDigest)
RangeDigest.thrift_spec = (
    None,  # 0
    (1, TType.I32, 'count', None, None, ),  # 1
    (2, TType.I64, 'digest', None, None, ),  # 2
)
all_structs.append(Receipt)
Receipt.thrift_spec = (
    None,  # 0
    (1, TType.BOOL, 'stored', None, None, ),  # 1
    (2, TType.I64, 'received', None, None, ),  # 2
)
all_structs.append(TrainingFile)
TrainingFile.thrift_spec = (
    None,  # 0
    (1, TType.I32, 'index', None, None, ),  # 1
    (2, TType.STRING, 'name', 'UTF8', None, ),  # 2
    (3, TType.STRING, 'digest', 'BINARY', None, ),  # 3
    (4, TType.I64, 'size', None, None, ),  # 4
    (5, TType.I64, 'rows', None, None, ),  # 5
)
all_structs.append(Share)
Share.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'node', [Node, None], None, ),  # 1
    (2, TType.STRING, 'files', 'BINARY', None, ),  # 2
)
all_structs.append(TrainConfig)
TrainConfig.thrift_spec = (
    None,  # 0
    (1, TType.STRING, 'optimizer', 'UTF8', None, ),  # 1
    (2, TType.I32, 'epochs', None, None, ),  # 2
    (3, TType.DOUBLE, 'eta', None, None, ),  # 3
    (4, TType.I32, 'batch', None, None, ),  # 4
    (5, TType.DOUBLE, 'momentum', None, None, ),  # 5
    (6, TType.DOUBLE, 'dropout', None, None, ),  # 6
    (7, TType.STRING, 'class_weights', 'BINARY', None, ),  # 7
    (8, TType.DOUBLE, 'mu', None, None, ),  # 8
    (9, TType.DOUBLE, 'clip', None, None, ),  # 9
    (10, TType.DOUBLE, 'update_clip', None, None, ),  # 10
    (11, TType.DOUBLE, 'update_noise', None, None, ),  # 11
)
all_structs.append(Design)
Design.thrift_spec = (
    None,  # 0
    (1, TType.LIST, 'sizes', (TType.I32, None, False), None, ),  # 1
    (2, TType.STRING, 'model', 'UTF8', None, ),  # 2
    (3, TType.LIST, 'shape', (TType.I32, None, False), None, ),  # 3
    (4, TType.BOOL, 'course', None, None, ),  # 4
    (5, TType.STRING, 'arithmetic', 'UTF8', None, ),  # 5
    (6, TType.STRING, 'task', 'UTF8', None, ),  # 6
    (7, TType.STRING, 'loss', 'UTF8', None, ),  # 7
)
all_structs.append(PersonalPlan)
PersonalPlan.thrift_spec = (
    None,  # 0
    (1, TType.STRING, 'method', 'UTF8', None, ),  # 1
    (2, TType.I32, 'epochs', None, None, ),  # 2
    (3, TType.DOUBLE, 'pull', None, None, ),  # 3
)
all_structs.append(TrainingPlan)
TrainingPlan.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'design', [Design, None], None, ),  # 1
    (2, TType.STRUCT, 'config', [TrainConfig, None], None, ),  # 2
    (3, TType.I32, 'fraction_bits', None, None, ),  # 3
    (4, TType.STRING, 'fingerprint', 'BINARY', None, ),  # 4
    (5, TType.STRING, 'reading', 'BINARY', None, ),  # 5
    (6, TType.STRUCT, 'personal', [PersonalPlan, None], None, ),  # 6
)
all_structs.append(MomentsTask)
MomentsTask.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'plan', [TrainingPlan, None], None, ),  # 1
)
all_structs.append(TrainTask)
TrainTask.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'plan', [TrainingPlan, None], None, ),  # 1
    (2, TType.STRING, 'moments', 'BINARY', None, ),  # 2
    (3, TType.I64, 'seed', None, None, ),  # 3
    (4, TType.BOOL, 'receipts', None, None, ),  # 4
    (5, TType.I32, 'updates', None, None, ),  # 5
    (6, TType.STRING, 'units', 'BINARY', None, ),  # 6
)
all_structs.append(EvaluateTask)
EvaluateTask.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'plan', [TrainingPlan, None], None, ),  # 1
    (2, TType.STRING, 'moments', 'BINARY', None, ),  # 2
)
all_structs.append(MixTask)
MixTask.thrift_spec = (
    None,  # 0
    (1, TType.I32, 'exchanges', None, None, ),  # 1
)
all_structs.append(HeldOutTask)
HeldOutTask.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'plan', [TrainingPlan, None], None, ),  # 1
    (2, TType.STRING, 'moments', 'BINARY', None, ),  # 2
)
all_structs.append(PersonalTask)
PersonalTask.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'plan', [TrainingPlan, None], None, ),  # 1
    (2, TType.STRING, 'moments', 'BINARY', None, ),  # 2
    (3, TType.I64, 'seed', None, None, ),  # 3
)
all_structs.append(DescribeTask)
DescribeTask.thrift_spec = (
    None,  # 0
    (1, TType.STRING, 'reading', 'BINARY', None, ),  # 1
)
all_structs.append(CompareTask)
CompareTask.thrift_spec = (
    None,  # 0
    (1, TType.STRING, 'reading', 'BINARY', None, ),  # 1
    (2, TType.STRING, 'rows', 'BINARY', None, ),  # 2
)
all_structs.append(HistogramTask)
HistogramTask.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'plan', [TrainingPlan, None], None, ),  # 1
)
all_structs.append(MaskedSite)
MaskedSite.thrift_spec = (
    None,  # 0
    (1, TType.STRING, 'address', 'UTF8', None, ),  # 1
    (2, TType.STRING, 'key', 'BINARY', None, ),  # 2
    (3, TType.STRING, 'files', 'BINARY', None, ),  # 3
)
all_structs.append(Masking)
Masking.thrift_spec = (
    None,  # 0
    (1, TType.I32, 'threshold', None, None, ),  # 1
    (2, TType.LIST, 'sites', (TType.STRUCT, [MaskedSite, None], False), None, ),  # 2
)
all_structs.append(PromiseTask)
PromiseTask.thrift_spec = (
    None,  # 0
    (1, TType.STRING, 'sum_id', 'BINARY', None, ),  # 1
    (2, TType.I64, 'began', None, None, ),  # 2
    (3, TType.STRING, 'driver', 'UTF8', None, ),  # 3
)
all_structs.append(RevealTask)
RevealTask.thrift_spec = (
    None,  # 0
    (1, TType.STRING, 'sum_id', 'BINARY', None, ),  # 1
    (2, TType.I64, 'began', None, None, ),  # 2
    (3, TType.STRING, 'driver', 'UTF8', None, ),  # 3
    (4, TType.STRUCT, 'masking', [Masking, None], None, ),  # 4
    (5, TType.STRING, 'included', 'BINARY', None, ),  # 5
    (6, TType.LIST, 'boxes', (TType.STRING, 'BINARY', False), None, ),  # 6
)
all_structs.append(Task)
Task.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'moments', [MomentsTask, None], None, ),  # 1
    (2, TType.STRUCT, 'train', [TrainTask, None], None, ),  # 2
    (3, TType.STRUCT, 'evaluate', [EvaluateTask, None], None, ),  # 3
    (4, TType.STRUCT, 'mix', [MixTask, None], None, ),  # 4
    (5, TType.STRUCT, 'describe', [DescribeTask, None], None, ),  # 5
    (6, TType.STRUCT, 'held_out', [HeldOutTask, None], None, ),  # 6
    (7, TType.STRUCT, 'promise', [PromiseTask, None], None, ),  # 7
    (8, TType.STRUCT, 'reveal', [RevealTask, None], None, ),  # 8
    (9, TType.STRUCT, 'personal', [PersonalTask, None], None, ),  # 9
    (10, TType.STRUCT, 'compare', [CompareTask, None], None, ),  # 10
    (11, TType.STRUCT, 'histogram', [HistogramTask, None], None, ),  # 11
)
all_structs.append(Order)
Order.thrift_spec = (
    None,  # 0
    (1, TType.STRING, 'job', 'UTF8', None, ),  # 1
    (2, TType.I32, 'round', None, None, ),  # 2
    (3, TType.LIST, 'files', (TType.STRUCT, [TrainingFile, None], False), None, ),  # 3
    (4, TType.STRUCT, 'task', [Task, None], None, ),  # 4
    (5, TType.STRING, 'weights', 'BINARY', None, ),  # 5
    (6, TType.I64, 'weights_size', None, None, ),  # 6
    (7, TType.BOOL, 'may_refuse', None, None, ),  # 7
    (8, TType.LIST, 'shares', (TType.STRUCT, [Share, None], False), None, ),  # 8
    (9, TType.STRING, 'limit', 'BINARY', None, ),  # 9
    (10, TType.I64, 'attempt', None, None, ),  # 10
    (11, TType.DOUBLE, 'priority', None, None, ),  # 11
    (12, TType.STRUCT, 'masking', [Masking, None], None, ),  # 12
    (13, TType.STRING, 'base', 'BINARY', None, ),  # 13
)
all_structs.append(Push)
Push.thrift_spec = (
    None,  # 0
    (1, TType.STRING, 'job', 'UTF8', None, ),  # 1
    (2, TType.I32, 'round', None, None, ),  # 2
    (3, TType.I64, 'attempt', None, None, ),  # 3
    (4, TType.I32, 'number', None, None, ),  # 4
    (5, TType.STRUCT, 'sender', [Node, None], None, ),  # 5
    (6, TType.STRING, 'digest', 'BINARY', None, ),  # 6
    (7, TType.I64, 'size', None, None, ),  # 7
)
all_structs.append(Progress)
Progress.thrift_spec = (
    None,  # 0
    (1, TType.STRING, 'state', 'UTF8', None, ),  # 1
    (2, TType.STRING, 'message', 'UTF8', None, ),  # 2
    (3, TType.STRING, 'result', 'BINARY', None, ),  # 3
    (4, TType.I64, 'size', None, None, ),  # 4
    (5, TType.DOUBLE, 'seconds', None, None, ),  # 5
    (6, TType.DOUBLE, 'loss', None, None, ),  # 6
    (7, TType.DOUBLE, 'accuracy', None, None, ),  # 7
    (8, TType.STRUCT, 'training', [TrainingStatus, None], None, ),  # 8
    (9, TType.STRING, 'content', 'BINARY', None, ),  # 9
)
all_structs.append(LeafTicket)
LeafTicket.thrift_spec = (
    None,  # 0
    (1, TType.STRING, 'ticket', 'UTF8', None, ),  # 1
    (2, TType.STRUCT, 'progress', [Progress, None], None, ),  # 2
)
all_structs.append(LeafOrder)
LeafOrder.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'order', [Order, None], None, ),  # 1
    (2, TType.STRING, 'content', 'BINARY', None, ),  # 2
)
all_structs.append(Errands)
Errands.thrift_spec = (
    None,  # 0
    (1, TType.LIST, 'orders', (TType.STRUCT, [LeafOrder, None], False), None, ),  # 1
    (2, TType.LIST, 'wanted', (TType.STRING, 'UTF8', False), None, ),  # 2
)
all_structs.append(ListedJob)
ListedJob.thrift_spec = (
    None,  # 0
    (1, TType.STRING, 'job', 'UTF8', None, ),  # 1
    (2, TType.STRING, 'state', 'UTF8', None, ),  # 2
    (3, TType.I64, 'round', None, None, ),  # 3
    (4, TType.I64, 'rounds', None, None, ),  # 4
    (5, TType.DOUBLE, 'validation_error', None, None, ),  # 5
    (6, TType.STRING, 'result', 'BINARY', None, ),  # 6
    (7, TType.STRING, 'driver', 'UTF8', None, ),  # 7
    (8, TType.STRING, 'reason', 'UTF8', None, ),  # 8
    (9, TType.STRING, 'forgets', 'BINARY', None, ),  # 9
    (10, TType.STRING, 'pinned', 'UTF8', None, ),  # 10
    (11, TType.LIST, 'malformed', (TType.STRING, 'UTF8', False), None, ),  # 11
    (12, TType.LIST, 'liars', (TType.STRING, 'UTF8', False), None, ),  # 12
    (13, TType.LIST, 'sites', (TType.STRING, 'UTF8', False), None, ),  # 13
    (14, TType.BOOL, 'may_fork', None, None, ),  # 14
    (15, TType.I64, 'started', None, None, ),  # 15
    (16, TType.I64, 'files', None, None, ),  # 16
    (17, TType.LIST, 'settings', (TType.STRING, 'UTF8', False), None, ),  # 17
)
all_structs.append(Grant)
Grant.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'node', [Node, None], None, ),  # 1
    (2, TType.STRUCT, 'ring', [Ring, None], None, ),  # 2
    (3, TType.STRUCT, 'bootstrap', [Node, None], None, ),  # 3
)
all_structs.append(Lease)
Lease.thrift_spec = (
    None,  # 0
    (1, TType.I32, 'milliseconds', None, None, ),  # 1
    (2, TType.STRUCT, 'other', [Node, None], None, ),  # 2
)
all_structs.append(Members)
Members.thrift_spec = (
    None,  # 0
    (1, TType.STRUCT, 'ring', [Ring, None], None, ),  # 1
    (2, TType.LIST, 'nodes', (TType.STRUCT, [Node, None], False), None, ),  # 2
)
fix_spec(all_structs)
del all_structs
