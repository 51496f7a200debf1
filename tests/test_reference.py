"""The reference server, where no rule of the suite looks."""

from __future__ import annotations

import http.client
import threading
from typing import Any

import pytest

from conformance.reference import Server


@pytest.mark.parametrize("value", [" fruit=apple; Path=/", "fruit=apple; Path=/  ", "", " "])
def test_whitespace_around_a_value_is_no_part_of_it(value: str) -> None:
    """Django's cookies begin with a space."""

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Set-Cookie", value), ("Content-Length", "0")])
        return []

    server = Server(application)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    client = http.client.HTTPConnection(*server.address, timeout=10)
    try:
        client.request("GET", "/")
        response = client.getresponse()
        assert response.status == 200
        assert response.getheader("Set-Cookie") == value.strip()
    finally:
        client.close()
        server.close()
