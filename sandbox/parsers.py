"""JSON in, free of what the database cannot hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions, parsers


class JSONParser(parsers.JSONParser):
    """Strict JSON in UTF-8. (Django refuses what is over DATA_UPLOAD_MAX_MEMORY_SIZE.)

    Refused as well: NUL characters and lone surrogates, which PostgreSQL cannot store, and nesting
    that would exhaust the stack.
    """

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            text = stream.read().decode()
            parsed = json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            message = _("The body is not valid JSON: %(error)s") % {"error": error}
            raise exceptions.ParseError(message, "invalid_json") from error
        # Both can only come from an escape: as they are, they are not JSON, or not UTF-8.
        if "\\u" in text and not _is_storable(parsed):
            raise exceptions.ParseError(
                _("The body holds characters that are not text."), "invalid_text"
            )
        return parsed


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _is_storable(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" not in value and not any("\ud800" <= char <= "\udfff" for char in value)
    if isinstance(value, dict):
        return all(_is_storable(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return all(_is_storable(part) for part in value)
    return True
