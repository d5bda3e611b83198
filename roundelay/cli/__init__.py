"""The command line: it parses, calls the client layer and prints.

environment       launch a program: check Python and packages first
loading           import without garbage collection; tell a checkout from an installed package
main              the programs, and the client's subcommands
exits             exit codes, and how an error becomes one line and a code

parser_base       the parser, argparse types, groups of options
configuration     values from flags, variables, a file and defaults
registry          which option keys each program knows
legacy_arguments  command lines of the systems that this one replaces
commands          the command lines of the short subcommands
settings          options made from the settings of a job
data_options      options made from DataOptions
ring_address      the ring that the options name
ring_entry        enter that ring, or say what to start
security          --kit, --insecure and --audit-log
monitoring        --metrics-port and --log-format
json_lines        lines of a server as JSON objects
node_list         write an address into the node list, for --register

train, training   train: its command line; what it runs
jobs, attach, cancel, pause, resume, sites, export, audit, verify, predict, status, check, lookup, ping, ring,
prepare, inspect, describe, forget, partition, dashboard, plugins, pki, completion, simulate   the others (check is
status --check)
pictures          the pictures of inspect and describe in the documents
compute_node, run_compute_node, supernode, run_supernode   the servers: command lines; what they run
node_check    compute_node.py check: what private data look like to the ring

screen            the output of a job: notes and rounds
result_files      the files of a job's results, in another folder if theirs has no room
bars, tables      what rich draws: progress, and results at the end
"""
