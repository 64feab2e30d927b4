"""People in prompts: numbers instead of names and phones; names come back only on display, and
those of members only to who may see them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import QuerySet

from metrics.models import AssistantVersion, Member, MemberVersion
from metrics.permissions import visible_members
from sandbox.context import RuntimeContext, kept_in_context

_GAP = r"[-\s.－]?"
_MOBILE = rf"(?:\+?86{_GAP})?1[3-9]\d(?:{_GAP}\d{{4}}){{2}}"
_LANDLINE = rf"0\d{{2,3}}{_GAP}\d{{3,4}}{_GAP}\d{{4}}"
# A mobile number, or a landline with its area code, with the usual separators.
PHONE = re.compile(rf"(?<!\d)(?:{_MOBILE}|{_LANDLINE})(?!\d)")
ANY_DIGITS = str.maketrans("０１２３４５６７８９", "0123456789")
# Of no more digits than an id has.
_TOKEN = re.compile(r"(会员|助教)#(\d{1,18})(?!\d)")
# Words that may be people's names as well: a member called 高峰 is not in 晚高峰.
ORDINARY_WORDS = re.compile("[早晚午]高峰|高峰[期时]|客流高峰")


def member_token(member_id: int) -> str:
    return f"会员#{member_id}"


def assistant_token(assistant_id: int) -> str:
    return f"助教#{assistant_id}"


def redact(text: str, *, ctx: RuntimeContext) -> str:
    """Free text as a prompt may carry it: numbers of people for their names, no phone numbers."""
    return redact_all([text], ctx=ctx)[0]


def redact_all(texts: Sequence[str], *, ctx: RuntimeContext) -> list[str]:
    """`redact` of each, in one query."""
    cleaned = [hide_phones(text) for text in texts]
    tokens: dict[str, str] = {}
    for name, token in names_within("\n".join(cleaned), ctx=ctx):
        tokens.setdefault(name, token)
    return [put_tokens(text, tokens) for text in cleaned]


def put_tokens(text: str, tokens: Mapping[str, str]) -> str:
    """The text with each name's token for the name. The longest name comes first in `tokens`."""
    if not tokens:
        return text
    names = "|".join(re.escape(name) for name in tokens)
    pattern = f"(?P<word>{ORDINARY_WORDS.pattern})|{names}"
    return re.sub(pattern, lambda match: match["word"] or tokens[match[0]], text)


def hide_phones(text: str) -> str:
    """The text without phone numbers, its digits plain ones."""
    return PHONE.sub("〔电话〕", text.translate(ANY_DIGITS))


def resolve_names(value: Any, *, ctx: RuntimeContext) -> Any:
    """The same value (text, or JSON that holds texts) with the names of people in it, as `names_of`."""
    tokens = tokens_in(value)
    return put_names(value, names_of(tokens, ctx=ctx)) if tokens else value


def tokens_in(value: Any) -> set[str]:
    """The people in a value, as 会员#12 and 助教#3."""
    return {match[0] for match in _TOKEN.finditer(str(value))}


def put_names(value: Any, names: Mapping[str, str]) -> Any:
    """The same value with names for those tokens that have one."""
    if isinstance(value, str):
        return _TOKEN.sub(lambda match: names.get(match[0], match[0]), value)
    if isinstance(value, list):
        return [put_names(item, names) for item in value]
    if isinstance(value, dict):
        return {key: put_names(item, names) for key, item in value.items()}
    return value


def names_of(tokens: Collection[str], *, ctx: RuntimeContext) -> dict[str, str]:
    """The names at D of people by token, where they have one; of members only those whom the user
    of the context may see. A number says nothing of its origin: anybody may have typed it.
    """
    names: dict[str, str] = {}
    for kind, model, field in (
        ("会员", MemberVersion, "member_id"),
        ("助教", AssistantVersion, "assistant_id"),
    ):
        found = [_TOKEN.fullmatch(token) for token in tokens]
        ids = [int(match[2]) for match in found if match and match[1] == kind]
        rows = model.objects.filter(  # type: ignore[attr-defined]
            site=ctx.site, valid_to__gt=ctx.business_date, **{f"{field}__in": ids}
        )
        if kind == "会员" and ids and ctx.actor_id is not None:
            seen = _members_of_reader(ctx.actor_id, ctx)
            rows = rows.filter(**{f"{field}__in": seen.values("pk")})
        names |= {f"{kind}#{pk}": name for pk, name in rows.values_list(field, "name") if name}
    return names


def _members_of_reader(user_id: int, ctx: RuntimeContext) -> QuerySet[Member]:
    """The members whom a user may see."""
    kept, key = kept_in_context(), f"reader {user_id}"
    if key not in kept:
        kept[key] = User.objects.get(pk=user_id)
    return visible_members(user=kept[key], ctx=ctx)


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
