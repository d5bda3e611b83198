"""What a running process owns: threads, timers, child processes, files. The core runs inside it.

runtime    steps procedures and performs what they yield: the only owner of threads and waits
member     one compute node: its core, its server, its threads, from start to leave
admission  the supernode's process: membership behind a server, and its journal
joining    how a compute node gets into a ring
trainer    has orders carried out by the training process, and restarts it when it dies
trainer_process  the training process, and the frames to and from it
flower     a Flower client of the node's own, as its training process is told of it
shelf      a data directory: files that need not be sent
addresses  compute_nodes.txt: who may join, and where the supernode is
console    finger tables and training lines for people
children   programs of ours as children of this process
local      a ring of one's own on this machine, that leaves nothing behind
whole      is a ring whole? seen from outside
options    what command lines need to know of nodes
errors     what can go wrong with a process, for who only tells of it
"""
