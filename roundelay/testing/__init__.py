"""Real rings of processes for tests, chaos and benchmarks: started, disturbed, observed.

cluster        a supernode, nodes and clients that can be killed, paused and restarted
multi_host     the same, spread over several hosts
namespaces     several hosts on one machine, as network namespaces, near or far apart
hub            delays, limits and loses the frames between hosts that are far apart
proxy          a TCP proxy that injects network faults
kits           kits for the processes of a secured ring
waiting        waits for conditions and console lines, with a limit
process_stats  a process's memory, threads and descriptors over time
"""
