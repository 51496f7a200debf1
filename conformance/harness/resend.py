"""Sends stored bytes again, cut as they were, and prints what comes back.

This file is a part of scripts that leave this suite behind: it needs the standard library of Python
3.8 and nothing else, and is copied into them as it stands.

Steps are tuples whose first item says what to do:

    ("open", connection, receive buffer or None)
    ("send", connection, bytes)
    ("wait", connection, number of bytes, number of whole responses or None, whether it ended)
    ("half-close" | "close" | "reset" | "pause" | "resume", connection)
    ("gate", name)       until the probe's application stands there
    ("let go", name)     lets it go on
"""

import http.client
import io
import json
import os
import re
import secrets
import selectors
import socket
import struct
import sys
import time
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

REQUEST = re.compile(rb"(?m)^([!#$%&'*+.^_`|~0-9A-Za-z-]+) [^\r\n]* HTTP/1\.[01]\r?$")

SHOWN = 2000
HEAD_ENDS = re.compile(rb"\n\r?\n")


class Sock(io.BytesIO):
    """Bytes as http.client reads them; how far it got can be asked afterwards."""

    def makefile(self, mode: str) -> "Sock":
        """Stand for a socket's file."""
        return self

    def close(self) -> None:
        """Stay open."""


def whole_responses(sent: bytes, received: bytes, ended: bool) -> int:
    """Return how many whole responses stand at the beginning of what was received."""
    methods = [method.decode("latin-1") for method in REQUEST.findall(sent)]
    count = 0
    # At the end of what it has, http.client takes half a head for a whole one.
    while HEAD_ENDS.search(received):
        sock = Sock(received)
        method = methods[count] if count < len(methods) else "GET"
        response = http.client.HTTPResponse(sock, method=method)  # type: ignore[arg-type]
        try:
            response.begin()
            to_end = response.length is None and not response.chunked
            response.read()
        except (OSError, ValueError, http.client.HTTPException):
            return count
        if to_end and not ended:
            return count
        received = received[sock.tell() :]
        count += 1
    return count


def shown(data: bytes) -> str:
    """Return bytes as text, of very many only the beginning."""
    return repr(data) if len(data) <= SHOWN else f"{data[:SHOWN]!r} and so on, {len(data)} bytes"


