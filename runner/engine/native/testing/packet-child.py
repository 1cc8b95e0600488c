#!/usr/bin/env python3
"""A child for the addon's tests: speaks packets on fd 3 as its first argument says."""

import os
import signal
import socket
import sys

channel = socket.socket(fileno=3)


def receive():
    """A packet and its descriptors, or None at the end."""
    packet, fds, _, _ = socket.recv_fds(channel, 1 << 20, 250)
    return (packet, fds) if packet else None


def send(text, fds=()):
    packet = text if isinstance(text, bytes) else text.encode()
    socket.send_fds(channel, [packet], fds) if fds else channel.send(packet)


def echo():
    """Sends each packet back with its descriptors, into each of which it writes a greeting."""
    while received := receive():
        packet, fds = received
        for fd in fds:
            os.write(fd, b"greetings")
        send(packet, fds)
        for fd in fds:
            os.close(fd)


def flood(count):
    for number in range(int(count)):
        send(f"{number} " + "x" * 1000)


def push(limit):
    """Sends without waiting until nobody has read for long, and says on stderr how far it got."""
    channel.setblocking(False)
    sent = tries = 0
    while sent < int(limit) and tries < 20000:
        try:
            send("x" * 1000)
            sent, tries = sent + 1, 0
        except BlockingIOError:
            tries += 1
            os.sched_yield()
    os.write(2, str(sent).encode())


def late():
    """Reads nothing before SIGUSR1; then answers how many packets came, and whether in order."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    send("ready")
    signal.sigwait([signal.SIGUSR1])
    expected = 0
    while received := receive():
        packet, fds = received
        if packet == b"end":
            send(f"{expected} in order")
            continue
        if int(packet.split()[0]) != expected or len(fds) != expected % 3:
            send(f"{packet[:20]} with {len(fds)} descriptors where {expected} belongs")
            return
        expected += 1
        for fd in fds:
            os.close(fd)


def report(*args):
    """Says what it was started with: descriptors, arguments, environment, and whether it leads a session."""
    links = []
    for fd in range(64):
        try:
            links.append(f"{fd}={os.readlink(f'/proc/self/fd/{fd}').split(':')[0]}")
        except FileNotFoundError:
            pass
    leader = os.getsid(0) == os.getpid()
    send("\n".join([" ".join(links), " ".join(args), repr(sorted(os.environb.items())), str(leader)]))


def leave(code):
    send("last words")
    os._exit(int(code))


def deaf():
    """Closes the channel and lives on."""
    channel.close()
    signal.pause()


def oversized():
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    send("before")
    send("x" * 65537)
    receive()


def crowded():
    send("x", [0] * 65)
    receive()


def latin1():
    send(b"\xe9t\xe9")
    receive()


def heir():
    """Ends, but leaves a process behind that holds the channel open until its other end is closed."""
    if os.fork() == 0:
        receive()
        os._exit(0)
    send("inherited")
    os._exit(5)


try:
    globals()[sys.argv[1]](*sys.argv[2:])
except ConnectionError:
    sys.exit(0)  # the other end was closed first
