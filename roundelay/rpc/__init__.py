"""Thrift: the only package that knows the wire.

gen        what the compiler makes of service.thrift; committed, never edited
generate   makes it anew, or checks that it is fresh
codec      wire structs to domain values and back; wire exceptions to domain errors and back
calls      one row a request: the Thrift call that carries it, both ways
peers      pooled connections: ask a process, get its answer or a typed error
handlers   the other side: a call in, one answer of the core out
transport  frames over a socket, received into one buffer
protocol   Thrift's binary protocol, with limits
server     accepts, limits, times out
"""
