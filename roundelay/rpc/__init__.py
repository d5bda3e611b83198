"""Remote procedure calls over Thrift: the only package that knows the wire format.

gen          the code that the compiler generates from service.thrift; committed, never edited
generate     generates it again, or checks that it is fresh
fields       checks single fields; identifiers and digests
ring_codec   converts the ring's values to wire structs and back, and domain errors to wire exceptions and back
store_codec  converts the store's values
job_codec    converts orders, tasks, progress and pushes
listing_codec  converts what a node says of a job
leaf_codec   converts what a leaf and its host exchange
secure_codec converts the sites and tasks of secure aggregation
progress_codec  converts a node's training status
admission    which connections a server keeps when it is full
calls        the table of requests: the Thrift call that carries each, and its conversions
method       one method of the contract: its generated structs and constant bytes
peers        the client: pooled connections, a deadline on every call, typed errors
lines        the pool of connections
exchange     measures one call: its time, its outcome and its bytes
handlers     the server's side of a call: one request in, one answer of the core out
server       accepts connections and limits what each may take
protocol     Thrift's binary protocol, with limits
fast_binary  structs written and read by Thrift's C extension
version      the version of the protocol, and the refusal of others
resolver     names to addresses, within a deadline
transport    frames over a TCP socket, under one deadline a call

Only in a secured ring:
secure_context  TLS contexts of a kit, and its owner
secure_channel  mutual TLS from a kit: connections, sessions, signatures, revocations
secure_socket   the same frames in TLS records, sealed and opened in memory
secure_peers    what the client does about it: secures connections and verifies the process that answers
access          the access table: which role may make which call, and for whom it may speak
audit_log       a file of what changed something and of what was refused
"""
