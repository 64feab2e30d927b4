"""CHECKS, and the one function that holds an answer against them.

It runs on every parsed answer before it is stored, whatever the provider. A clue that touches a
forbidden topic is left out and names become tokens; everything else is stored as it is, with the
findings beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from pydantic import BaseModel

from aijobs.output_checks.contact import find_contacts, find_night_contacts
from aijobs.output_checks.figures import Figure, figures_in
from aijobs.output_checks.findings import Finding, Review, Severity
from aijobs.output_checks.known_figures import KnownFigures
from aijobs.output_checks.people import People
from aijobs.output_checks.promises import (
    find_commands,
    find_invented_offers,
    find_slogans,
    find_third_person,
    is_nobody,
    is_over,
    names_a_time,
)
from aijobs.output_checks.standards import Said, lists_of, reckoned_of, texts_of
from aijobs.output_checks.topics import find_forbidden, find_untellable
from metrics.catalog import METRICS
from sandbox.context import RuntimeContext

# So much of what stands around a finding is kept with it.
_AROUND = 8
_METRICS = frozenset(metric.key for metric in METRICS)
# What says right before a figure that something rose, or fell, by it.
_RISES = re.compile(r"(?:(?<!\d)\+|(?<![至好许最更])(?:多收?的?|[增上]?[涨加升]了?|高))\s*$")
_FALLS = re.compile(r"(?:(?<!\d)[-−]|(?<![至最])(?:少收?的?|[下减]?[跌降少掉]了?|低))\s*$")


@dataclass(frozen=True)
class Answer:
    """What is checked, and what it is held against."""

    output: BaseModel
    features: dict[str, Any]
    ctx: RuntimeContext

    @cached_property
    def fields(self) -> list[Said]:
        return list(texts_of(self.output))

    @cached_property
    def texts(self) -> list[Said]:
        return [said for said in self.fields if not said.standard.is_key]

    @cached_property
    def told(self) -> str:
        return json.dumps(self.features, ensure_ascii=False)

    @cached_property
    def known_figures(self) -> KnownFigures:
        return KnownFigures(self.features)

    @cached_property
    def people(self) -> People:
        return People([said.text for said in self.texts], told=self.told, ctx=self.ctx)

    def around(self, text: str, span: tuple[int, int]) -> str:
        """What stands there and beside it, nobody's name among it."""
        start, end = span
        return self.people.mask(text)[max(0, start - _AROUND) : end + _AROUND]


# (field, excerpt) of each thing found.
Places = Iterator[tuple[str, str]]


@dataclass(frozen=True)
class Check:
    """One thing that an answer is held to. `find`: where it is not."""

    key: str
    title: Promise
    severity: Severity
    find: Callable[[Answer], Places]


def review_answer(
    *,
    output: type[BaseModel],
    result: dict[str, Any],
    features: dict[str, Any],
    ctx: RuntimeContext,
) -> Review:
    """Hold a result against all checks, in the context that it was made in."""
    result, findings = _without_forbidden_entries(output, result)
    answer = Answer(output.model_validate(result), features, ctx)
    if answer.texts:
        findings += [
            Finding(check.key, field, excerpt, check.severity)
            for check in CHECKS
            for field, excerpt in check.find(answer)
        ]
        result = answer.people.without_names(result)
    return Review(result, findings)


def check_title(key: str) -> str:
    """What a check is called; one of another release by its key."""
    return next((str(check.title) for check in CHECKS if check.key == key), key)


def _without_forbidden_entries(
    output: type[BaseModel], result: dict[str, Any]
) -> tuple[dict[str, Any], list[Finding]]:
    """The result without the entries that must not be passed on, and what was wrong with them."""
    findings: list[Finding] = []
    kept = dict(result)
    for name, entries, standard in lists_of(output.model_validate(result)):
        if not standard.sheds:
            continue
        bad = set()
        for number, entry in enumerate(entries):
            for said in texts_of(entry):
                for match in find_forbidden(said.text):
                    bad.add(number)
                    field = f"{name}.{number}.{said.field}"
                    findings.append(Finding("forbidden_topic", field, match[0], Severity.DROPPED))
        kept[name] = [entry for number, entry in enumerate(result[name]) if number not in bad]
    return kept, findings


# --- What is looked for ---------------------------------------------------------------------------


def _forbidden(answer: Answer) -> Places:
    for said in answer.texts:
        for match in find_forbidden(said.text):
            yield said.field, answer.around(said.text, match.span())


def _told_to_guest(answer: Answer) -> Places:
    for said in _words(answer):
        for match in find_untellable(said.text):
            yield said.field, answer.around(said.text, match.span())


def _foreign(answer: Answer) -> Places:
    for said in answer.texts:
        for what in answer.people.find_strangers(said.text):
            yield said.field, what


