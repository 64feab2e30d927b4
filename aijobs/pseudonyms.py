"""People in prompts: numbers instead of names and phones; names come back only on display."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.db import connection

from metrics.models import AssistantVersion, MemberVersion
from sandbox.context import RuntimeContext

_GAP = r"[-\s.－]?"
_MOBILE = rf"(?:\+?86{_GAP})?1[3-9]\d(?:{_GAP}\d{{4}}){{2}}"
_LANDLINE = rf"0\d{{2,3}}{_GAP}\d{{3,4}}{_GAP}\d{{4}}"
# A mobile number, or a landline with its area code, with the usual separators.
PHONE = re.compile(rf"(?<!\d)(?:{_MOBILE}|{_LANDLINE})(?!\d)")
ANY_DIGITS = str.maketrans("０１２３４５６７８９", "0123456789")
_TOKEN = re.compile(r"(会员|助教)#(\d+)")


def member_token(member_id: int) -> str:
    return f"会员#{member_id}"


def assistant_token(assistant_id: int) -> str:
    return f"助教#{assistant_id}"


def redact(text: str, *, ctx: RuntimeContext) -> str:
    """Free text as a prompt may carry it: numbers of people for their names, no phone numbers."""
    return redact_all([text], ctx=ctx)[0]


def redact_all(texts: Sequence[str], *, ctx: RuntimeContext) -> list[str]:
    """`redact` of each, in one query."""
    cleaned = [PHONE.sub("〔电话〕", text.translate(ANY_DIGITS)) for text in texts]
    for name, token in names_within("\n".join(cleaned), ctx=ctx):
        cleaned = [text.replace(name, token) for text in cleaned]
    return cleaned


def resolve_names(value: Any, *, ctx: RuntimeContext) -> Any:
    """The same value (text, or JSON that holds texts) with the names of people in it."""
    tokens = set(_TOKEN.findall(str(value)))
    if not tokens:
        return value
    names = _current_names(tokens, ctx=ctx)
    return _replace(value, names)


def _replace(value: Any, names: dict[tuple[str, str], str]) -> Any:
    if isinstance(value, str):
        return _TOKEN.sub(lambda match: names.get((match[1], match[2]), match[0]), value)
    if isinstance(value, list):
        return [_replace(item, names) for item in value]
    if isinstance(value, dict):
        return {key: _replace(item, names) for key, item in value.items()}
    return value


def _current_names(
    tokens: set[tuple[str, str]], *, ctx: RuntimeContext
) -> dict[tuple[str, str], str]:
    names: dict[tuple[str, str], str] = {}
    for kind, model, field in (
        ("会员", MemberVersion, "member_id"),
        ("助教", AssistantVersion, "assistant_id"),
    ):
        ids = [int(number) for token_kind, number in tokens if token_kind == kind]
        rows = model.objects.filter(  # type: ignore[attr-defined]
            site=ctx.site, valid_to__gt=ctx.business_date, **{f"{field}__in": ids}
        ).values_list(field, "name")
        names |= {(kind, str(pk)): name for pk, name in rows if name}
    return names


def names_within(text: str, *, ctx: RuntimeContext) -> list[tuple[str, str]]:
    """(name, token) of everybody of the store whose name stands in the text, longest first."""
    if not text:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, '会员#' || member_id FROM member_versions"
            " WHERE site_id = %s AND length(name) > 1 AND position(name IN %s) > 0"
            " UNION SELECT name, '助教#' || assistant_id FROM assistant_versions"
            " WHERE site_id = %s AND length(name) > 1 AND position(name IN %s) > 0"
            " ORDER BY 1, 2",
            [ctx.site.pk, text, ctx.site.pk, text],
        )
        return sorted(cursor.fetchall(), key=lambda row: -len(row[0]))
