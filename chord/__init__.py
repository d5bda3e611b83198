"""Chord: the ring, its members and what they keep. No sockets, threads, clocks or learning in here.

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
membership  the supernode's side: admission, identifiers, leases
store       the state of one node's store: blobs by digest, an index by key
storing     the procedures on many stores: put, fetch
"""
