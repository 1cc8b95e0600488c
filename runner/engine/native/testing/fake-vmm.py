#!/usr/bin/env python3
"""A child that speaks docs/control-protocol.md on fd 3, without a guest behind it.

What it does is in the environment: VMTEST_FAKE names a script below. The kernel's command line, which it
gets as a real vmtest-vmm does, goes to the console, and vsock connections echo what they read.
"""

import json
import os
import socket
import sys
import threading

channel = socket.socket(fileno=3)
script = os.environ.get("VMTEST_FAKE", "")
console = None


def send(message, fds=()):
    packet = json.dumps(message).encode()
    if fds:
        socket.send_fds(channel, [packet], fds)
    else:
        channel.send(packet)


def reply(request, ok=None, fds=()):
    send({"reply": request["id"], "ok": ok or {}}, fds)


def refuse(request, code, message, subject=None):
    error = {"code": code, "message": message}
    if subject:
        error["subject"] = subject
    send({"reply": request["id"], "error": error})


def echo(stream):
    while data := stream.recv(65536):
        stream.sendall(data)
    stream.shutdown(socket.SHUT_WR)
    stream.close()


def open_stream():
    ours, theirs = socket.socketpair()
    threading.Thread(target=echo, args=(ours,), daemon=True).start()
    return theirs


def say(text):
    if console is not None:
        console.sendall(text.encode())


def on_start(request):
    if script == "never-answers":
        return
    reply(request)
    if script == "poweroff":
        say("one\ntwo\n" + "x" * 100000 + "\nthe last line\n")
        send({"event": "ended", "reason": {"kind": "poweroff"}})
    elif script == "panic":
        say("[    1.0] Kernel panic - not syncing: no init\n")
        send({"event": "ended", "reason": {"kind": "reset", "by": "acpi"}})
    elif script == "crash":
        sys.stderr.write("first\nlast words\n")
        sys.stderr.flush()
        os.kill(os.getpid(), 9)
    elif script == "nonsense":
        channel.send(b'{"event":"party"}')
    elif script == "wrong-id":
        send({"reply": 99, "ok": {}})
    elif script == "stray-descriptor":
        stream = open_stream()
        send({"event": "panicked"}, [stream.fileno()])
    elif script == "log":
        send({"event": "log", "level": "warning", "message": "a device needs a reset"})


def on_configure(request, fds):
    global console
    if script == "bad-kernel":
        return refuse(request, "bad-image", "not an ELF file", "kernel")
    if script == "locked-disk":
        return refuse(request, "busy", "another guest holds it", "disks[1]")
    if script == "dies-configuring":
        sys.stderr.write("cannot allocate\n")
        sys.stderr.flush()
        os._exit(3)
    console = socket.socket(fileno=os.dup(fds[request["console"]]))
    kernel = os.pread(fds[request["kernel"]], 100, 0).decode()
    say(f"kernel={kernel} cmdline={request['cmdline']} cpus={request['cpus']} memory={request['memory_mib']}\n")
    for disk in request["disks"]:
        overlay = os.fstat(fds[disk["overlay"]]).st_nlink if "overlay" in disk else "none"
        say(f"disk mode={disk['mode']} overlay-links={overlay} serial={disk.get('serial')}\n")
    reply(request)


def on_stats(request):
    counts = {"io": 1, "mmio": 2, "hlt": 3, "intr": 4, "other": 5}
    vsock = {"connections": 0, "rx_bytes": 0, "tx_bytes": 0, "resets": 0}
    reply(request, {"exits": counts, "vcpus": [counts], "queues": {}, "vsock": vsock})


def serve(request, fds):
    kind = request["type"]
    if kind == "configure":
        on_configure(request, fds)
    elif kind == "start":
        on_start(request)
    elif kind == "stats":
        on_stats(request)
    elif kind == "vsock-connect":
        if request["port"] == 1:
            return refuse(request, "not-found", "nobody listens there")
        stream = open_stream()
        reply(request, {"stream": 0}, [stream.fileno()])
    elif kind == "vsock-listen":
        reply(request)
        stream = open_stream()
        accept = {"event": "vsock-accept", "port": request["port"], "peer_port": 77, "stream": 0}
        send(accept, [stream.fileno()])
    elif kind == "stop":
        reply(request)
        send({"event": "ended", "reason": {"kind": "killed"}})
    elif kind == "pause":
        refuse(request, "wrong-state", "not running")
    else:
        reply(request)


if script == "old":
    send({"event": "hello", "protocol": 99, "version": "9", "arch": "x86_64"})
elif script != "silent":
    send({"event": "hello", "protocol": 1, "version": "0.1.0", "arch": "x86_64"})

while True:
    packet, fds, _, _ = socket.recv_fds(channel, 65536, 64)
    if not packet:
        sys.exit(0)
    serve(json.loads(packet), fds)
    for fd in fds:
        os.close(fd)
