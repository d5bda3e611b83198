"""Federated learning on the ring: who trains what, and what becomes of it. Generators, no I/O.

settings    what a user chooses for a job: defaults, ranges, meanings
spec        what a job is: settings, files, validation; its id
work        orders and their progress, as requests between processes
tasks       what an order asks: moments, train, evaluate, mix
node_core   what a compute node runs: the one list of its handlers and loops
trainer_client  the parent's side of the trainer protocol
orders      a node's orders: queued, running, done; and carrying them out
records     what a job is on the ring: spec, chained results, reports, its end
jobs        jobs published, listed, looked at
placing     every file of a job stored on the ring, in all copies
placement   which node trains which file
participation  which files take part in a round
rules/      what becomes of a round's mean: FedAvg and others, one a file
topologies/ who adds: partial sums on a tree over the fingers
pinning     files that stay where they are: published, never sent
roster      who may be given work
rounds      one round's work: every file on one node, whatever becomes of the nodes
arithmetic  what a round computes: tasks, moments, the exact mean
chronicle   writes a job's records in their order
renewing    what a job needs stays leased while it is driven
driver      one job from where it stands to its end
keeping     a node looks after its jobs, and drives those that nobody drives
auditing    is a job's record true? verified, and made again
reach       questions to the ring that survive the loss of the node they began at
errors      what can go wrong with a job
"""
