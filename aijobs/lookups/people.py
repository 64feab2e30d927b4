"""People in a question: told by number, by name, or by what stands for them in prompts."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from django.db.models import Model, QuerySet

from aijobs.lookups.asker import Asker
from aijobs.lookups.errors import Unanswerable
from aijobs.pseudonyms import (
    assistant_token,
    hide_phones,
    member_token,
    names_within,
    tokens_in,
)
from metrics.models import AssistantVersion, MemberVersion

# A number of the till: a word with a letter in it, or what is said to be one. A bare 12 is none.
_NUMBER = re.compile(
    r"(?<![\w#-])(?=[\d_-]*[A-Za-z])[\w-]{2,64}(?![\w-])"
    r"|(?:会员|助教|会员号|编号|卡号|工号)[：: ]?(\d{1,64})(?!\d)",
    re.ASCII,
)


@dataclass(frozen=True)
class Hidden:
    """A text without names and numbers of people.

    Attributes:
        people: those in it whom the asker may see, as 会员#12 and 助教#3.
        written: what stood in the text before, by the token that stands there now.
    """

    text: str
    people: tuple[str, ...]
    written: Mapping[str, str]


def hide_people(text: str, *, asker: Asker) -> Hidden:
    """The text as a prompt may carry it. A name of several people becomes all of them."""
    # Brackets too: no text of a user may end the place in which it stands.
    text = hide_phones(text).replace("<", "〈").replace(">", "〉")
    numbers = _numbers_in(text, asker)
    written = {token: number for number, token in numbers.items()}
    text = _NUMBER.sub(lambda found: numbers.get(found[1] or found[0], found[0]), text)
    named: dict[str, list[str]] = defaultdict(list)
    for name, token in names_within(text, ctx=asker.ctx):
        if token not in named[name]:
            named[name].append(token)
    seen = _visible({*tokens_in(text), *chain.from_iterable(named.values())}, asker)
    for name, tokens in named.items():
        # Somebody whom they may not see is nobody to them: told by a number that leads nowhere.
        shown = [token for token in tokens if token in seen] or tokens[:1]
        if name in text:
            written |= dict.fromkeys(shown, name)
        text = text.replace(name, "或".join(shown))
    return Hidden(text, tuple(sorted(tokens_in(text) & seen)), written)


def find_member(text: str, *, asker: Asker) -> int:
    """
    Raises:
        Unanswerable: nobody whom the asker may see, or several.
    """
    return _find(text, "会员", asker.members(), MemberVersion, asker)


def find_assistant(text: str, *, asker: Asker) -> int:
    """
    Raises:
        Unanswerable: nobody whom the asker may see, or several.
    """
    return _find(text, "助教", asker.assistants(), AssistantVersion, asker)


def _numbers_in(text: str, asker: Asker) -> dict[str, str]:
    """Numbers of people whom the asker may see, with what stands for them."""
    words = {found[1] or found[0] for found in _NUMBER.finditer(text)}
    if not words:
        return {}
    members = asker.members().filter(external_id__in=words).values_list("external_id", "pk")
    assistants = asker.assistants().filter(external_id__in=words).values_list("external_id", "pk")
    return {
        **{number: assistant_token(pk) for number, pk in assistants},
        **{number: member_token(pk) for number, pk in members},
    }


def _visible(tokens: set[str], asker: Asker) -> set[str]:
    """Those of the tokens who are people whom the asker may see."""
    ids = {"会员": [0], "助教": [0]}
    for token in tokens:
        kind, _hash, number = token.partition("#")
        if len(number) <= 18:
            ids[kind].append(int(number))
    members = asker.members().filter(pk__in=ids["会员"]).values_list("pk", flat=True)
    assistants = asker.assistants().filter(pk__in=ids["助教"]).values_list("pk", flat=True)
    return {*map(member_token, members), *map(assistant_token, assistants)}


def _find(text: str, kind: str, people: QuerySet[Any], versions: type[Model], asker: Asker) -> int:
    day = asker.ctx.business_date
    number = text.removeprefix(f"{kind}#")
    if number != text:
        rows = people.filter(pk=int(number)) if _is_id(number) else people.none()
    else:
        rows = people.filter(external_id=text)
        if not rows:
            of = "member" if kind == "会员" else "assistant"
            named = versions._default_manager.filter(
                site=asker.ctx.site, business_date__lte=day, valid_to__gt=day, name=text
            )
            rows = people.filter(pk__in=named.values(of))
    ids = list(rows.values_list("pk", flat=True)[:2])
    if not ids:
        raise Unanswerable(f"没有找到「{text}」这位{kind}")
    if len(ids) > 1:
        raise Unanswerable(f"不止一位{kind}叫「{text}」，请用编号提问")
    return int(ids[0])


def _is_id(number: str) -> bool:
    return number.isascii() and number.isdecimal() and len(number) <= 18
