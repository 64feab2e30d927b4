"""Reading an answer of app1: no figure in it but those that were looked up, and those cited."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Any

from aijobs.errors import InvalidOutput
from aijobs.output_checks.figures import Kind, figures_in
from aijobs.output_checks.topics import find_forbidden
from aijobs.pseudonyms import tokens_in

MOST_CHARACTERS = 2000
_MARK = re.compile(r"〔(\d{1,3})〕")
_PERSON = re.compile(r"(?:会员|助教)#\d+")
_DATE = re.compile(r"(?:(\d{4})[-年])?(\d{1,2})(?:-|月)(\d{1,2})[日号]?")
_MONTH = re.compile(r"(?:(\d{4})年)?(\d{1,2})月")
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


def read_answer(values: dict[str, Any], text: str) -> dict[str, Any]:
    """The text and the figures that it cites.

    Raises:
        InvalidOutput: it is empty or endless, cites what is not there, or holds a person (unless
            asked about), a number or a day of none of its citations.
    """
    text = text.strip()
    # PostgreSQL keeps neither NUL nor half a surrogate pair.
    if not 0 < len(text) <= MOST_CHARACTERS or re.search("[\x00\ud800-\udfff]", text):
        raise InvalidOutput(f"expected a text of 1 to {MOST_CHARACTERS} characters")
    if forbidden := next(find_forbidden(text), None):
        raise InvalidOutput(f"「{forbidden[0]}」 is never spoken of")
    by_number = {str(one["n"]): one for one in values["figures"] if "error" not in one}
    marks = dict.fromkeys(_MARK.findall(text))
    if unknown := [mark for mark in marks if mark not in by_number]:
        raise InvalidOutput(f"〔{unknown[0]}〕 is the number of no figure")
    cited = [by_number[mark] for mark in marks]
    if strangers := tokens_in(text) - tokens_in([cited, values["question"]]):
        raise InvalidOutput(
            f"{min(strangers)} is neither asked about nor in a figure that is cited"
        )
    # What we said ourselves may be said again: why there is no figure, and what there is.
    errors = _texts_in([one.get("error") for one in values["figures"]])
    ours = [*errors, *_texts_in(list(values["can_ask"].values()))]
    checked = text
    for error in errors:
        checked = checked.replace(error, "")
    if invented := _invented(checked, cited, ours, as_of=values["as_of"]):
        raise InvalidOutput(f"{invented} stands in no figure that is cited")
    return {"answer": text, "citations": cited}


def _invented(text: str, cited: list[dict[str, Any]], ours: list[str], *, as_of: str) -> str:
    """The first number or day in the text that its citations do not have; empty: none."""
    days = {date.fromisoformat(as_of), *_days_in(ours)}
    for one in cited:
        days |= {date.fromisoformat(one[name]) for name in ("start", "end", "as_of") if name in one}
    said = [[one["of"], one["title"], one["value"], one.get("rows")] for one in cited]
    numbers = set(_numbers_in([*ours, *_texts_in(said)]))
    rest = _PERSON.sub("", _MARK.sub("", text))
    for pattern, parts in ((_DATE, ("month", "day")), (_MONTH, ("month",))):
        for found in pattern.finditer(rest):
            year, *others = found.groups()
            if not any(
                year in (None, str(day.year))
                and [int(other) for other in others] == [getattr(day, part) for part in parts]
                for day in days
            ):
                return found[0]
        rest = pattern.sub("", rest)
    for found in _NUMBER.finditer(rest):
        if _as_decimal(found[0]) not in numbers:
            return found[0]
    return _invented_in_words(_NUMBER.sub("", rest), numbers, cited, ours)


def _invented_in_words(
    text: str, numbers: set[Decimal], cited: list[dict[str, Any]], ours: list[str]
) -> str:
    """The first amount or share in Chinese numerals that is no figure; how many are cited is one."""
    known = {
        (figure.kind, figure.value)
        for part in (*ours, *_texts_in(cited))
        for figure in figures_in(part)
    }
    known |= {(Kind.NUMBER, number) for number in (*numbers, Decimal(len(cited)))}
    for figure in figures_in(text):
        if figure.kind in (Kind.NUMBER, Kind.PERCENT) and (figure.kind, figure.value) not in known:
            return text[slice(*figure.span)]
    return ""


def _days_in(texts: Iterable[str]) -> set[date]:
    """The dates in texts of ours, which write them as 2026-04-20."""
    days = set()
    for day in (day for text in texts for day in re.findall(r"\d{4}-\d{2}-\d{2}", text)):
        with suppress(ValueError):  # as it was asked for: 2026-02-30
            days.add(date.fromisoformat(day))
    return days


def _texts_in(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for text in _texts_in(list(pair))]
    if isinstance(value, list):
        return [text for part in value for text in _texts_in(part)]
    return [] if value is None else [str(value)]


def _numbers_in(texts: Iterable[str]) -> list[Decimal]:
    plain = (_PERSON.sub("", text) for text in texts)
    return [_as_decimal(number) for text in plain for number in _NUMBER.findall(text)]


def _as_decimal(number: str) -> Decimal:
    return Decimal(number.replace(",", ""))
