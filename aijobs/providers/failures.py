"""What an HTTP status means for a step."""

from __future__ import annotations

from aijobs.errors import ProviderError
from aijobs.providers.http import Answer


def error_of(status: int, text: str) -> ProviderError:
    """The error of an answer that is none; `text` says what the provider called it."""
    if status in (401, 403):
        return ProviderError(text, code="auth")
    if 400 <= status < 500:
        return ProviderError(text, code="bad_request")
    return ProviderError(text)


def retry_after_of(answer: Answer) -> float | None:
    """The seconds that the provider asks to wait; None: it does not say, or gives a date."""
    value = str(answer.headers.get("Retry-After", ""))
    return float(value) if value.isdecimal() else None
