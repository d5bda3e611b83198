"""The parts of `python -m chaos hostile`: whatever one stranger can say to a ring, said to a real one.

golden       a typical message of every call, as its bytes
mutation     change messages and records: types, ranges, nesting, sizes, names, versions, single bytes
raw_wire     a connection that sends any bytes
fuzzer       a process that sends changed messages to every process of a ring
prober       a process that makes good calls, and times them
honest_jobs  the job that must end with the right hash beside all this
records      hostile records of every kind, stored like honest ones
repeating    something done again and again beside an attack
greedy       connections that drip, never read, wait, or say nothing
liar         a compute node that joins the ring and lies in its answers
watch        processes lost, tracebacks, memory
case         what a named case is, and what it has to work with
lethal       cases: one message ends a process
memory       cases: memory without a bound
slowness     cases: time without a bound
believed     cases: values that are believed or shown
"""
