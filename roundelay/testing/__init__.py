"""Starts and disturbs real rings of processes, for tests, chaos, bench and deploy.

cluster          a supernode and nodes as processes that can be killed, paused and restarted
multi_host_ring  the same, spread over network namespaces
namespaces       hosts on one machine: network namespaces connected by a switch
proxy            a TCP proxy that delays, slices, drops and resets
process_stats    memory, threads and descriptors of a process over time
"""
