"""`dashscope`: applications of Alibaba Cloud Model Studio, one application per AI app.

POST {base}/api/v1/apps/{application}/completion, as its application API reference has it; for a
caller that listens as server-sent events, each with what is new.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings

from aijobs.errors import ProviderError, Throttled
from aijobs.providers.base import Completion, Request, completion_of
from aijobs.providers.failures import error_of, retry_after_of
from aijobs.providers.http import Answer, Event, post, post_for_events


class DashScope:
    name = "dashscope"

    def model_of(self, app: str) -> str:
        return str(settings.DASHSCOPE_APP_IDS.get(app, ""))

    def complete(self, request: Request) -> Completion:
        application = self.model_of(request.app)
        if not application:
            raise ProviderError(f"no application id for {request.app}", code="bad_request")
        payload: dict[str, Any] = {"prompt": request.prompt}
        if request.session_id:
            payload["session_id"] = request.session_id
        url = f"{settings.DASHSCOPE_BASE_URL.rstrip('/')}/api/v1/apps/{application}/completion"
        body = {"input": payload, "parameters": {}, "debug": {}}
        if request.on_text is None:
            answer = post(
                url=url,
                key=settings.DASHSCOPE_API_KEY,
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

    def take(event: Event) -> Answer | None:
        if event.status != 200:
            return Answer(event.status, {}, event.body)
        part = event.body
        output = _output_of(part)
        pieces.append(output["text"])
        on_text(output["text"])
        if output.get("finish_reason") != "stop":
            return None
        return Answer(200, {}, {**part, "output": {**output, "text": "".join(pieces)}})

    return post_for_events(
        url=url,
        key=settings.DASHSCOPE_API_KEY,
        body={**body, "parameters": {"incremental_output": True}},
        headers={"X-DashScope-SSE": "enable"},
        seconds=request.seconds,
        loss=request.loss,
        take=take,
    )


def _output_of(body: Any) -> dict[str, Any]:
    try:
        output: dict[str, Any] = body["output"]
        if not isinstance(output["text"], str):
            raise TypeError("text is no text")
    except (KeyError, TypeError) as error:
        raise ProviderError("an answer of another shape") from error
    return output


def _completion(body: Any, request: Request) -> Completion:
    output, usages = _output_of(body), _usages_of(body)
    return completion_of(
        request,
        text=output["text"],
        tokens_in=[usage.get("input_tokens") for usage in usages],
        tokens_out=[usage.get("output_tokens") for usage in usages],
        model=usages[0].get("model_id") if usages else "",
        request_id=body.get("request_id"),
        session_id=output.get("session_id"),
    )


def _usages_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """What each model read and wrote; empty where that is not said in the usual shape."""
    usage = body.get("usage")
    models = usage.get("models") if isinstance(usage, dict) else None
    if not isinstance(models, list) or not all(isinstance(one, dict) for one in models):
        return []
    return models


def _failure(answer: Answer) -> ProviderError:
    body = answer.body if isinstance(answer.body, dict) else {}
    code = str(body.get("code") or "")
    text = f"{answer.status} {code} {body.get('request_id') or ''}".strip()
    if answer.status == 429 or code.startswith("Throttling"):
        return Throttled(text, retry_after=retry_after_of(answer))
    if code == "InvalidApiKey":
        return ProviderError(text, code="auth")
    if code == "DataInspectionFailed":
        return ProviderError(text, code="content_blocked")
    return error_of(answer.status, text)
