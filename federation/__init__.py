"""Federated learning on the ring: who trains what, and what becomes of it. Generators, no I/O.

spec       what a job is: settings with their ranges, files, validation; its id
work       orders and their progress, as requests between processes
orders     a node's orders: queued, running, done; the results it holds
placement  which node trains which file
placing    every file of a job stored on the ring, in all copies
driver     one job from its first order to its last round
errors     what can go wrong with a job
"""
