"""Chord: the ring, its members and what they keep. No sockets, threads, clocks or learning in here.

choices     what of a ring command lines may choose
ring        the identifier circle: keys, intervals, finger starts
refs        how a node is named: address, identifier, incarnation
effects     what a procedure may ask of the world: Ask, AskAll, Sleep
requests    every question one process may put to another, and its answer
errors      what can go wrong, definite or indefinite
node        the state of one node; its handlers answer from that state alone
protocol    the procedures that keep the ring: join, stabilize, rectify, fix_fingers, leave
lookup      find_successor: the iterative walk to a key
suspects    when silence becomes death
agenda      what a handler has set in motion, waiting to be run
answers     from a request to the handler that has the state for it
membership  the supernode's side: admission, identifiers, leases
blobs       contents by digest
store       the state of one node's store: an index by key of what is kept, on leases
storing     the procedures that write to many stores: put, put_many, write
finding     the procedures that read many stores: find, get, fetch
caretaking  copies restored, handed over and given away, whoever comes and goes
survey      a walk round the whole ring
upkeep      what a node does all its life: keep its neighbours, its fingers, its lease
invariants  what must hold of every ring, and what an ideal one is
"""
