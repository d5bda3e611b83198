"""The evaluation of the Chord paper on this code, one module per experiment, and more.

Each experiment has a `run(seed, quick)` that returns an ExperimentResult: our values beside the published ones, with
the limits that each row must meet. The code that routes and repairs is that of chord/.

balanced       balanced identifiers against hashed ones
churn          failed lookups while nodes join and fail (2001, figure 12)
churning_ring  a ring that nodes join and leave all the time
failures       failed lookups after simultaneous failures (2001, figure 11)
half_dead      path length and timeouts with many dead nodes (2003, table II)
leave_join     lookups while nodes join and leave (2003, table III)
load           keys per node, virtual nodes (2001, figures 8 and 9)
path           path length (2001, figure 10)
proximity      proximity-aware fingers (2003, table IV)
published      the published numbers
repair         failures a few at a time, with repair in between
size           how large a ring the simulator can run
walks          lookups as the experiments count them
"""
