"""SERIES: of which apps there are examples, how they are drawn and how they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from aijobs.cache import Insight
from aijobs.pseudonyms import assistant_token, member_token, resolve_names
from aijobs.registry import AI_APPS, find_app
from aijobs.samples.conversations import collect_conversations
from aijobs.samples.evidence import source_of
from aijobs.samples.reading import (
    Reader,
    read_analysis,
    read_clues,
    read_customer,
    read_finance,
    read_note,
    read_tactics,
)
from aijobs.samples.results import bring_result, prepare_results
from aijobs.samples.sample import Line, Sample, Section, Series, Wanted
from aijobs.samples.targets import (
    Draw,
    draw_areas,
    draw_members,
    draw_notes,
    draw_pairs,
    draw_whole_stores,
)
from metrics.calculations.areas import ALL, AreaTree
from metrics.models import Assistant, Member
from metrics.ranges import RANGES
from sandbox.context import use_context
from sandbox.errors import BadRequest

# Some draws lead to nothing: so many more are drawn.
_SPARE = 3


@dataclass(frozen=True)
class Analyses:
    """Examples of an app that analyses a target.

    Attributes:
        before: the apps whose results it takes up.
    """

    app: str
    draw: Callable[[Wanted], list[Draw]]
    read: Reader
    before: tuple[str, ...] = ()

    def collect(self, wanted: Wanted) -> Iterator[Sample]:
        """As many as wanted, those without a word left out."""
        missing = wanted.count
        for draw in self.draw(replace(wanted, count=_SPARE * wanted.count)):
            if not missing:
                return
            prepare_results(self.before, draw, again=wanted.again)
            insight = bring_result(self.app, draw, again=wanted.again)
            if insight is not None and (sample := self._show(draw, insight)).text:
                missing -= 1
                yield sample

    def _show(self, draw: Draw, insight: Insight) -> Sample:
        sections = [*self.read(insight.result, insight.references)]
        if draw.given:
            sections.insert(0, Section("备注原文", [Line(draw.given)]))
        with use_context(draw.ctx):
            about, options = _describe(draw)
        day = draw.ctx.business_date
        return Sample(
            site=draw.ctx.site,
            about=about,
            as_of=day,
            sections=[section for section in sections if section.lines],
            note=draw.note,
            source=source_of(insight.references),
            command=f"manage.py run_app {self.app} --site {draw.ctx.site.code} {options}"
            f" --as-of {day} --wait",
        )


def _describe(draw: Draw) -> tuple[str, str]:
    """Whom or what it is about, as people call it and as a command does."""
    target, ctx = draw.target, draw.ctx
    if target.range_key is not None:
        area = _("the whole store") if target.area == ALL else AreaTree(ctx=ctx).names[target.area]
        options = f"--range {target.range_key} --area {target.area}"
        return f"{area} · {RANGES[target.range_key]}", options
    who = member_token(target.member)
    options = f"--member {Member.objects.get(site=ctx.site, pk=target.member).external_id}"
    if target.assistant_id is not None:
        who = f"{assistant_token(target.assistant)} × {who}"
        assistant = Assistant.objects.get(site=ctx.site, pk=target.assistant)
        options += f" --assistant {assistant.external_id}"
    return resolve_names(who, ctx=ctx), options


_CLUES = ("app3_clue", "app6_note")
_ANALYSES = (
    Analyses("app2_finance", draw_whole_stores, read_finance),
    Analyses("app2a_finance_area", draw_areas, read_finance),
    Analyses("app3_clue", draw_members, read_clues),
    Analyses("app4_analysis", draw_pairs, read_analysis),
    Analyses(
        "app5_tactics", draw_pairs, read_tactics, (*_CLUES, "app8_consolidate", "app4_analysis")
    ),
    Analyses("app6_note", draw_notes, read_note),
    Analyses("app7_customer", draw_members, read_customer, (*_CLUES, "app8_consolidate")),
    Analyses("app8_consolidate", draw_members, read_clues, _CLUES),
)
SERIES = [
    Series("app1_chat", AI_APPS["app1_chat"].title, collect_conversations),
    *(Series(one.app, AI_APPS[one.app].title, one.collect) for one in _ANALYSES),
]


def find_series(key: str) -> Series:
    """The series of an app, by its key or alias.

    Raises:
        BadRequest: there is no such app, or there are no examples of it.
    """
    app = find_app(key).key
    for series in SERIES:
        if series.key == app:
            return series
    raise BadRequest(_("There are no examples of %(app)s.") % {"app": app})
