"""Chord: the ring, its members and the lookup of keys. No sockets, threads, clocks, storage or learning in here.

I. Stoica et al., "Chord: A scalable peer-to-peer lookup service for Internet applications", SIGCOMM 2001, with the
corrections of P. Zave, "Reasoning about identifier spaces: How to make Chord correct", IEEE TSE 43(12), 2017.

choices           defaults and choices that command lines show
crawl             visit every node of a ring: list members, show states, check the predicates
dispatch          from a request to the handler that answers it
effects           what a procedure may ask of the world, and how to run a procedure
errors            what can go wrong, definite or indefinite
failure_detector  when a silent peer is suspected, and when it is declared dead
invariants        the predicates that hold of every correct ring
lookup            find_successor: the iterative lookup of a key
maintenance       the loops of a member: stabilize, fix fingers, heartbeat, merge rings
node              the state of one node, and what it answers from that state alone
pending           tasks that handlers leave to be run later
probe             ask a peer for its neighbours until it answers or is dead
protocol          the procedures that keep the ring: join, stabilize, rectify, fix_fingers, leave
quarantine        what has failed unexpectedly, and is left alone for a while
proximity         choose near nodes as fingers, as an option
refs              how a process is named: address, identifier, incarnation
registry          the supernode's list of members: admission, identifiers, leases
requests          every request about the ring, and its answer
relays            ask a node that accepts no connections through others
ring              the identifier circle: keys, intervals, finger starts
round_trips       how long a peer takes to answer, estimated as TCP does
routing_table     what a node knows of the ring by distance, and the next hops that follow from it
snapshot          the views of all members at one moment, and what follows from them
states            the states of a node and of a peer, as tables
"""
