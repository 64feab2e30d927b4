"""The two protocols that the stand-in speaks: where the app and prompt are, how answers look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from aijobs.standin.answers import app_of


@dataclass(frozen=True)
class Reply:
    """A good answer, before a protocol gives it its form."""

    text: str
    tokens_in: int
    tokens_out: int
    request_id: str


class Shape(Protocol):
    name: str

    def app(self, path: str, body: dict[str, Any]) -> str: ...

    def prompt(self, body: dict[str, Any]) -> str: ...

    def answer(self, reply: Reply) -> dict[str, Any]: ...

    def error(self, code: str, request_id: str) -> dict[str, Any]: ...


class DashScopeShape:
    """POST /api/v1/apps/{application}/completion; the application's id is the app's key."""

    name = "dashscope"

    def app(self, path: str, body: dict[str, Any]) -> str:
        return path.split("/")[-2]

    def prompt(self, body: dict[str, Any]) -> str:
        return str(body["input"]["prompt"])

    def answer(self, reply: Reply) -> dict[str, Any]:
        usage = {
            "model_id": "qwen-test",
            "input_tokens": reply.tokens_in,
            "output_tokens": reply.tokens_out,
        }
        return {
            "output": {"text": reply.text, "finish_reason": "stop", "session_id": "s-1"},
            "usage": {"models": [usage]},
            "request_id": reply.request_id,
        }

    def error(self, code: str, request_id: str) -> dict[str, Any]:
        return {"code": code, "message": code, "request_id": request_id}


class OpenAIShape:
    """POST .../chat/completions; the app is told by its prompt, else it is the model's name."""

    name = "openai"

    def app(self, path: str, body: dict[str, Any]) -> str:
        return app_of(self.prompt(body)) or str(body["model"])

    def prompt(self, body: dict[str, Any]) -> str:
        return str(body["messages"][-1]["content"])

    def answer(self, reply: Reply) -> dict[str, Any]:
        return {
            "id": reply.request_id,
            "object": "chat.completion",
            "model": "gpt-test",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": reply.text},
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": reply.tokens_in,
                "completion_tokens": reply.tokens_out,
                "total_tokens": reply.tokens_in + reply.tokens_out,
            },
        }

    def error(self, code: str, request_id: str) -> dict[str, Any]:
        return {"error": {"code": code, "message": code, "type": "error"}}


def shape_of(path: str) -> Shape | None:
    """The protocol of a path; None: it belongs to none."""
    if path.startswith("/api/v1/apps/") and path.endswith("/completion"):
        return DashScopeShape()
    if path.endswith("/chat/completions"):
        return OpenAIShape()
    return None
