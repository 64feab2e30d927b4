"""The wall-clock limit of a call, whatever the other side does with its socket."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import pytest

from aijobs.errors import ProviderError, Unreachable
from aijobs.providers.http import post
from tests.aijobs.provider_server import KEY, ProviderServer
from zqyy.durable.leases import LeaseLost
from zqyy.durable.loss import Loss

LIMIT = 0.6


@pytest.fixture
def server():
    server = ProviderServer()
    yield server
    server.stop()


def call(server: ProviderServer, *, seconds: float = LIMIT, loss: Loss | None = None):
    return post(
        url=f"{server.url}/api/v1/apps/app7_customer/completion",
        key=KEY,
        body={"input": {"prompt": "x"}},
        seconds=seconds,
        loss=loss or Loss(),
    )


def hang(request) -> None:
    time.sleep(3)


def drip(*, head: bytes, piece: bytes, tail: bytes = b"") -> Callable:
    """Send the head, then a piece every tenth of a second."""

    def misbehave(request) -> None:
        request.wfile.write(head)
        for _piece in range(30):
            request.wfile.write(piece)
            time.sleep(0.1)
        request.wfile.write(tail)
        request.close_connection = True

    return misbehave


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "misbehave",
    [
        hang,
        drip(head=OK + b"X-Slow: ", piece=b"a"),
        drip(head=OK + b"Content-Length: 100\r\n\r\n", piece=b"a"),
        drip(head=OK + b"Transfer-Encoding: chunked\r\n\r\n", piece=b"1\r\na\r\n"),
        drip(head=OK + b"Connection: close\r\n\r\n", piece=b"1"),
    ],
    ids=["hang", "dripping headers", "dripping body", "dripping chunks", "body without an end"],
)
@pytest.mark.parametrize("reused", [False, True], ids=["new connection", "reused connection"])
def test_a_call_is_cut_at_its_limit(server, misbehave, reused):
    if reused:
        call(server)
    server.order("app7_customer", misbehave=misbehave)
    started = time.monotonic()

    with pytest.raises(ProviderError) as failure:
        call(server)

    assert failure.value.code == "timeout"
    assert time.monotonic() - started < LIMIT + 0.4


def test_a_lost_lease_cuts_the_call_at_once(server):
    server.order("app7_customer", misbehave=hang)
    loss = Loss()
    threading.Timer(0.2, loss.tell).start()
    started = time.monotonic()

    with pytest.raises(LeaseLost):
        call(server, seconds=30, loss=loss)

    assert time.monotonic() - started < 1


def test_a_connection_that_breaks_is_unreachable(server):
    server.order(
        "app7_customer", misbehave=lambda request: request.connection.shutdown(socket.SHUT_RDWR)
    )

    with pytest.raises(Unreachable):
        call(server, seconds=5)


def test_nobody_listening_is_unreachable(server):
    server.stop()

    with pytest.raises(Unreachable):
        call(server, seconds=5)


def test_a_key_from_netrc_does_not_replace_ours(server, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))

    assert call(server, seconds=5).status == 200


def test_the_error_of_a_broken_connection_carries_no_address(server):
    server.stop()

    with pytest.raises(Unreachable) as failure:
        call(server, seconds=5)

    assert "127.0.0.1" not in str(failure.value)
