"""The published numbers that ours are compared with.

READ: from the figures of Stoica, Morris, Karger, Kaashoek, Balakrishnan, "Chord: A Scalable Peer-to-peer Lookup
Service for Internet Applications", SIGCOMM 2001 (plotted points to three digits). RECALLED: tables of the longer
version, IEEE/ACM ToN 11(1), 2003, from memory. REFERENCE: an independent simulation of the same set-ups.
"""

from __future__ import annotations

# --- READ: SIGCOMM 2001

KEYS_P99 = {  # Fig. 8a: keys on 10^4 nodes -> 99th percentile of keys per node
    100_000: 48,
    200_000: 91,
    300_000: 138,
    400_000: 181,
    500_000: 228,
    600_000: 273,
    700_000: 320,
    800_000: 364,
    900_000: 411,
    1_000_000: 463,
}
KEYS_MAX_OVER_MEAN = 9.1  # Fig. 8b: one draw of 5 * 10^5 keys
VIRTUAL_NODES = {1: (0, 477), 2: (7, 347), 5: (24, 220), 10: (38, 186), 20: (50, 161)}  # Fig. 9: p1, p99
PATH_MEAN = {  # Fig. 10a: log2 N -> mean hops to the key's predecessor
    3: 1.72,
    4: 2.09,
    5: 2.49,
    6: 2.96,
    7: 3.39,
    8: 3.88,
    9: 4.38,
    10: 4.89,
    11: 5.36,
    12: 5.85,
    13: 6.35,
    14: 6.87,
}
PATH_P1_P99 = {
    3: (1, 3),
    4: (1, 4),
    5: (1, 5),
    6: (1, 5),
    7: (1, 6),
    8: (1, 7),
    9: (1, 7),
    10: (2, 8),
    11: (2, 9),
    12: (2, 10),
    13: (2, 10),
    14: (3, 11),
}
PATH_PDF = {  # Fig. 10b: N = 2^12, hops -> fraction of lookups
    1: 0.0033,
    2: 0.0181,
    3: 0.0570,
    4: 0.1289,
    5: 0.2124,
    6: 0.2255,
    7: 0.1938,
    8: 0.1095,
    9: 0.0413,
    10: 0.0093,
    11: 0.0012,
    12: 0.0002,
}
FAILURES = {  # Fig. 11: fraction of failed nodes -> failed lookups, 95 % interval
    0.01: (0.0093, 0.0066, 0.0120),
    0.025: (0.0211, 0.0162, 0.0260),
    0.05: (0.0467, 0.0412, 0.0522),
    0.10: (0.0944, 0.0875, 0.1013),
    0.15: (0.1466, 0.1373, 0.1559),
    0.20: (0.2006, 0.1906, 0.2106),
}
CHURN = {  # Fig. 12: joins and failures per second -> failed lookups, 95 % interval
    0.01: (0.0030, 0.0003, 0.0055),
    0.02: (0.0095, 0.0073, 0.0117),
    0.05: (0.0245, 0.0180, 0.0310),
    0.10: (0.0645, 0.0580, 0.0710),
}

# --- RECALLED: ToN 2003

HALF_DEAD = {  # Table II: fraction dead -> mean path, mean timeouts
    0.0: (3.84, 0.0),
    0.1: (4.03, 0.60),
    0.2: (4.22, 1.17),
    0.3: (4.44, 2.02),
    0.4: (4.69, 3.23),
    0.5: (5.09, 5.10),
}
LEAVE_JOIN = {  # Table III: rate per second -> mean path, mean timeouts, failures in 10,000 lookups
    0.05: (3.90, 0.05, 0),
    0.10: (3.83, 0.11, 0),
    0.15: (3.84, 0.16, 2),
    0.20: (3.81, 0.23, 5),
    0.25: (3.83, 0.30, 6),
    0.30: (3.91, 0.34, 8),
    0.35: (3.94, 0.42, 16),
    0.40: (4.06, 0.46, 15),
}
STRETCH = {  # Table IV: candidates per finger -> median stretch in 3-d space, iterative and recursive
    1: (7.8, 4.5),
    2: (7.2, 3.5),
    4: (6.1, 2.7),
    8: (4.7, 2.1),
    16: (3.4, 1.7),
}

# --- REFERENCE

VIRTUAL_NODES_REFERENCE = {1: (0.5, 463), 2: (6.5, 332), 5: (24.0, 235), 10: (38.4, 192), 20: (51.0, 165)}
HALF_DEAD_REFERENCE = {
    0.0: (3.75, 0.0),
    0.1: (3.91, 0.52),
    0.2: (4.10, 1.21),
    0.3: (4.37, 2.28),
    0.4: (4.64, 3.66),
    0.5: (5.09, 5.94),
}


def path_reference(log2_nodes: int) -> float:
    """Return the mean path length on the line through the paper's points from 2^7 nodes on."""
    return log2_nodes / 2 - 0.14
