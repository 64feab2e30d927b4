"""One POST within a wall-clock limit, whatever the other side does with the socket.

`requests` limits each socket operation, so an answer that drips a byte a second never ends. Here
a timer, or the loss of the lease, shuts the call's sockets down, streams like whole answers.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import requests
from django.conf import settings
from requests import Response
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from aijobs.errors import ProviderError, Unreachable
from zqyy.durable.leases import LeaseLost
from zqyy.durable.loss import Loss

CONNECT_SECONDS = 10.0


@dataclass(frozen=True)
class Answer:
    """Status, headers and the body, which is no JSON where `body` is None."""

    status: int
    headers: Any
    body: Any


@dataclass(frozen=True)
class Event:
    """A server-sent event: its data, and the status it stands for."""

    status: int
    data: str

    @property
    def body(self) -> Any:
        """The data as JSON; None where it is none."""
        return _parsed(self.data)


class BearerKey(AuthBase):
    """The key as a header. As `auth`, because a .netrc would replace a plain header."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


def post(*, url: str, key: str, body: dict[str, Any], seconds: float, loss: Loss) -> Answer:
    """The answer, read to its end.

    Raises:
        ProviderError: `timeout` after `seconds`. Unreachable: no complete answer came.
        LeaseLost: the lease went meanwhile.
    """
    with _limited(seconds, loss):
        return _answer_of(_send(url, key, body, seconds))


def post_for_events(
    *,
    url: str,
    key: str,
    body: dict[str, Any],
    headers: dict[str, str],
    seconds: float,
    loss: Loss,
    take: Callable[[Event], Answer | None],
) -> Answer:
    """The answer that `take` makes of the server-sent events, which it is given as they come: with
    the last one. An answer that is no stream comes as it is.

    Raises:
        As post; Unreachable too when the stream ends without its last event. And what `take` raises.
    """
    with _limited(seconds, loss):
        response = _send(url, key, body, seconds, headers={**headers, **_AS_STREAM}, stream=True)
        with response:
            if "text/event-stream" not in response.headers.get("Content-Type", ""):
                return _answer_of(response)
            for event in _events_in(response):
                if answer := take(event):
                    return answer
    # Asked about after the cut: a stream that is cut may end as quietly.
    raise Unreachable("a stream without its end")


# Packed, a stream would come in lumps.
_AS_STREAM = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
# A comment, by which `dashscope` says what an error in the middle amounts to.
_STATUS = "HTTP_STATUS/"


def _events_in(response: Response) -> Iterator[Event]:
    """The events that are whole."""
    status, lines = response.status_code, list[str]()
    for raw in response.iter_lines():
        name, _colon, value = raw.decode(errors="replace").partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            lines.append(value)
        elif not raw and lines:
            yield Event(status, "\n".join(lines))
            lines.clear()
        elif not name and value.startswith(_STATUS) and value.removeprefix(_STATUS).isdecimal():
            status = int(value.removeprefix(_STATUS))


def _send(url: str, key: str, body: dict[str, Any], seconds: float, **more: Any) -> Response:
    return _session().post(
        url,
        json=body,
        auth=BearerKey(key),
        timeout=(min(CONNECT_SECONDS, seconds), seconds),
        allow_redirects=False,
        **more,
    )


def _answer_of(response: Response) -> Answer:
    body = _parsed(response.content)
    return Answer(status=response.status_code, headers=response.headers, body=body)


def _parsed(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


@contextmanager
def _limited(seconds: float, loss: Loss) -> Iterator[None]:
    """Cut whatever connection the block works on after `seconds`, or when the lease is lost."""
    call, ends_at = _Call(), time.monotonic() + seconds
    timer = threading.Timer(seconds, call.cut)
    timer.daemon = True
    timer.start()
    try:
        with loss.calling(call.cut), call:
            yield
    except requests.RequestException as error:
        if time.monotonic() >= ends_at:
            call.cut()  # the socket's own clock rang before the timer's
        _raise_if_cut(call, loss, seconds)
        # The class says what happened; the text may carry addresses and headers.
        raise Unreachable(type(error).__name__) from error
    finally:
        timer.cancel()
    # A body that ends with its connection looks complete after a cut.
    _raise_if_cut(call, loss, seconds)


def _raise_if_cut(call: _Call, loss: Loss, seconds: float) -> None:
    if loss.has_happened():
        raise LeaseLost("while a call was out")
    if call.was_cut:
        raise ProviderError(f"no complete answer within {seconds:.0f} s", code="timeout")


class _Call:
    """The sockets of one call in one thread, and the way to cut them all from another."""

    _active = threading.local()

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self.was_cut = False

    def __enter__(self) -> _Call:
        self._active.call = self
        return self

    def __exit__(self, *exception: object) -> None:
        self._active.call = None
        with self._lock:
            sockets, self._sockets = self._sockets, []
        for duplicate in sockets:
            duplicate.close()

    @classmethod
    def register(cls, sock: socket.socket | None) -> None:
        """Called by a connection of ours that is about to work for the call of this thread."""
        call: _Call | None = getattr(cls._active, "call", None)
        if call is None or sock is None:
            return
        # A duplicate: through the TLS handshake the socket itself changes hands.
        duplicate = socket.fromfd(sock.fileno(), sock.family, sock.type)
        with call._lock:
            call._sockets.append(duplicate)
            if call.was_cut:
                _shut_down(duplicate)

    def cut(self) -> None:
        with self._lock:
            self.was_cut = True
            for duplicate in self._sockets:
                _shut_down(duplicate)


def _shut_down(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # not connected any more: there is nothing to cut


class _CutConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        _Call.register(sock)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        # A reused connection never connects again.
        _Call.register(self.sock)
        super().request(*args, **kwargs)


class _CutTLSConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        _Call.register(sock)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        _Call.register(self.sock)
        super().request(*args, **kwargs)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _CutConnection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _CutTLSConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
        return manager


@cache
def _session() -> requests.Session:
    """One pool a process. No retries in here: each attempt passes the gate."""
    session = requests.Session()
    adapter = _Adapter(pool_connections=4, pool_maxsize=settings.AI_CONCURRENCY)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session
