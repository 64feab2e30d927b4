"""People in an answer: who was not told of, and names that must not travel on."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from aijobs.pseudonyms import ANY_DIGITS, ORDINARY_WORDS, PHONE, names_within, put_tokens
from metrics.models import Assistant, Member
from sandbox.context import RuntimeContext

_TOKEN = re.compile(r"(?:会员|助教|员工)#\d+")
# Ids as tills write them, long enough to be no figure of ours.
_ID = re.compile(
    r"(?<![A-Za-z0-9_.#-])(?=[A-Za-z_-]*\d)(?:[A-Za-z][A-Za-z0-9_-]{2,}|\d{6,})(?![A-Za-z0-9_.-])"
)
_A_PHONE, _AN_ID = "〔电话〕", "〔编号〕"


class People:
    """Who of the store stands in some texts, by name or id; strangers are those not told of."""

    def __init__(self, texts: Sequence[str], *, told: str, ctx: RuntimeContext) -> None:
        self._told = told
        self._tokens = set(_TOKEN.findall(told))
        text = _mask(ORDINARY_WORDS, "\n".join(texts))
        self._names = self._find_names(text, ctx)
        self._ids = self._find_ids(text, ctx)

    def find_strangers(self, text: str) -> Iterator[str]:
        """Each stranger's data by the token; what has none by what it is."""
        yield from (token for token in _TOKEN.findall(text) if token not in self._tokens)
        yield from (_A_PHONE for _phone in PHONE.finditer(text.translate(ANY_DIGITS)))
        yield from (_AN_ID for found in _ID.findall(text) if found in self._ids)
        plain = _mask(ORDINARY_WORDS, text)
        for name, token in self._names.items():
            if token not in self._tokens and name in plain:
                yield token

    def mask(self, text: str) -> str:
        """The text, as long as before, without names, ids and phone numbers."""
        for known in (*self._names, *self._ids):
            text = text.replace(known, "＊" * len(known))
        return _mask(PHONE, text.translate(ANY_DIGITS))

    def without_names(self, value: Any) -> Any:
        """A result with tokens for names and no phone number: the next prompt may carry it."""
        if isinstance(value, dict):
            return {key: self.without_names(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.without_names(entry) for entry in value]
        if not isinstance(value, str):
            return value
        value = put_tokens(value, self._names)
        if PHONE.search(plain := value.translate(ANY_DIGITS)):
            value = PHONE.sub(_A_PHONE, plain)
        return value

    def _find_names(self, text: str, ctx: RuntimeContext) -> dict[str, str]:
        """Names and their tokens, the longest first."""
        tokens = defaultdict(list)
        for name, token in names_within(text, ctx=ctx):
            tokens[name].append(token)
        # Of several people of one name the one who was told of is meant.
        return {
            name: next((token for token in found if token in self._tokens), found[0])
            for name, found in tokens.items()
        }

    def _find_ids(self, text: str, ctx: RuntimeContext) -> set[str]:
        """Ids of strangers."""
        candidates = {found for found in _ID.findall(text) if found not in self._told}
        if not candidates:
            return set()
        found = set()
        for kind, model in (("会员", Member), ("助教", Assistant)):
            rows = model.objects.filter(site=ctx.site, external_id__in=candidates)
            for pk, external_id in rows.values_list("pk", "external_id"):
                if f"{kind}#{pk}" not in self._tokens:
                    found.add(external_id)
        return found


def _mask(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda match: "＊" * len(match[0]), text)
