"""FAULTS: every way in which the stand-in can fail a call, by name.

Those of the first half answer at once; those of the second do something to the socket for
`Order.seconds` or until the caller has left; those named stream_* break off the stream of a caller
who asked for one, half way.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from aijobs.standin.shapes import Reply

if TYPE_CHECKING:
    from aijobs.standin.server import Exchange

DRIP_SECONDS = 0.1
_OK = b"HTTP/1.1 200 OK\r\n"


def throttle(exchange: Exchange) -> None:
    """429, to be tried again after a second unless the order's headers say otherwise."""
    exchange.refuse(429, "Throttling.RateQuota", headers={"Retry-After": "1"})


def fail(exchange: Exchange) -> None:
    exchange.refuse(500, "InternalError")


def reject_key(exchange: Exchange) -> None:
    exchange.refuse(401, "InvalidApiKey")


def reject_request(exchange: Exchange) -> None:
    exchange.refuse(400, "InvalidParameter")


def block_content(exchange: Exchange) -> None:
    exchange.refuse(400, "DataInspectionFailed")


def send_garbage(exchange: Exchange) -> None:
    """200 with a body that is no JSON."""
    exchange.send(200, "<html>")


def talk(exchange: Exchange) -> None:
    """A well-formed answer whose text holds no JSON object."""
    exchange.answer("我不知道")


def fence(exchange: Exchange) -> None:
    """The usual answer inside prose and a fence, as models like to give it."""
    exchange.answer(f"好的 {{注意}}：\n```json\n{exchange.usual_text()}\n```\n请查收。")


def answer_unstorably(exchange: Exchange) -> None:
    """The usual answer between what no database keeps, with counts that are none."""
    reply = Reply(f"好的\0\ud83d：{exchange.usual_text()}", -5, 3_000_000_000, "r\0\udc00")
    exchange.send(200, exchange.shape.answer(reply))


def hang(exchange: Exchange) -> None:
    """Take the request and say nothing."""
    exchange.caller_leaves_within(exchange.order.seconds)


def drip_headers(exchange: Exchange) -> None:
    _drip(exchange, head=_OK + b"X-Slow: ", piece=b"a")


def drip_body(exchange: Exchange) -> None:
    _drip(exchange, head=_OK + b"Content-Length: 1000000\r\n\r\n", piece=b"a")


def drip_chunks(exchange: Exchange) -> None:
    _drip(exchange, head=_OK + b"Transfer-Encoding: chunked\r\n\r\n", piece=b"1\r\na\r\n")


def drip_without_end(exchange: Exchange) -> None:
    """A body that ends with its connection: cut anywhere it looks complete."""
    _drip(exchange, head=_OK + b"Connection: close\r\n\r\n", piece=b"1")


def cut_body(exchange: Exchange) -> None:
    """Less of the body than its length promised."""
    exchange.write(_OK + b'Content-Length: 1000000\r\n\r\n{"output"')
    exchange.hang_up()


def reset(exchange: Exchange) -> None:
    """Break the connection without a word."""
    exchange.hang_up()


def stall_stream(exchange: Exchange) -> None:
    """Half of the stream, then nothing more."""
    _half_stream(exchange)
    exchange.caller_leaves_within(exchange.order.seconds)


def cut_stream(exchange: Exchange) -> None:
    """Half of the stream, and the connection is gone."""
    _half_stream(exchange)
    exchange.hang_up()


def end_stream(exchange: Exchange) -> None:
    """Half of the stream, then a proper end of its body: only the last event is missing."""
    _half_stream(exchange)
    exchange.write(b"0\r\n\r\n")


def fail_stream(exchange: Exchange) -> None:
    """Half of the stream, then an error instead of the rest."""
    _half_stream(exchange)
    exchange.write_event(exchange.shape.error_event(500, "InternalError", exchange.request_id))
    exchange.write(b"0\r\n\r\n")


def _half_stream(exchange: Exchange) -> None:
    events = exchange.events_of(exchange.order.text or exchange.usual_text())
    exchange.begin_stream()
    for event in events[: len(events) // 2]:
        exchange.write_event(event)


def _drip(exchange: Exchange, *, head: bytes, piece: bytes) -> None:
    exchange.write(head)
    ends_at = time.monotonic() + exchange.order.seconds
    while time.monotonic() < ends_at and not exchange.caller_leaves_within(DRIP_SECONDS):
        exchange.write(piece)
    exchange.hang_up()


FAULTS: dict[str, Callable[[Exchange], None]] = {
    "throttled": throttle,
    "error": fail,
    "auth": reject_key,
    "bad_request": reject_request,
    "content_blocked": block_content,
    "garbage": send_garbage,
    "prose": talk,
    "fenced": fence,
    "unstorable": answer_unstorably,
    "hang": hang,
    "header_drip": drip_headers,
    "body_drip": drip_body,
    "chunked_drip": drip_chunks,
    "endless_body": drip_without_end,
    "cut_body": cut_body,
    "reset": reset,
    "stream_stalled": stall_stream,
    "stream_cut": cut_stream,
    "stream_ended": end_stream,
    "stream_error": fail_stream,
}


class Schedule:
    """Faults by lot. The same seed gives an app's first, second, ... call the same ones.

    Args:
        shares: what part of the calls each fault gets; the rest is answered.
    """

    def __init__(self, *, seed: int, shares: Mapping[str, float]) -> None:
        unknown = set(shares) - set(FAULTS)
        if unknown or sum(shares.values()) > 1:
            raise ValueError(f"no such faults or shares: {dict(shares)}")
        self._seed = seed
        self._names = [*shares, ""]
        self._weights = [*shares.values(), 1 - sum(shares.values())]
        self._dice: dict[str, random.Random] = {}

    def draw(self, app: str) -> str:
        """The fault of the app's next call; empty: it is answered."""
        dice = self._dice.setdefault(app, random.Random(f"{self._seed}/{app}"))  # noqa: S311
        return dice.choices(self._names, self._weights)[0]
