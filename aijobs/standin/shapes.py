"""The two protocols that the stand-in speaks: where the app and prompt are, how answers look,
whole or as a stream of server-sent events.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Any, Protocol

from aijobs.standin.answers import app_of

# Characters of an answer in one event of its stream.
PIECE = 6


@dataclass(frozen=True)
class Reply:
    """A good answer, before a protocol gives it its form."""

    text: str
    tokens_in: int
    tokens_out: int
    request_id: str

    def pieces(self) -> list[str]:
        return [self.text[start : start + PIECE] for start in range(0, len(self.text), PIECE)]


class Shape(Protocol):
    name: str

    def is_streamed(self, headers: Message, body: dict[str, Any]) -> bool: ...

    def app(self, path: str, body: dict[str, Any]) -> str: ...

    def prompt(self, body: dict[str, Any]) -> str: ...

    def answer(self, reply: Reply) -> dict[str, Any]: ...

    def events(self, reply: Reply, body: dict[str, Any]) -> Iterator[str]:
        """The answer's stream; the last one says that it is whole."""
        ...

    def error(self, code: str, request_id: str) -> dict[str, Any]: ...

    def error_event(self, status: int, code: str, request_id: str) -> str:
        """An error in the middle of a stream."""
        ...


class DashScopeShape:
    """POST /api/v1/apps/{application}/completion; the application's id is the app's key."""

    name = "dashscope"

    def is_streamed(self, headers: Message, body: dict[str, Any]) -> bool:
        return headers.get("X-DashScope-SSE") == "enable"

    def app(self, path: str, body: dict[str, Any]) -> str:
        return path.split("/")[-2]

    def prompt(self, body: dict[str, Any]) -> str:
        return str(body["input"]["prompt"])

    def answer(self, reply: Reply) -> dict[str, Any]:
        return self._body(reply, reply.text, "stop")

    def events(self, reply: Reply, body: dict[str, Any]) -> Iterator[str]:
        """With `incremental_output` each event brings what is new, else all of the text so far."""
        is_incremental = (body.get("parameters") or {}).get("incremental_output") is True
        so_far = ""
        for number, piece in enumerate(reply.pieces(), start=1):
            so_far += piece
            shown = piece if is_incremental else so_far
            yield self._event(number, "result", 200, self._body(reply, shown, "null"))
        last = self._body(reply, "" if is_incremental else so_far, "stop")
        yield self._event(len(reply.pieces()) + 1, "result", 200, last)

    def error(self, code: str, request_id: str) -> dict[str, Any]:
        return {"code": code, "message": f"{code}: as ordered", "request_id": request_id}

    def error_event(self, status: int, code: str, request_id: str) -> str:
        return self._event(1, "error", status, self.error(code, request_id))

    def _body(self, reply: Reply, text: str, finish_reason: str) -> dict[str, Any]:
        usage = {
            "model_id": "qwen-test",
            "input_tokens": reply.tokens_in,
            "output_tokens": reply.tokens_out,
        }
        return {
            "output": {"text": text, "finish_reason": finish_reason, "session_id": "s-1"},
            "usage": {"models": [usage]} if finish_reason == "stop" else {},
            "request_id": reply.request_id,
        }

    def _event(self, number: int, kind: str, status: int, body: dict[str, Any]) -> str:
        data = json.dumps(body, ensure_ascii=False)
        return f"id:{number}\nevent:{kind}\n:HTTP_STATUS/{status}\ndata:{data}\n\n"


class OpenAIShape:
    """POST .../chat/completions; the app is told by its prompt, else it is the model's name."""

    name = "openai"
    # What the other protocol's errors are called here.
    CODES = {
        "InvalidApiKey": "invalid_api_key",
        "InvalidParameter": "invalid_parameter_error",
        "DataInspectionFailed": "data_inspection_failed",
        "Throttling.RateQuota": "rate_limit_exceeded",
        "InternalError": "internal_error",
    }

    def is_streamed(self, headers: Message, body: dict[str, Any]) -> bool:
        return body.get("stream") is True

    def app(self, path: str, body: dict[str, Any]) -> str:
        return app_of(self.prompt(body)) or str(body["model"])

    def prompt(self, body: dict[str, Any]) -> str:
        return str(body["messages"][-1]["content"])

    def answer(self, reply: Reply) -> dict[str, Any]:
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": reply.text},
            "finish_reason": "stop",
        }
        return {**self._head(reply, "chat.completion"), "choices": [choice], **self._usage(reply)}

    def events(self, reply: Reply, body: dict[str, Any]) -> Iterator[str]:
        """Usage comes in an event of its own, to those who asked for it."""
        head = self._head(reply, "chat.completion.chunk")
        deltas: list[dict[str, str]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": piece} for piece in reply.pieces()]
        for delta in deltas:
            choice = {"index": 0, "delta": delta, "finish_reason": None}
            yield self._event({**head, "choices": [choice]})
        yield self._event({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        if (body.get("stream_options") or {}).get("include_usage"):
            yield self._event({**head, "choices": [], **self._usage(reply)})
        yield "data: [DONE]\n\n"

    def error(self, code: str, request_id: str) -> dict[str, Any]:
        own = self.CODES.get(code, code)
        return {"error": {"code": own, "message": f"{own}: as ordered", "type": "error"}}

    def error_event(self, status: int, code: str, request_id: str) -> str:
        return self._event(self.error(code, request_id))

    def _head(self, reply: Reply, kind: str) -> dict[str, Any]:
        return {"id": reply.request_id, "object": kind, "created": 0, "model": "gpt-test"}

    def _usage(self, reply: Reply) -> dict[str, Any]:
        usage = {
            "prompt_tokens": reply.tokens_in,
            "completion_tokens": reply.tokens_out,
            "total_tokens": reply.tokens_in + reply.tokens_out,
        }
        return {"usage": usage}

    def _event(self, body: dict[str, Any]) -> str:
        return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"


def shape_of(path: str) -> Shape | None:
    """The protocol of a path; None: it belongs to none."""
    if path.startswith("/api/v1/apps/") and path.endswith("/completion"):
        return DashScopeShape()
    if path.endswith("/chat/completions"):
        return OpenAIShape()
    return None
