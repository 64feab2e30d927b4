"""The wall-clock limit of a call, whatever the other side does with its socket."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from aijobs.errors import ProviderError, Unreachable
from aijobs.providers.http import post
from aijobs.standin.server import KEY, StandIn
from zqyy.durable.leases import LeaseLost
from zqyy.durable.loss import Loss

LIMIT = 0.6


@pytest.fixture
def server():
    server = StandIn()
    yield server
    server.stop()


def call(server: StandIn, *, seconds: float = LIMIT, loss: Loss | None = None):
    return post(
        url=f"{server.url}/api/v1/apps/app7_customer/completion",
        key=KEY,
        body={"input": {"prompt": "x"}},
        seconds=seconds,
        loss=loss or Loss(),
    )


@pytest.mark.parametrize(
    "fault", ["hang", "header_drip", "body_drip", "chunked_drip", "endless_body"]
)
@pytest.mark.parametrize("reused", [False, True], ids=["new connection", "reused connection"])
def test_a_call_is_cut_at_its_limit(server, fault, reused):
    if reused:
        call(server)
    server.order("app7_customer", fault=fault)
    started = time.monotonic()

    with pytest.raises(ProviderError) as failure:
        call(server)

    assert failure.value.code == "timeout"
    assert time.monotonic() - started < LIMIT + 0.4


def test_a_server_that_never_ends_the_tls_handshake_is_cut_at_the_limit():
    started = time.monotonic()

    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(ProviderError) as failure:
        post(
            url=f"https://127.0.0.1:{silent.getsockname()[1]}/",
            key=KEY,
            body={},
            seconds=LIMIT,
            loss=Loss(),
        )

    assert failure.value.code == "timeout"
    assert time.monotonic() - started < LIMIT + 0.4


def test_a_lost_lease_cuts_the_call_at_once(server):
    server.order("app7_customer", fault="hang")
    loss = Loss()
    threading.Timer(0.2, loss.tell).start()
    started = time.monotonic()

    with pytest.raises(LeaseLost):
        call(server, seconds=30, loss=loss)

    assert time.monotonic() - started < 1


@pytest.mark.parametrize("fault", ["reset", "cut_body"])
def test_a_connection_that_breaks_is_unreachable(server, fault):
    server.order("app7_customer", fault=fault)

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
