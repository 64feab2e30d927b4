"""Two ways through a long list: pages of a board, a cursor on what only grows."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework import pagination
from rest_framework.request import Request

from sandbox.errors import BadRequest

MAX_PAGE = 500
MAX_OFFSET = 10_000_000


class BoardPagination(pagination.LimitOffsetPagination):
    """`limit` (50, at most 500) and `offset`; anything else in them is refused, not guessed.

    Args:
        counted: the same rows with nothing that only their display needs.
    """

    default_limit = 50
    max_limit = MAX_PAGE

    def __init__(self, *, counted: QuerySet[Any]) -> None:
        self.counted = counted

    def get_count(self, queryset: Any) -> int:
        return self.counted.count()

    def get_limit(self, request: Request) -> int:
        return _whole_number(request, "limit", default=50, least=1, most=MAX_PAGE)

    def get_offset(self, request: Request) -> int:
        return _whole_number(request, "offset", default=0, least=0, most=MAX_OFFSET)


class NewestFirst(pagination.CursorPagination):
    """`cursor` and `page_size` (50, at most 500), newest first; new rows do not shift pages."""

    ordering = "-id"
    page_size = 50
    max_page_size = MAX_PAGE
    page_size_query_param = "page_size"

    def decode_cursor(self, request: Request) -> Any:
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None:
            position = str(cursor.position)
            # It goes into a comparison with ids as it is.
            if not position.isdecimal() or len(position) > 18:
                raise BadRequest(fields={"cursor": [str(_("This cursor is not valid."))]})
        return cursor


def _whole_number(request: Request, name: str, *, default: int, least: int, most: int) -> int:
    text: str | None = request.GET.get(name)
    if text is None:
        return default
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(most))
    if not is_number or not least <= int(text) <= most:
        message = _("Expected a whole number from %(least)s to %(most)s.")
        raise BadRequest(fields={name: [str(message % {"least": least, "most": most})]})
    return int(text)
