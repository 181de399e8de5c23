"""Ports for servers that tests start as processes, and some of them again and again.

Not from where the kernel takes the ports of outgoing connections (`net.ipv4.ip_local_port_range`, from 32768 on): a
server that needs seconds to start, or is down for a while, would find its port taken by anybody's connection.
"""

import random
import socket

FIRST, LAST = 20_000, 32_000
_given: set[int] = set()


def free_port(side_by_side: int = 1) -> int:
    """The first of so many ports in a row that nobody listens at, and that this session has given to nobody."""
    for _ in range(1000):
        first = random.SystemRandom().randrange(FIRST, LAST)
        ports = range(first, first + side_by_side)
        if _given.isdisjoint(ports) and all(map(_is_free, ports)):
            _given.update(ports)
            return first
    raise OSError(f"no {side_by_side} free ports side by side from {FIRST} to {LAST}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
