"""`openai`: any endpoint that speaks the chat completions of OpenAI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings

from aijobs.errors import ProviderError, Throttled
from aijobs.providers.base import Completion, Request, completion_of
from aijobs.providers.failures import error_of, retry_after_of
from aijobs.providers.http import Answer, Event, post, post_for_events

_BLOCKED = {"content_filter", "content_policy_violation", "data_inspection_failed"}


class OpenAI:
    name = "openai"

    def model_of(self, app: str) -> str:
        return str(settings.OPENAI_MODELS.get(app) or settings.OPENAI_MODEL)

    def complete(self, request: Request) -> Completion:
        url = f"{settings.OPENAI_BASE_URL.rstrip('/')}/chat/completions"
        body: dict[str, Any] = {
            "model": self.model_of(request.app),
            "messages": [{"role": "user", "content": request.prompt}],
            "max_tokens": request.max_output_tokens,
        }
        if request.on_text is None:
            answer = post(
                url=url,
                key=settings.OPENAI_API_KEY,
                body=body,
                seconds=request.seconds,
                loss=request.loss,
            )
        else:
            answer = _stream(request, request.on_text, url, body)
        if answer.status != 200:
            raise _failure(answer)
        return _completion(answer.body, request)


def _stream(
    request: Request, on_text: Callable[[str], None], url: str, body: dict[str, Any]
) -> Answer:
    """The answer as if it had come as a whole, its pieces told as they came."""
    pieces: list[str] = []
    whole: dict[str, Any] = {}
    ending: dict[str, Any] = {}

    def take(event: Event) -> Answer | None:
        if event.data == "[DONE]":
            message = {"content": "".join(pieces)}
            return Answer(200, {}, {**whole, "choices": [{**ending, "message": message}]})
        part = event.body
        if isinstance(part, dict) and "error" in part:
            return Answer(500, {}, part)
        try:
            # The usage is in the last part, which has no choices.
            whole.update({key: value for key, value in part.items() if value is not None})
            for choice in part["choices"]:
                piece = choice["delta"].get("content") or ""
                if not isinstance(piece, str):
                    raise TypeError("content is no text")
                pieces.append(piece)
                on_text(piece)
                if choice.get("finish_reason"):
                    ending["finish_reason"] = choice["finish_reason"]
        except (KeyError, TypeError, AttributeError) as error:
            raise ProviderError("an answer of another shape") from error
        return None

    return post_for_events(
        url=url,
        key=settings.OPENAI_API_KEY,
        body={**body, "stream": True, "stream_options": {"include_usage": True}},
        headers={},
        seconds=request.seconds,
        loss=request.loss,
        take=take,
    )


def _completion(body: Any, request: Request) -> Completion:
    try:
        choice = body["choices"][0]
        if choice.get("finish_reason") in _BLOCKED:
            raise ProviderError("the answer was filtered", code="content_blocked")
        text = choice["message"]["content"]
        if not isinstance(text, str):
            raise TypeError("content is no text")
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ProviderError("an answer of another shape") from error
    usage = body.get("usage")
    counted = usage if isinstance(usage, dict) else {}
    return completion_of(
        request,
        text=text,
        tokens_in=[counted.get("prompt_tokens")],
        tokens_out=[counted.get("completion_tokens")],
        model=body.get("model"),
        request_id=body.get("id"),
    )


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
