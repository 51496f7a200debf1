"""What the harness costs: a full run beside a bare request/response loop on the same server.

Both are measured in turn, round by round, so that a machine whose speed drifts drifts for both.
Prints medians with their spread; says nothing of good or bad.

    python tests/bench/exchange.py [--rounds N] [NAME ...]
"""

from __future__ import annotations

import argparse
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conformance import rules
from conformance.cli.suite import load_suite
from conformance.harness.control import Control
from conformance.harness.environment import current
from conformance.harness.launcher import Launcher
from conformance.harness.live import Live
from conformance.harness.loop import Loop
from conformance.harness.payload import write_payload, write_session
from conformance.harness.runner import Options, conduct, run_subject
from conformance.probing import Probe, request
from conformance.roster import Subject, load_roster

SERVERS = ("reference", "waitress", "gunicorn-gthread", "cheroot")
REQUESTS = 300
# One exchange, one judgement: what a small probe costs.
SMALL = "environ_paths.bytes_of_a_path"
QUICKACK = getattr(socket, "TCP_QUICKACK", None)
PLAIN = """
BODY = b"hello"

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [BODY]
"""


def bare_loop(address: tuple[str, int]) -> float:
    """Return seconds per request of a keep-alive loop that looks for the body's last bytes."""
    wanted = request()
    connection = socket.create_connection(address)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    begun = time.perf_counter()
    for _ in range(REQUESTS):
        connection.sendall(wanted)
        data = b""
        while not data.endswith(b"\r\n\r\nhello"):
            if QUICKACK is not None:
                connection.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)
            part = connection.recv(65536)
            if not part:
                raise SystemExit(f"{address}: closed a keep-alive connection")
            data += part
    spent = time.perf_counter() - begun
    connection.close()
    return spent / REQUESTS


@contextmanager
def serving(subject: Subject, application: str | None) -> Iterator[tuple[Live, Launcher]]:
    """Start a server, with the plain application beside ours where a source is given."""
    with tempfile.TemporaryDirectory() as directory:
        loop = Loop()
        control = Control(loop, "bench", "bench-marker-")
        payload = write_payload(Path(directory) / "payload")
        write_session(payload, control.address, "bench")
        if application is not None:
            # Answers the readiness request through ours, everything else by itself.
            (payload / "plain.py").write_text(application)
            with (payload / "probe.py").open("a") as file:
                file.write(SWITCH)
        rundir = Path(directory) / "run"
        rundir.mkdir()
        launcher = Launcher(subject, current(subject), loop, control, payload, rundir)
        try:
            yield Live(loop, control, launcher.start(), 5.0), launcher
        finally:
            launcher.stop()
            control.close()
            loop.close()


SWITCH = """
import plain

ours = app

def app(environ, start_response):
    if environ.get("QUERY_STRING"):
        return ours(environ, start_response)
    return plain.app(environ, start_response)
"""


def judged_exchanges(live: Live, probe: Probe, known: dict[str, rules.Rule]) -> float:
    """Return seconds per judged exchange of one small probe, played again and again."""
    begun = time.perf_counter()
    for _ in range(REQUESTS // 3):
        live.begin()
        conduct(live, probe, known, "bench-marker-")
    return (time.perf_counter() - begun) / (REQUESTS // 3)


def full_run(subject: Subject, options: Options) -> tuple[float, float, float]:
    """Return seconds per exchange of a full run, its share of waiting, and its whole length."""
    loop = Loop()
    result = run_subject(subject, current(subject), options, loop).result
    loop.close()
    return result.playing / result.exchanges, result.waited / result.playing, result.duration


def show(values: list[float], unit: float = 1000) -> str:
    """Return a median with its range."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle * unit:.3f} [{low * unit:.3f}-{high * unit:.3f}]"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("servers", nargs="*", default=SERVERS, metavar="NAME")
    parser.add_argument("--rounds", type=int, default=5)
    settings = parser.parse_args()
    suite = load_suite()
    known = dict(suite.rules)
    options = Options(suite.probes, known, frozenset(known))
    small = suite.probes[SMALL]
    roster = load_roster()
    print(f"milliseconds, median [range] of {settings.rounds} interleaved rounds")
    print(
        f"{'server':18} {'bare keep-alive':>22} {'judged exchange':>22} {'ratio':>6} "
        f"{'full run/exchange':>22} {'ratio':>6} {'waiting':>8} {'whole run, s':>20}"
    )
    for name in settings.servers:
        subject = roster[name]
        bare, judged, full, waiting, whole = [], [], [], [], []
        with serving(subject, PLAIN) as (plain, _), serving(subject, None) as (live, _):
            for _ in range(settings.rounds):
                bare.append(bare_loop(plain.address))
                judged.append(judged_exchanges(live, small, known))
                each, share, length = full_run(subject, options)
                full.append(each)
                waiting.append(share)
                whole.append(length)
        middle = statistics.median(bare)
        print(
            f"{name:18} {show(bare):>22} {show(judged):>22} "
            f"{statistics.median(judged) / middle:6.1f} {show(full):>22} "
            f"{statistics.median(full) / middle:6.1f} "
            f"{statistics.median(waiting):8.0%} {show(whole, 1):>20}"
        )


if __name__ == "__main__":
    main()
