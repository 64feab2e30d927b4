"""The stand-in's server: takes calls of both protocols, does what was ordered, writes it down."""

from __future__ import annotations

import contextlib
import itertools
import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aijobs.standin.answers import ANSWERS, usual_answer
from aijobs.standin.control import control
from aijobs.standin.faults import FAULTS, Schedule
from aijobs.standin.shapes import Reply, Shape, shape_of

KEY = "sk-test"
ANY_APP = "*"


@dataclass
class Call:
    """One request as it arrived, and what became of it.

    Attributes:
        n: 1, 2, ... in the order of arrival; also the number in the answer's request id `r-N`.
        at, answered_at: seconds since the epoch. None: the caller left, or was never answered.
        ended_at: when the stand-in had done with it, one way or the other.
        port: the caller's, which tells a process with a call out from its siblings.
    """

    n: int
    shape: str
    app: str
    prompt: str
    at: float
    fault: str = ""
    status: int | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    port: int = 0


@dataclass
class Order:
    """What happens to an app's next `times` calls; then the next order counts, then the schedule.

    Attributes:
        fault: a key of FAULTS.
        seconds: how long a fault of the socket lasts, unless the caller leaves before.
        latency: before anything is answered; None: the server's.
        text: instead of the app's usual answer. tokens_out: billed instead of its length.
        body: sent as it is (text) or as JSON, with `status` and `headers`.
        meanwhile: called in the request's thread before the answer (from this process only).
    """

    fault: str = ""
    seconds: float = 3600
    latency: float | None = None
    text: str | None = None
    tokens_out: int | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: dict[str, Any] | str | None = None
    meanwhile: Callable[[], None] | None = None
    times: int = 1_000_000

    def __post_init__(self) -> None:
        if self.fault and self.fault not in FAULTS:
            raise ValueError(f"no fault {self.fault!r}; there are {', '.join(FAULTS)}")


class StandIn:
    """A provider on a port of the loopback, from its making until `stop`.

    `latency` (seconds) and `schedule` may be changed while it runs.
    """

    def __init__(
        self, *, latency: float = 0.0, port: int = 0, schedule: Schedule | None = None
    ) -> None:
        self.latency, self.schedule = latency, schedule
        self.calls: list[Call] = []
        self._orders: dict[str, list[Order]] = {}
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._http = _Server(("127.0.0.1", port), _handler_of(self))
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def order(self, app: str, **what: Any) -> None:
        """Queue an Order for the next calls of an app, or of any with `*`."""
        with self._lock:
            self._orders.setdefault(app, []).append(Order(**what))

    def clear_orders(self) -> None:
        with self._lock:
            self._orders.clear()

    def calls_of(self, app: str) -> list[Call]:
        with self._lock:
            return [call for call in self.calls if call.app == app]

    def environment(self, shape: str = "dashscope") -> dict[str, str]:
        """What a process needs to call this server instead of the real one."""
        if shape == "openai":
            return {
                "AI_PROVIDER": "openai",
                "OPENAI_BASE_URL": f"{self.url}/v1",
                "OPENAI_API_KEY": KEY,
                "OPENAI_MODEL": "gpt-test",
            }
        return {
            "AI_PROVIDER": "dashscope",
            "DASHSCOPE_BASE_URL": self.url,
            "DASHSCOPE_API_KEY": KEY,
            **{f"DASHSCOPE_APP_ID_{app.upper()}": app for app in ANSWERS},
        }

    def settings(self, shape: str = "dashscope") -> dict[str, Any]:
        """The same for this process, as Django settings."""
        prefix = "DASHSCOPE_APP_ID_"
        values: dict[str, Any] = {
            name: value
            for name, value in self.environment(shape).items()
            if not name.startswith(prefix)
        }
        return {**values, "DASHSCOPE_APP_IDS": {app: app for app in ANSWERS}}

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def take(self, handler: BaseHTTPRequestHandler, shape: Shape, body: dict[str, Any]) -> None:
        """Work one call off; called by the request's thread."""
        app = shape.app(handler.path, body)
        with self._lock:
            order = self._next_order(app)
            call = Call(
                n=next(self._numbers),
                shape=shape.name,
                app=app,
                prompt=shape.prompt(body),
                at=time.time(),
                fault=order.fault,
                port=handler.client_address[1],
            )
            self.calls.append(call)
        exchange = Exchange(handler, shape, body, call, order)
        latency = self.latency if order.latency is None else order.latency
        try:
            if exchange.caller_leaves_within(latency):
                exchange.hang_up()
            else:
                exchange.work_off()
        finally:
            call.ended_at = time.time()

    def _next_order(self, app: str) -> Order:
        for name in (app, ANY_APP):
            if orders := self._orders.get(name):
                orders[0].times -= 1
                return orders[0] if orders[0].times > 0 else orders.pop(0)
        return Order(fault=self.schedule.draw(app) if self.schedule else "")


