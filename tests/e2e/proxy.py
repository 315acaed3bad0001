#!/usr/bin/env python3
"""A loopback proxy that records every byte and does damage when asked.

    proxy.py LISTEN-PORT TARGET-PORT FOLDER

FOLDER/ready appears once it listens. FOLDER/up and FOLDER/down collect the bytes of all connections
(up = towards the target), FOLDER/trace has a line "up BYTES" or "down BYTES" for each chunk. Damage is asked for by creating a file, which is removed once it is done:
    FOLDER/flip    the next chunk, in either direction, has one bit changed
    FOLDER/cut     the next chunk is sent up to its middle, then the connection is closed
While FOLDER/block exists, new connections are closed at once and open ones are cut.
"""
import os
import selectors
import socket
import sys

CHUNK = 65536


def asked(folder, what):
    """True once for each time that the file is made."""
    try:
        os.unlink(os.path.join(folder, what))
        return True
    except FileNotFoundError:
        return False


class Side:
    """One direction of one connection."""

    def __init__(self, source, sink, record, trace, name):
        self.source, self.sink, self.record = source, sink, record
        self.trace, self.name = trace, name


def forward(side, folder):
    """Moves one chunk; False if the connection is over."""
    try:
        data = side.source.recv(CHUNK)
    except OSError:
        return False
    if not data:
        return False
    side.record.write(data)
    side.record.flush()
    side.trace.write("%s %d\n" % (side.name, len(data)))
    side.trace.flush()
    cut = asked(folder, "cut")
    if cut:
        data = data[:len(data) // 2]
    elif asked(folder, "flip"):
        middle = len(data) // 2
        data = data[:middle] + bytes([data[middle] ^ 0x10]) + data[middle + 1:]
    try:
        side.sink.sendall(data)
    except OSError:
        return False
    return not cut


def main():
    port, target, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    up = open(os.path.join(folder, "up"), "ab")
    down = open(os.path.join(folder, "down"), "ab")
    trace = open(os.path.join(folder, "trace"), "a")
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(16)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ, None)
    open(os.path.join(folder, "ready"), "w").close()

    def close(side):
        for sock in (side.source, side.sink):
            try:
                selector.unregister(sock)
            except (KeyError, ValueError):
                pass
            sock.close()

    while True:
        blocked = os.path.exists(os.path.join(folder, "block"))
        for key, _ in selector.select(timeout=0.1):
            if key.fileobj is listener:
                client, _ = listener.accept()
                if blocked:
                    client.close()
                    continue
                try:
                    server = socket.create_connection(("127.0.0.1", target), timeout=5)
                except OSError:
                    client.close()
                    continue
                for sock in (client, server):
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(client, selectors.EVENT_READ,
                                  Side(client, server, up, trace, "up"))
                selector.register(server, selectors.EVENT_READ,
                                  Side(server, client, down, trace, "down"))
            elif key.fileobj.fileno() >= 0 and not forward(key.data, folder):
                close(key.data)
        if blocked:
            for key in list(selector.get_map().values()):
                if key.data is not None and key.fileobj.fileno() >= 0:
                    close(key.data)


if __name__ == "__main__":
    main()
