"""`openai`: any endpoint that speaks the chat completions of OpenAI."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from aijobs.errors import ProviderError, Throttled
from aijobs.providers.base import Completion, Request, estimate_tokens
from aijobs.providers.failures import error_of, retry_after_of
from aijobs.providers.http import Answer, post

_BLOCKED = {"content_filter", "content_policy_violation", "data_inspection_failed"}


class OpenAI:
    name = "openai"

    def model_of(self, app: str) -> str:
        return str(settings.OPENAI_MODEL)

    def complete(self, request: Request) -> Completion:
        answer = post(
            url=f"{settings.OPENAI_BASE_URL.rstrip('/')}/chat/completions",
            key=settings.OPENAI_API_KEY,
            body={
                "model": self.model_of(request.app),
                "messages": [{"role": "user", "content": request.prompt}],
                "max_tokens": request.max_output_tokens,
            },
            seconds=request.seconds,
            loss=request.loss,
        )
        if answer.status != 200:
            raise _failure(answer)
        return _completion(answer.body, request)


def _completion(body: Any, request: Request) -> Completion:
    try:
        choice = body["choices"][0]
        if choice.get("finish_reason") in _BLOCKED:
            raise ProviderError("the answer was filtered", code="content_blocked")
        text = choice["message"]["content"]
        usage = body.get("usage") or {}
        if not isinstance(text, str):
            raise TypeError("content is no text")
        return Completion(
            text=text,
            tokens_in=int(usage.get("prompt_tokens") or estimate_tokens(request.prompt)),
            tokens_out=int(usage.get("completion_tokens") or estimate_tokens(text)),
            model=str(body.get("model") or settings.OPENAI_MODEL),
            request_id=str(body.get("id") or ""),
            is_estimated=not usage,
        )
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        raise ProviderError("an answer of another shape") from error


def _failure(answer: Answer) -> ProviderError:
    body = answer.body if isinstance(answer.body, dict) else {}
    error = body.get("error")
    code = str(error.get("code") or "") if isinstance(error, dict) else ""
    text = f"{answer.status} {code}".strip()
    if answer.status == 429:
        return Throttled(text, retry_after=retry_after_of(answer))
    if code in _BLOCKED:
        return ProviderError(text, code="content_blocked")
    return error_of(answer.status, text)