@dataclass
class Exchange:
    """One call under way."""

    handler: BaseHTTPRequestHandler
    shape: Shape
    body: dict[str, Any]
    call: Call
    order: Order

    def work_off(self) -> None:
        order = self.order
        if order.meanwhile is not None:
            order.meanwhile()
        if self.handler.headers.get("Authorization") != f"Bearer {KEY}":
            FAULTS["auth"](self)
        elif order.fault:
            FAULTS[order.fault](self)
        elif order.body is not None:
            self.send(order.status, order.body)
        else:
            self.answer(order.text if order.text is not None else self.usual_text())

    def usual_text(self) -> str:
        return usual_answer(self.call.app, self.call.prompt)

    def answer(self, text: str) -> None:
        """Whole, or as a stream where the caller asked for one."""
        if self.is_streamed:
            self.stream(self.events_of(text))
        else:
            self.send(200, self.shape.answer(self._reply(text)))

    @property
    def is_streamed(self) -> bool:
        return self.shape.is_streamed(self.handler.headers, self.body)

    def events_of(self, text: str) -> list[str]:
        return list(self.shape.events(self._reply(text), self.body))

    def stream(self, events: Iterable[str]) -> None:
        """A whole stream: these events, and the end of the body."""
        *before, last = events
        self.begin_stream()
        for event in before:
            self.write_event(event)
        # Before the last one: the caller may look at the record as soon as it has it.
        self.call.status, self.call.answered_at = 200, time.time()
        try:
            self.write_event(last)
            self.write(b"0\r\n\r\n")
        except OSError:
            self.call.status = self.call.answered_at = None
            raise

    def begin_stream(self) -> None:
        self.handler.send_response(200)
        self.handler.send_header("Content-Type", "text/event-stream;charset=UTF-8")
        self.handler.send_header("Transfer-Encoding", "chunked")
        self.handler.end_headers()

    def write_event(self, event: str) -> None:
        """One event in a chunk of its own."""
        raw = event.encode()
        self.write(b"%x\r\n%s\r\n" % (len(raw), raw))

    def _reply(self, text: str) -> Reply:
        tokens_out = len(text) if self.order.tokens_out is None else self.order.tokens_out
        return Reply(text, len(self.call.prompt), tokens_out, self.request_id)

    def refuse(self, status: int, code: str, *, headers: Mapping[str, str] | None = None) -> None:
        body = self.shape.error(code, self.request_id)
        self.send(status, body, headers={**(headers or {}), **self.order.headers})

    def send(
        self, status: int, body: dict[str, Any] | str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        raw = (body if isinstance(body, str) else json.dumps(body)).encode()
        # Before the answer: the caller may look at the record as soon as it has it.
        self.call.status, self.call.answered_at = status, time.time()
        sent = self.order.headers if headers is None else headers
        try:
            send(self.handler, status, raw, {"X-Request-Id": self.request_id, **sent})
        except OSError:
            self.call.status = self.call.answered_at = None
            raise

    def write(self, raw: bytes) -> None:
        self.handler.wfile.write(raw)

    def hang_up(self) -> None:
        self.handler.close_connection = True
        with contextlib.suppress(OSError):  # the caller may have been faster
            self.handler.connection.shutdown(socket.SHUT_RDWR)

    def caller_leaves_within(self, seconds: float) -> bool:
        """Wait; True as soon as the other side has closed: it sends nothing before an answer."""
        readable, _, _ = select.select([self.handler.connection], [], [], seconds)
        return bool(readable)

    @property
    def request_id(self) -> str:
        return f"r-{self.call.n}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Bursts of new connections would be refused at the default of 5.
    request_queue_size = 512


def _handler_of(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body are two writes: together with delayed acknowledgements they cost 40 ms.
        disable_nagle_algorithm = True

        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):  # the caller was killed
                super().handle()

        def do_POST(self) -> None:
            with contextlib.suppress(OSError):  # the caller may cut the call
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
                if shape := shape_of(self.path):
                    stand_in.take(self, shape, body)
                else:
                    self._control(body)

        def do_GET(self) -> None:
            self._control({})

        def _control(self, body: dict[str, Any]) -> None:
            status, answer = control(stand_in, self.command, self.path, body)
            send(self, status, json.dumps(answer).encode(), {})

        def log_message(self, *args: object) -> None:
            pass

    return Handler


def send(
    handler: BaseHTTPRequestHandler, status: int, raw: bytes, headers: Mapping[str, str]
) -> None:
    handler.send_response(status)
    fixed = {"Content-Type": "application/json", "Content-Length": str(len(raw))}
    for name, value in {**headers, **fixed}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(raw)


@contextlib.contextmanager
def stand_in(**options: Any) -> Iterator[StandIn]:
    server = StandIn(**options)
    try:
        yield server
    finally:
        server.stop()
