"""A provider to order: DashScope's application API on the loopback, over real sockets.

Alone for a running system: `python -m tests.aijobs.provider_server --port 9000 --latency 2`, with
AI_PROVIDER=dashscope, DASHSCOPE_BASE_URL=http://127.0.0.1:9000, any key, and every
DASHSCOPE_APP_ID_<APP> set to the app's key.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "sk-test"

_CLUE = {
    "category": "消费习惯",
    "emoji": "🕘",
    "summary": "习惯周五晚上来",
    "detail": "依据：近 180 天周五 8 单。",
    "confidence": 0.8,
    "providers": "测试模型",
}
ANSWERS = {
    "app3_clue": {"clues": [_CLUE]},
    "app6_note": {"score": 6, "clues": [{**_CLUE, "summary": "下次要留三号台"}]},
    "app7_customer": {
        "profile": "稳定的周末客。",
        "value_tier": "中",
        "churn_risk": 42,
        "reasons": ["近 30 天到店 3 次"],
        "next_best_action": "周五前问候一次。",
    },
    "app8_consolidate": {"clues": [_CLUE]},
}


@dataclass
class Call:
    """One request as it arrived, and when it was answered (None: not)."""

    app: str
    prompt: str
    at: float
    answered_at: float | None = None


@dataclass
class Order:
    """What the server does next with calls of an app; `times` of them, then as usual."""

    status: int = 200
    body: dict | str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    # Called instead of answering: it may do to the socket what it likes.
    misbehave: Callable[[BaseHTTPRequestHandler], None] | None = None
    times: int = 1_000_000


class ProviderServer:
    """Counts and answers calls. `latency` in seconds may be changed while it runs."""

    def __init__(self, *, latency: float = 0.0, port: int = 0) -> None:
        self.latency = latency
        self.calls: list[Call] = []
        self.orders: dict[str, list[Order]] = {}
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                with contextlib.suppress(OSError):  # the client may cut the call
                    server._serve(self)

            def log_message(self, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()

    def order(self, app: str, **what) -> None:
        """Queue what happens to the next calls of an app."""
        with self._lock:
            self.orders.setdefault(app, []).append(Order(**what))

    def calls_of(self, app: str) -> list[Call]:
        with self._lock:
            return [call for call in self.calls if call.app == app]

    def environment(self) -> dict[str, str]:
        """What a process needs to call this server instead of the real one."""
        return {
            "AI_PROVIDER": "dashscope",
            "DASHSCOPE_BASE_URL": self.url,
            "DASHSCOPE_API_KEY": KEY,
            **{f"DASHSCOPE_APP_ID_{app.upper()}": app for app in ANSWERS},
        }

    def settings(self) -> dict[str, object]:
        """The same for this process, as Django settings."""
        return {
            "AI_PROVIDER": "dashscope",
            "DASHSCOPE_BASE_URL": self.url,
            "DASHSCOPE_API_KEY": KEY,
            "DASHSCOPE_APP_IDS": {app: app for app in ANSWERS},
        }

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        app = request.path.split("/")[-2]
        call = Call(app=app, prompt=body["input"]["prompt"], at=time.time())
        with self._lock:
            self.calls.append(call)
            order = self._next_order(app)
        time.sleep(self.latency)
        if order.misbehave is not None:
            order.misbehave(request)
            return
        if request.headers["Authorization"] != f"Bearer {KEY}":
            order = Order(status=401, body=_error("InvalidApiKey"))
        payload = order.body if order.body is not None else _answer(app, call.prompt)
        raw = (payload if isinstance(payload, str) else json.dumps(payload)).encode()
        request.send_response(order.status)
        for name, value in {**order.headers, "Content-Length": str(len(raw))}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(raw)
        call.answered_at = time.time()

    def _next_order(self, app: str) -> Order:
        orders = self.orders.get(app, [])
        if not orders:
            return Order()
        orders[0].times -= 1
        return orders[0] if orders[0].times > 0 else orders.pop(0)


def answer_of(text: str, *, prompt: str = "") -> dict:
    """DashScope's body around a text."""
    return {
        "output": {"text": text, "finish_reason": "stop", "session_id": "s-1"},
        "usage": {
            "models": [
                {"model_id": "qwen-test", "input_tokens": len(prompt), "output_tokens": len(text)}
            ]
        },
        "request_id": "r-1",
    }


def _answer(app: str, prompt: str) -> dict:
    return answer_of(json.dumps(ANSWERS[app], ensure_ascii=False), prompt=prompt)


def _error(code: str) -> dict:
    return {"code": code, "message": code, "request_id": "r-1"}


error_of = _error


@contextlib.contextmanager
def provider(**options) -> Iterator[ProviderServer]:
    server = ProviderServer(**options)
    try:
        yield server
    finally:
        server.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--latency", type=float, default=0.0)
    arguments = parser.parse_args()
    with provider(port=arguments.port, latency=arguments.latency) as running:
        print(running.url, flush=True)  # noqa: T201
        threading.Event().wait()
