"""What the entry points share, and the client's subcommands, one file each.

environment  is everything installed?
exits        exit codes, and how an error becomes one line and a code
options      command lines: the parser, and the options made from the settings of a job
entry        the way into the ring: through the supernode, or any node that is listed
commands     the command lines of the client's subcommands
train        the command line of a training, and what must fit together in it
training     route, train, average, validate
given        what the user gives: files, settings, weights to begin from
jobs         the jobs of the ring
attach       watch a job until it ends
cancel       end a job
export       the model of a job, into a file
audit        verify a job's record
status       every node of the ring
lookup       the way to a name's key, hop by hop
predict      a saved model on a file
membership   what compute_node.py runs
dashboard    the command line of python -m roundelay.dashboard
seeds        the command lines of the systems that this one replaces
report       a job's results, and the files written of them
screen       what people see of a job: notes, rounds, results (bars, tables)
local        the ring of --local, which comes up beside
"""
