"""Servers that misbehave as badly as a process can: ``hostile.py MODE HOST PORT MODULE:ATTR``.

The suite has to end in a verdict or in a plain failure to start, whatever these do, and to leave
nothing of them behind. Standard library only. Every process they start has this file's path among
the words of its command, so that a test can look for it afterwards.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

MIB = 1 << 20
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
Answer = Callable[[socket.socket], None]


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket."""
    return socket.create_server((host, port), backlog=16)


def read_head(connection: socket.socket) -> bytes:
    """Return a request's head; it may be cut short."""
    data = b""
    while b"\r\n\r\n" not in data and (part := connection.recv(65536)):
        data += part
    return data


def call(application: Any, head: bytes) -> bytes:
    """Call the application about as CGI would, and return a whole response."""
    method, target, _ = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
    path, _, query = target.partition("?")
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "hostile",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": sys.stdin.buffer,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    started: list[Any] = []
    body = b"".join(application(environ, lambda status, fields: started.extend((status, fields))))
    lines = [f"HTTP/1.1 {started[0]}", *(f"{name}: {value}" for name, value in started[1])]
    return "\r\n".join(lines).encode("latin-1") + b"\r\nConnection: close\r\n\r\n" + body


def serve(application: Any, listener: socket.socket, answer: Answer | None) -> None:
    """Answer the harness's readiness request properly, and all others in the mode's way."""
    ready = False
    while True:
        connection, _ = listener.accept()
        with connection:
            head = read_head(connection)
            if not head:
                continue
            try:
                if answer is not None and ready:
                    answer(connection)
                else:
                    connection.sendall(call(application, head))
                    ready = True
            except OSError:  # the client has had enough
                continue


# What is sent in place of a response


def dies(connection: socket.socket) -> None:
    """End the process."""
    os._exit(3)


def hangs(connection: socket.socket) -> None:
    """Never answer."""
    signal.pause()


def hangs_after_head(connection: socket.socket) -> None:
    """Announce a body and never send it."""
    connection.sendall(HEAD + b"Content-Length: 5\r\n\r\n")
    signal.pause()


def garbage(connection: socket.socket) -> None:
    """Send what is no HTTP."""
    connection.sendall(bytes(range(256)) * 16)


def floods(connection: socket.socket) -> None:
    """Send a body without end."""
    connection.sendall(HEAD + b"Connection: close\r\n\r\n")
    while True:
        connection.sendall(b"flood..." * (MIB // 8))


def drips(connection: socket.socket) -> None:
    """Send a response so slowly that it is never over, though never quiet."""
    for number in HEAD + b"Content-Length: 1000\r\n\r\n" + bytes(1000):
        connection.sendall(bytes([number]))
        time.sleep(0.1)


def closes(connection: socket.socket) -> None:
    """Hang up."""


def gabbles(connection: socket.socket) -> None:
    """Speak to the control channel as anybody on the machine could, then hang up."""
    address = ("127.0.0.1", session()["port"])
    token = session()["token"]
    for line in babble(token):
        with socket.create_connection(address) as channel:
            channel.sendall(line + b"\n")


def session() -> dict[str, Any]:
    """Return what the payload was told of the control channel."""
    for folder in sys.path:
        try:
            with open(os.path.join(folder, "session.json"), encoding="ascii") as file:
                found: dict[str, Any] = json.load(file)
                return found
        except OSError:
            continue
    raise SystemExit("no session file")


def babble(token: str) -> Iterator[bytes]:
    """Yield lines that are no events, some of them with the right token."""
    start = b'{"t": 1, "kind": "called", "data": {"token": "' + token.encode("ascii") + b'", '
    yield b"\xff\x00 no JSON"
    yield b"[" * 100_000
    yield b"1" * MIB
    yield b'{"t": 1, "kind": "called", "data": {"token": "guessed", "environ": {}}}'
    yield start + b'"environ": 5}}'
    yield start + b'"count": 2}}'
    yield start + b'"environ": {"items": [[{"?": 1}, 2]]}}}'
    yield start + b'"environ": {}}}\n{"t": 1, "kind": "note", "data": {"values": 7}}'


# Modes that are strange from the start


def never_starts(application: Any, host: str, port: int) -> None:
    """Do nothing at all."""
    signal.pause()


def exits_at_once(application: Any, host: str, port: int) -> None:
    """Fail as a server does that does not like its configuration."""
    print("hostile: cannot find the flux capacitor", file=sys.stderr, flush=True)
    raise SystemExit(7)


def forks(application: Any, host: str, port: int) -> None:
    """Leave a grandchild in a session of its own that ignores every polite signal."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            ignore_signals()
            while True:
                signal.pause()
        os._exit(0)
    os.wait()
    serve(application, listen(host, port), None)


def strips(application: Any, host: str, port: int) -> None:
    """Leave a child in a group of its own that has nothing of the server's environment."""
    if os.fork() == 0:
        os.setpgid(0, 0)
        pause = "import signal; signal.pause()"
        os.execve(sys.executable, [sys.executable, "-I", "-c", pause, __file__], {})
    serve(application, listen(host, port), dies)


def ignores_sigterm(application: Any, host: str, port: int) -> None:
    """Serve well, and stay."""
    ignore_signals()
    serve(application, listen(host, port), None)


def ignore_signals() -> None:
    """Ignore what asks a process to end."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)


def impostor(application: Any, host: str, port: int) -> None:
    """Answer everything with 200, and never call the application."""
    listener = listen(host, port)
    while True:
        connection, _ = listener.accept()
        with connection:
            read_head(connection)
            connection.sendall(HEAD + b"Content-Length: 2\r\nConnection: close\r\n\r\nOK")


def logs(application: Any, host: str, port: int) -> None:
    """Write 100 MiB to the log in each request."""

    def noisy(environ: dict[str, Any], start_response: Any) -> Any:
        line = b"x" * (MIB - 1) + b"\n"
        for _ in range(100):
            os.write(1, line)
        os.write(2, b"hostile: enough\n")
        return application(environ, start_response)

    serve(noisy, listen(host, port), None)


def logs_forever(application: Any, host: str, port: int) -> None:
    """Serve, while a child that outlives the server never stops writing to the log."""
    if os.fork() == 0:
        while True:
            os.write(1, b"y" * 65536)
    serve(application, listen(host, port), dies)


ANSWERS: dict[str, Answer] = {
    "dies-mid-probe": dies,
    "hangs": hangs,
    "hangs-after-head": hangs_after_head,
    "garbage": garbage,
    "floods": floods,
    "drips": drips,
    "closes-immediately": closes,
    "gabbles": gabbles,
}
STRANGE: dict[str, Callable[[Any, str, int], None]] = {
    "never-starts": never_starts,
    "exits-at-once": exits_at_once,
    "forks": forks,
    "strips": strips,
    "ignores-sigterm": ignores_sigterm,
    "impostor": impostor,
    "logs-much": logs,
    "logs-forever": logs_forever,
}


def main() -> None:
    """Be the server that the mode says."""
    mode, host, port, spec = sys.argv[1:]
    module, _, attribute = spec.partition(":")
    application = getattr(importlib.import_module(module), attribute)
    if mode in STRANGE:
        STRANGE[mode](application, host, int(port))
    elif mode == "well-behaved":
        serve(application, listen(host, int(port)), None)
    else:
        serve(application, listen(host, int(port)), ANSWERS[mode])


if __name__ == "__main__":
    main()
