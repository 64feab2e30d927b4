"""Whom and what examples are about: drawn from every store, date, stage and size in turn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product

from aijobs.chains import AREAS
from aijobs.samples.sample import Wanted
from aijobs.targets import Target
from metrics.calculations.areas import ALL, AreaTree
from metrics.calculations.grid import closed_periods
from metrics.models import AssistantCustomer, MemberLifecycle, Note
from metrics.ranges import RANGES
from sandbox.context import RuntimeContext, as_of_context, use_context

STAGES = MemberLifecycle.Stage
# How well an assistant knows a member, by the services up to D.
_ACQUAINTANCES = (("初识", 1, 3), ("熟悉", 4, 15), ("老客", 16, None))
# A note is analysed soon after it was written.
_NOTE_DAYS = 60


@dataclass(frozen=True)
class Draw:
    """A target with the context that it is asked about in.

    Attributes:
        note: what makes it different from others. given: the words that are to be understood.
        days: of a range, its closed days and those it is compared with.
    """

    ctx: RuntimeContext
    target: Target
    note: str = ""
    given: str = ""
    days: tuple[tuple[date, date], ...] = ()


def draw_cells(wanted: Wanted, *, areas: Sequence[str]) -> list[Draw]:
    """Ranges that have a closed day, of the areas that a store has, each range in turn."""
    groups: defaultdict[str, list[Draw]] = defaultdict(list)
    for site, day in product(wanted.sites, wanted.dates):
        ctx = as_of_context(site, day)
        with use_context(ctx):
            codes = AreaTree(ctx=ctx).codes
        for range_key, area in product(RANGES, areas):
            periods = closed_periods(range_key, day)
            if area in codes and periods is not None:
                target = Target(range_key=range_key, area=area)
                groups[range_key].append(Draw(ctx, target, days=(*periods.values(),)))
    return _deal(wanted, groups, what=f"cells {areas}")


def draw_whole_stores(wanted: Wanted) -> list[Draw]:
    return draw_cells(wanted, areas=(ALL,))


def draw_areas(wanted: Wanted) -> list[Draw]:
    return draw_cells(wanted, areas=AREAS)


def draw_members(wanted: Wanted) -> list[Draw]:
    """Members of every stage."""
    groups: defaultdict[str, list[Draw]] = defaultdict(list)
    for site, day in product(wanted.sites, wanted.dates):
        ctx = as_of_context(site, day)
        with use_context(ctx):
            rows = MemberLifecycle.objects.filter(
                site=site, stat_date__lte=day, valid_to__gt=day
            ).order_by("member__external_id")
            for member_id, stage in rows.values_list("member_id", "stage"):
                draw = Draw(ctx, Target(member_id=member_id), str(STAGES(stage).label))
                groups[stage].append(draw)
    return _deal(wanted, groups, what="members")


def draw_pairs(wanted: Wanted) -> list[Draw]:
    """Assistants with members whom they have served once and those whom they know well."""
    groups: defaultdict[str, list[Draw]] = defaultdict(list)
    for site, day in product(wanted.sites, wanted.dates):
        ctx = as_of_context(site, day)
        with use_context(ctx):
            rows = AssistantCustomer.objects.filter(
                site=site, stat_date__lte=day, valid_to__gt=day
            ).order_by("assistant__external_id", "member__external_id")
            for assistant_id, member_id, services in rows.values_list(
                "assistant_id", "member_id", "services"
            ):
                target = Target(member_id=member_id, assistant_id=assistant_id)
                name = _acquaintance(services)
                groups[name].append(Draw(ctx, target, f"服务过 {services} 次"))
    return _deal(wanted, groups, what="pairs")


def draw_notes(wanted: Wanted) -> list[Draw]:
    """Members with a note of the last weeks, each store's in turn; the newest is analysed."""
    groups: defaultdict[str, list[Draw]] = defaultdict(list)
    for site, day in product(wanted.sites, wanted.dates):
        ctx = as_of_context(site, day)
        with use_context(ctx):
            notes = Note.objects.filter(site=site, business_date__lte=day)
            newest = {note.member_id: note for note in notes.order_by("occurred_at", "pk")}
        for note in sorted(newest.values(), key=lambda one: one.external_id):
            if (day - note.business_date).days < _NOTE_DAYS:
                target = Target(member_id=note.member_id)
                draw = Draw(ctx, target, f"{note.business_date} 的备注", given=note.text)
                groups[site.code].append(draw)
    return _deal(wanted, groups, what="notes")


def _acquaintance(services: int) -> str:
    for name, least, most in _ACQUAINTANCES:
        if least <= services and (most is None or services <= most):
            return name
    return _ACQUAINTANCES[0][0]


def _deal(wanted: Wanted, groups: dict[str, list[Draw]], *, what: str) -> list[Draw]:
    """Of the groups in turn, and within one of the stores and dates in turn; nobody twice."""
    random = wanted.random(what)
    hands = [
        _shuffle_fairly(random.sample(draws, len(draws))) for _key, draws in sorted(groups.items())
    ]
    dealt: list[Draw] = []
    seen: set[tuple[object, ...]] = set()
    while hands and len(dealt) < wanted.count:
        for hand in list(hands):
            draw = next((one for one in hand if _subject(one) not in seen), None)
            if draw is None:
                hands.remove(hand)
            elif len(dealt) < wanted.count:
                seen.add(_subject(draw))
                dealt.append(draw)
    return dealt


def _subject(draw: Draw) -> tuple[object, ...]:
    """Whom it is about, at whatever date; of an area the days, whatever the range is called."""
    target = draw.target
    if target.range_key is not None:
        return (draw.ctx.site.pk, draw.days, target.area)
    return (draw.ctx.site.pk, target.member_id)


def _shuffle_fairly(draws: list[Draw]) -> Iterator[Draw]:
    """Of each store and date in turn."""
    by_place: defaultdict[tuple[str, date], list[Draw]] = defaultdict(list)
    for one in draws:
        by_place[one.ctx.site.code, one.ctx.business_date].append(one)
    places = [iter(place) for place in by_place.values()]
    while places:
        for place in list(places):
            if (draw := next(place, None)) is None:
                places.remove(place)
            else:
                yield draw
