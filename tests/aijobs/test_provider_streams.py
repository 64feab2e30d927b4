"""Answers that come piece by piece: whole or not at all."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest

from aijobs.errors import ProviderError, Throttled, Unreachable
from aijobs.providers import Completion, Provider, Request, http
from aijobs.providers.dashscope import DashScope
from aijobs.providers.openai import OpenAI
from aijobs.standin.server import StandIn
from zqyy.durable.leases import LeaseLost
from zqyy.durable.loss import Loss

PROVIDERS = {"dashscope": DashScope, "openai": OpenAI}
TEXT = "上周实收 1234.00 元〔1〕，比前一周多。\n依据见下。"
LIMIT = 0.6


@pytest.fixture
def server():
    server = StandIn()
    yield server
    server.stop()


@pytest.fixture(params=PROVIDERS)
def provider(request, server, settings) -> Provider:
    for name, value in server.settings(request.param).items():
        setattr(settings, name, value)
    return PROVIDERS[request.param]()


class Listener:
    def __init__(self) -> None:
        self.pieces: list[str] = []

    def __call__(self, piece: str) -> None:
        self.pieces.append(piece)


def ask(provider: Provider, *, on_text, seconds: float = 5, loss: Loss | None = None) -> Completion:
    return provider.complete(
        Request(
            app="app1_chat",
            prompt="上周实收多少？",
            features={},
            seconds=seconds,
            max_output_tokens=100,
            loss=loss or Loss(),
            on_text=on_text,
        )
    )


def test_pieces_add_up_to_the_answer(provider, server):
    server.order("*", text=TEXT, tokens_out=77)
    listener = Listener()

    completion = ask(provider, on_text=listener)

    assert completion.text == TEXT == "".join(listener.pieces)
    assert len([piece for piece in listener.pieces if piece]) > 3
    assert (completion.tokens_out, completion.is_estimated) == (77, False)
    assert completion.request_id == "r-1"


def test_a_caller_that_does_not_listen_gets_the_same_as_a_whole(provider, server):
    server.order("*", text=TEXT, tokens_out=77)

    listened = ask(provider, on_text=Listener())
    whole = ask(provider, on_text=None)

    assert (whole.text, whole.tokens_in, whole.tokens_out, whole.model) == (
        listened.text,
        listened.tokens_in,
        listened.tokens_out,
        listened.model,
    )


def test_a_late_timer_makes_no_outage_of_a_timeout(provider, server, monkeypatch):
    late = SimpleNamespace(Timer=lambda *_: SimpleNamespace(start=int, cancel=int))
    late.Lock, late.local = threading.Lock, threading.local
    monkeypatch.setattr(http, "threading", late)
    server.order("*", fault="hang", text=TEXT)

    with pytest.raises(ProviderError) as failure:
        ask(provider, on_text=Listener(), seconds=LIMIT)

    assert failure.value.code == "timeout"


@pytest.mark.parametrize(
    "fault", ["hang", "header_drip", "body_drip", "chunked_drip", "endless_body", "stream_stalled"]
)
def test_a_stream_is_cut_at_its_limit(provider, server, fault):
    server.order("*", fault=fault, text=TEXT)
    listener = Listener()
    started = time.monotonic()

    with pytest.raises(ProviderError) as failure:
        ask(provider, on_text=listener, seconds=LIMIT)

    assert failure.value.code == "timeout"
    assert time.monotonic() - started < LIMIT + 0.4
    # What had come was told, and is worth nothing.
    assert bool("".join(listener.pieces)) is (fault == "stream_stalled")


@pytest.mark.parametrize("fault", ["stream_cut", "stream_ended"])
def test_a_stream_without_its_end_is_no_answer(provider, server, fault):
    server.order("*", fault=fault, text=TEXT)

    with pytest.raises(Unreachable):
        ask(provider, on_text=Listener())


def test_a_lost_lease_cuts_a_stream_at_once(provider, server):
    server.order("*", fault="stream_stalled", text=TEXT)
    loss = Loss()
    threading.Timer(0.2, loss.tell).start()
    started = time.monotonic()

    with pytest.raises(LeaseLost):
        ask(provider, on_text=Listener(), seconds=30, loss=loss)

    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("stream_error", "provider_error"),
        ("error", "provider_error"),
        ("auth", "auth"),
        ("bad_request", "bad_request"),
        ("content_blocked", "content_blocked"),
        ("garbage", "provider_error"),
    ],
)
def test_each_fault_of_a_stream_reaches_the_caller_as_its_code(provider, server, fault, code):
    server.order("*", fault=fault, text=TEXT)

    with pytest.raises(ProviderError) as failure:
        ask(provider, on_text=Listener())

    assert failure.value.code == code


def test_a_throttled_stream_says_when_to_come_back(provider, server):
    server.order("*", fault="throttled", headers={"Retry-After": "7"})

    with pytest.raises(Throttled) as failure:
        ask(provider, on_text=Listener())

    assert failure.value.retry_after == 7


def test_an_endpoint_that_does_not_stream_is_listened_to_all_the_same(provider, server):
    answers = {
        "dashscope": {"output": {"text": TEXT, "finish_reason": "stop"}},
        "openai": {"choices": [{"message": {"content": TEXT}}]},
    }
    server.order("*", body=answers[provider.name])

    assert ask(provider, on_text=Listener()).text == TEXT
