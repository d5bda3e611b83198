"""The resources of a running process: threads, timers, child processes, files. The core runs inside it.

runtime            steps procedures and performs what they yield: the only owner of threads and waits
condition_lock     its lock, which wakes a thread only when what it waits for is true
compute_node       one compute node: its core, server and trainer, from start to leave
leaf_node          one leaf, which only dials out
participant        what both have in common: store, orders, trainer
leaf_hosting       a node's side of its leaves: holds their calls until there is news
security           what a process of a secured ring makes of its kit
joining            how a compute node gets into a ring
supernode          the supernode: the registry behind a server
identity_journal   the journal of the identities that it grants
trainer            has orders carried out by the training process, and restarts it when it dies
trainer_process    the training process, and the frames to and from it
checkpoints        the checkpoints of the node's orders
flower             a Flower client of the node's own
private            a folder whose files never leave the node
data_directory     files that need not be sent to the node
disk               the node's store on the disk (SQLite)
store_format       the tables of that store, their version, and migration from earlier ones
files              contents in files, read piece by piece
addresses          the node list: which nodes may join, and where the supernode is
metrics            what a process measures of itself, for Prometheus
monitoring         serves metrics and health over HTTP
operating_system   all that differs between operating systems
console            prints finger tables
line_limit         limit the lines about progress on a console
shown              what may come from elsewhere, made safe for a terminal, a log and JSON
budgets            the table of all limits, for the documentation
load               simulated load: orders are delayed or refused
failpoints         faults injected at named places
partition_fault    an injected network partition
server_process     settings of a process that serves many connections
parent             readiness, and ending with the program that started the process
subprocesses       our programs as children of this process
ring_processes     the processes of a ring on this machine
local              a ring on this machine that leaves nothing behind
lab                the churn lab: a ring for fault injection
readiness          waits until a ring has converged
dashboard_process  the dashboard as a child process
options            constants that command lines need before any code of nodes
errors             errors of processes
"""
