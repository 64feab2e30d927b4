"""Log lines: one JSON object a line in production, readable text with LOG_FORMAT=text."""

from __future__ import annotations

import logging
import os

import structlog
from django.http import HttpRequest
from django_structlog import middlewares as structlog_middlewares


def formatter() -> logging.Formatter:
    """The formatter named in settings.LOGGING. Never log prompts or personal data."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if os.environ.get("LOG_FORMAT", "text") == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )


class RequestMiddleware(structlog_middlewares.RequestMiddleware):  # type: ignore[misc]
    """Gives every log line its request id; names requests without their query.

    People are searched for by name and phone number.
    """

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {request.path}"
