"""Scenarios of the fault suite: each module's SCENARIOS are functions that disturb one ring and return a result.

mass_failures   many processes killed at once, or the whole ring
pauses          processes that stop, hang or slow down
network_faults  delays, resets, losses and one-way links
partitions      a network split in two
multi_host      eight hosts, one of which loses its link
disk_faults     full disks and corrupted contents
byzantine       forged records, other arithmetic, garbage on every port
control_plane   joins and jobs that are refused, queued or cancelled
"""