class Peer:
    """A connection to the server."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.sent = bytearray()
        self.received = bytearray()
        self.ended = ""
        self.closed = False


class Resender:
    """Goes through the steps.

    Args:
        address: host and port of the server.
        limit: seconds after which a wait is given up.
        payload: directory that the server has loaded ``probe:app`` from, or None where something
            else is served.
        scenes: what the calls play, in the order in which connections are opened. marker: text by
            which requests for a fence are known.
        say: prints a line.
    """

    def __init__(
        self,
        address: Tuple[str, int],
        limit: float = 5.0,
        payload: Optional[str] = None,
        scenes: Sequence[Dict[str, Any]] = (),
        marker: str = "",
        say: Callable[[str], None] = print,
    ) -> None:
        self.address = address
        self.limit = limit
        self.payload = payload
        self.scenes = list(scenes)
        self.scene: Dict[str, Any] = {}
        self.marker = marker
        self.say = say
        self.peers: Dict[int, Peer] = {}
        self.selector = selectors.DefaultSelector()
        self.begun = time.monotonic()
        self.gates: Dict[str, List[socket.socket]] = {}
        self.buffers: Dict[socket.socket, bytearray] = {}
        self.numbers: Dict[socket.socket, int] = {}
        self.vain = 0
        if payload is not None:
            self._listen(payload)

    def tell(self, what: str) -> None:
        """Print a line with its time in milliseconds."""
        self.say(f"{(time.monotonic() - self.begun) * 1000:10.3f}  {what}")

    def go(self, steps: Sequence[Tuple[Any, ...]]) -> int:
        """Do all steps; return how many waits were in vain.

        Errors:
            OSError: nobody listens at the address.
        """
        try:
            for step in steps:
                self._step(*step)
        finally:
            for number in list(self.peers):
                self._drop(number)
            for names in self.gates.values():
                for caller in names:
                    self._answer(caller, None)
            for caller in list(self.buffers):
                caller.close()
            self.selector.close()
        return self.vain

    def _step(self, what: str, *rest: Any) -> None:
        if what == "open":
            self._open(*rest)
        elif what == "send":
            self._send(*rest)
        elif what == "wait":
            self._wait(*rest)
        elif what in ("gate", "let go"):
            self._gate(what, *rest)
        else:
            self._end(what, *rest)

    def _open(self, number: int, window: Optional[int]) -> None:
        if self.scenes:
            self.scene = self.scenes.pop(0)
        sock = socket.socket()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if window is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        sock.settimeout(self.limit)
        sock.connect(self.address)
        sock.setblocking(False)
        self.peers[number] = Peer(sock)
        self.tell("client {} connected to {}:{}".format(number, *self.address))
        self._watch(number)

    def _watch(self, number: int) -> None:
        peer = self.peers[number]
        if not peer.closed and not peer.ended:
            self.selector.register(peer.socket, selectors.EVENT_READ, lambda: self._read(number))

    def _unwatch(self, sock: socket.socket) -> None:
        try:
            self.selector.unregister(sock)
        except (KeyError, ValueError):
            return

    def _read(self, number: int) -> None:
        peer = self.peers[number]
        try:
            data = peer.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError as error:
            peer.ended = f"reset ({error.strerror})"
        else:
            if data:
                peer.received += data
                self.tell(f"client {number} < {shown(data)}")
                return
            peer.ended = "closed by the server"
        self._unwatch(peer.socket)
        self.tell(f"client {number} {peer.ended}")

    def _send(self, number: int, data: bytes) -> None:
        peer = self.peers[number]
        left = memoryview(data)
        while left and not peer.closed:
            try:
                count = peer.socket.send(left)
            except BlockingIOError:
                if not self._writable(peer.socket):
                    self.tell(f"client {number}: no room to send the rest")
                    return
                continue
            except OSError as error:
                self.tell(f"client {number} cannot send: {error.strerror}")
                return
            self.tell(f"client {number} > {shown(bytes(left[:count]))}")
            peer.sent += left[:count]
            left = left[count:]

    def _writable(self, sock: socket.socket) -> bool:
        """Wait for room to send, and read meanwhile, as the server may wait for us."""
        ready: List[bool] = []
        spare = sock.dup()
        self.selector.register(spare, selectors.EVENT_WRITE, lambda: ready.append(True))
        self._until(lambda: bool(ready))
        self._unwatch(spare)
        spare.close()
        return bool(ready)

    def _wait(self, number: int, count: int, responses: Optional[int], ended: bool) -> None:
        peer = self.peers[number]

        def there() -> bool:
            if peer.ended or peer.closed:
                return True
            if ended:
                return False
            if responses is not None:
                got = whole_responses(bytes(peer.sent), bytes(peer.received), bool(peer.ended))
                return got >= responses
            return len(peer.received) >= count

        if not self._until(there):
            self.vain += 1
            wanted = f"{count} bytes" if responses is None else "a whole response"
            wanted = "the end of the connection" if ended else wanted
            self.tell(f"client {number}: waited in vain for {wanted}")

    def _end(self, what: str, number: int) -> None:
        peer = self.peers[number]
        if peer.closed:
            return
        self.tell(f"client {number}: {what}")
        if what == "half-close":
            try:
                peer.socket.shutdown(socket.SHUT_WR)
            except OSError:
                return
        elif what == "pause":
            self._unwatch(peer.socket)
        elif what == "resume":
            self._unwatch(peer.socket)
            self._watch(number)
        else:
            if what == "reset":
                linger = struct.pack("ii", 1, 0)
                peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self._drop(number)

    def _drop(self, number: int) -> None:
        peer = self.peers[number]
        self._unwatch(peer.socket)
        peer.socket.close()
        peer.closed = True

    def _until(self, condition: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + self.limit
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for key, _ in self.selector.select(left):
                if self.selector.get_map().get(key.fd) is key:
                    key.data()
        return True

    # What the application is told, and what it tells, over a connection of its own.

    def _listen(self, payload: str) -> None:
        self.token = secrets.token_hex(16)
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        listener.setblocking(False)
        self.buffers[listener] = bytearray()
        self.selector.register(listener, selectors.EVENT_READ, lambda: self._accept(listener))
        host, port = listener.getsockname()
        session = {"host": host, "port": port, "token": self.token}
        path = os.path.join(payload, "session.json")
        with open(path + ".new", "w", encoding="ascii") as file:
            json.dump(session, file)
        os.chmod(path + ".new", 0o644)
        os.replace(path + ".new", path)

    def _accept(self, listener: socket.socket) -> None:
        try:
            caller, _ = listener.accept()
        except OSError:
            return
        caller.setblocking(False)
        self.buffers[caller] = bytearray()
        self.selector.register(caller, selectors.EVENT_READ, lambda: self._heard(caller))

    def _heard(self, caller: socket.socket) -> None:
        try:
            data = caller.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._unwatch(caller)
            del self.buffers[caller]
            caller.close()
            return
        self.buffers[caller] += data
        *lines, rest = bytes(self.buffers[caller]).split(b"\n")
        self.buffers[caller] = bytearray(rest)
        for line in lines:
            event = json.loads(line.decode("ascii"))
            self._told(caller, event["kind"], event["data"])

    def _told(self, caller: socket.socket, kind: str, data: Dict[str, Any]) -> None:
        if kind == "called":
            if data.pop("token", None) != self.token:
                return
            self.numbers[caller] = number = len(self.numbers) + 1
            for _, value in data["environ"].get("items", ()):
                if self.marker and isinstance(value, str) and self.marker in value:
                    word = value.partition(self.marker)[2].partition(".")[0]
                    self.tell(f"application: call {number} is a fence, says {word!r}")
                    self._answer(caller, {"say": word})
                    return
            self._answer(caller, self.scene)
        elif kind == "gate":
            self.gates.setdefault(data["name"], []).append(caller)
        told = json.dumps(data, sort_keys=True)
        self.tell(f"application: call {self.numbers.get(caller, 0)} {kind} {told}")

    def _answer(self, caller: socket.socket, value: Any) -> None:
        try:
            caller.sendall(json.dumps(value).encode("ascii") + b"\n")
        except OSError:
            return

    def _gate(self, what: str, name: str) -> None:
        if self.payload is None:
            return
        if what == "gate":
            if not self._until(lambda: bool(self.gates.get(name))):
                self.vain += 1
                self.tell(f"waited in vain for the application at gate {name!r}")
        elif self.gates.get(name):
            self._answer(self.gates[name].pop(0), None)
            self.tell(f"application: let go at gate {name!r}")


def main(
    steps: Sequence[Tuple[Any, ...]], scenes: Sequence[Dict[str, Any]], marker: str, usage: str
) -> int:
    """Read the command line, do the steps; return the exit code."""
    words = sys.argv[1:]
    payload = None
    limit = 5.0
    if "--payload" in words[:-1]:
        place = words.index("--payload")
        payload = words[place + 1]
        del words[place : place + 2]
    if "--limit" in words[:-1]:
        place = words.index("--limit")
        limit = float(words[place + 1])
        del words[place : place + 2]
    host, _, port = words[0].rpartition(":") if len(words) == 1 else ("", "", "")
    if not (host and port.isdigit()):
        print(usage)
        return 2
    if payload is not None and not os.path.isfile(os.path.join(payload, "probe.py")):
        print(f"{payload}: not a payload: there is no probe.py in it", file=sys.stderr)
        return 2
    resender = Resender((host.strip("[]"), int(port)), limit, payload, scenes, marker)
    try:
        return 1 if resender.go(steps) else 0
    except OSError as error:
        print(f"{host}:{port}: {error.strerror or error}", file=sys.stderr)
        return 3