def _invented_figures(answer: Answer) -> Places:
    for said in answer.texts:
        # A phone number is no figure.
        text = answer.people.mask(said.text)
        for figure in figures_in(text):
            if not answer.known_figures.explain(figure) or _says_the_opposite(answer, text, figure):
                yield said.field, answer.around(said.text, figure.span)


def _says_the_opposite(answer: Answer, text: str, figure: Figure) -> bool:
    """Whether a fall is told as a rise, or the other way."""
    lead = text[max(0, figure.span[0] - _AROUND) : figure.span[0]]
    return any(
        pattern.search(lead) and answer.known_figures.contradict(figure, rises=rises)
        for pattern, rises in ((_RISES, True), (_FALLS, False))
    )


def _invented_offers(answer: Answer) -> Places:
    for said in answer.texts:
        standard = said.standard
        if standard.offers_nothing or standard.gives_nothing:
            to_staff = not standard.offers_nothing
            for match in find_invented_offers(said.text, answer.told, to_staff=to_staff):
                yield said.field, answer.around(said.text, match.span())


def _unwelcome_contacts(answer: Answer) -> Places:
    contact = answer.features.get("contact")
    if contact is None:
        return
    for said in answer.texts:
        if said.standard.reaches_out:
            for match in find_contacts(said.text, contact):
                yield said.field, match[0]
            for hour in find_night_contacts(said.text, contact):
                yield said.field, hour


def _misreckoned(answer: Answer) -> Places:
    for name, value, standard in reckoned_of(answer.output):
        if standard.reckon is None:
            continue
        right = standard.reckon(answer.features)
        is_right = (
            abs(value - right) <= standard.within if isinstance(right, int) else value == right
        )
        if not is_right:
            yield name, f"{value}, {right}"


def _slogans(answer: Answer) -> Places:
    for said in answer.texts:
        if said.standard.is_deed:
            for match in find_slogans(said.text):
                yield said.field, match[0]


def _incomplete(answer: Answer) -> Places:
    for said in answer.fields:
        standard, text = said.standard, said.text.strip()
        if (
            (standard.is_needed and not text)
            or (standard.is_owner and is_nobody(text))
            or (standard.is_due and text and not names_a_time(text))
            or (standard.is_due and is_over(text, answer.known_figures.as_of))
            or (standard.is_key and standard.is_needed and not _is_metric(text, answer.features))
        ):
            yield said.field, text[:20]


def _is_metric(key: str, features: dict[str, Any]) -> bool:
    """Whether the catalog or the features have such a figure."""
    return key in _METRICS or key in features.get("current", {})


def _words_too_long(answer: Answer) -> Places:
    return _longer_than_allowed(_words(answer))


def _too_long(answer: Answer) -> Places:
    yield from _longer_than_allowed(said for said in answer.texts if not said.standard.to_guest)
    for name, entries, standard in lists_of(answer.output):
        if standard.most_entries is not None and len(entries) > standard.most_entries:
            yield name, f"{len(entries)} > {standard.most_entries}"


def _longer_than_allowed(texts: Iterable[Said]) -> Places:
    for said in texts:
        most = said.standard.most
        if most is not None and len(said.text) > most:
            yield said.field, f"{len(said.text)} > {most}"


def _third_person(answer: Answer) -> Places:
    for said in _words(answer):
        for match in find_third_person(said.text):
            yield said.field, answer.around(said.text, match.span())


def _commands(answer: Answer) -> Places:
    for said in _words(answer):
        for match in find_commands(said.text):
            yield said.field, answer.around(said.text, match.span())


def _words(answer: Answer) -> Iterator[Said]:
    return (said for said in answer.texts if said.standard.to_guest)


# In the order shown to people.
CHECKS = (
    Check("forbidden_topic", _("forbidden topic"), Severity.MAJOR, _forbidden),
    Check("told_to_guest", _("not for a guest's ears"), Severity.MAJOR, _told_to_guest),
    Check("foreign_data", _("somebody else's data"), Severity.MAJOR, _foreign),
    Check("invented_figure", _("invented figure"), Severity.MAJOR, _invented_figures),
    Check("invented_offer", _("invented offer"), Severity.MAJOR, _invented_offers),
    Check(
        "unwelcome_contact",
        _("contact that is not allowed"),
        Severity.MAJOR,
        _unwelcome_contacts,
    ),
    Check("misreckoned", _("wrongly worked out"), Severity.MAJOR, _misreckoned),
    Check("empty_words", _("empty words"), Severity.MAJOR, _slogans),
    Check("incomplete", _("something is missing"), Severity.MAJOR, _incomplete),
    Check("words_too_long", _("too long to be said"), Severity.MAJOR, _words_too_long),
    Check("hard_to_refuse", _("hard to refuse"), Severity.MAJOR, _commands),
    Check("third_person", _("not in the first person"), Severity.MINOR, _third_person),
    Check("too_long", _("too long"), Severity.MINOR, _too_long),
)
