#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Free ports that no other test uses as long as this process lives; the rule is that of
tests/js/lib/util.mjs: who listens on the twin of a port owns the port, also while its node is down.

    own_ports.py COUNT     prints them on a line, keeps them until its stdin ends
"""

import random
import socket
import sys

# Below the kernel's ephemeral range, or an outgoing connection might sit on a port.
PORT_MIN = 20000
PORT_SPAN = 6000


def listen_on(port, host):
    """A listener, or None where somebody else is."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except OSError:
        listener.close()
        return None
    return listener


def own_ports(count):
    """The ports, and what has to be kept as long as they are wanted."""
    ports, twins = [], []
    for port in random.sample(range(PORT_MIN, PORT_MIN + PORT_SPAN), PORT_SPAN):
        if len(ports) == count:
            return ports, twins
        twin = listen_on(port + PORT_SPAN, "127.0.0.1")
        if not twin:
            continue
        probe = listen_on(port, "0.0.0.0")
        if not probe:
            twin.close()
            continue
        probe.close()
        ports.append(port)
        twins.append(twin)
    sys.exit("no free loopback ports")


def main():
    ports, _twins = own_ports(int(sys.argv[1]))
    print(*ports, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
