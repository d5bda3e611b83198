"""A topology: the nodes of one host add their sums first, so that one sum leaves each host."""


def by_host(nodes, number):
    """Return the nodes that train in round `number`, in groups; the first of a group adds its sums."""
    hosts = {}
    for node in nodes:
        hosts.setdefault(node.address.host, []).append(node)
    return list(hosts.values())
