"""The only writer of the DWS tables: whole builds, builds from a date on, repairs of an entity.

Every statement is set-based and idempotent and runs under the store's ingest lock. Rows that come
out the same are not written again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from functools import cache
from pathlib import Path

from django.db import connection
from django.db.models.functions import Now

from metrics.models import DwsBuild, FinanceDaily, MemberConsumption
from metrics.models.base import FOREVER
from sandbox.context import use_build_context
from sandbox.models import Site, SiteIngest

# Members summed up in one transaction; pushes get their turn in between.
CHUNK = 5000
BEGINNING = date.min

_SQL = Path(__file__).parent / "sql" / "builds"


def lock_ingest(site: Site) -> SiteIngest:
    """Lock the store's ingest until the end of the transaction. Facts are inserted before."""
    SiteIngest.objects.bulk_create([SiteIngest(site=site)], ignore_conflicts=True)
    return SiteIngest.objects.select_for_update().get(site=site)


# --- Builds ------------------------------------------------------------------------------------


def build_site(*, site: Site, since: date | None = None, full: bool = False) -> list[DwsBuild]:
    """Build a store's summaries; returns the builds carried out.

    Builds that were left at STARTED come first. Without `since` and `full` nothing more is built
    unless the store was never built: pushes and files keep the summaries up to date.
    """
    with use_build_context(site):
        started = list(DwsBuild.objects.filter(site=site, status="started").order_by("pk"))
        never_built = not DwsBuild.objects.filter(site=site).exists()
        if full or since is not None or never_built:
            started.append(open_build(site=site, since=None if full else since))
    for build in started:
        run_build(build=build)
    return started


def open_build(*, site: Site, since: date | None) -> DwsBuild:
    """Note that everything from `since` on (null: everything) has to be built."""
    return DwsBuild.objects.create(site=site, since=since)


def run_build(*, build: DwsBuild) -> None:
    """Carry out a build in short transactions; a build that was interrupted goes on."""
    while _build_members(build):
        pass
    with use_build_context(build.site):
        ingest = lock_ingest(build.site)
        _rebuild_finance(site_id=build.site_id, since=build.since or BEGINNING)
        DwsBuild.objects.filter(pk=build.pk, status=DwsBuild.Status.STARTED).update(
            status=DwsBuild.Status.DONE, finished_at=Now(), watermark=ingest.last_batch
        )
        build.refresh_from_db()


def _build_members(build: DwsBuild) -> bool:
    """Sum up the next members; False when there are none left."""
    with use_build_context(build.site):
        lock_ingest(build.site)
        row = DwsBuild.objects.get(pk=build.pk)
        if row.status == DwsBuild.Status.DONE:
            return False
        members = _members_after(row, after=row.counts.get("members_through", 0))
        if not members:
            return False
        since = row.since or BEGINNING
        _rebuild_members(site_id=row.site_id, since=dict.fromkeys(members, since))
        row.counts["members_through"] = members[-1]
        row.counts["members"] = row.counts.get("members", 0) + len(members)
        row.save(update_fields=["counts"])
    return True


def _members_after(build: DwsBuild, *, after: int) -> list[int]:
    statement = _ALL_MEMBERS if build.since is None else _MEMBERS_SINCE
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {"site": build.site_id, "since": build.since, "after": after, "chunk": CHUNK},
        )
        return [member_id for (member_id,) in cursor.fetchall()]


_ALL_MEMBERS = """
SELECT id FROM members WHERE site_id = %(site)s AND id > %(after)s ORDER BY id LIMIT %(chunk)s
"""
_MEMBERS_SINCE = """
SELECT member_id FROM settlements
WHERE site_id = %(site)s AND business_date >= %(since)s AND member_id > %(after)s
UNION
SELECT member_id FROM card_entries
WHERE site_id = %(site)s AND business_date >= %(since)s AND member_id > %(after)s
ORDER BY member_id LIMIT %(chunk)s
"""


# --- Repairs -----------------------------------------------------------------------------------


def repair_touched(*, site: Site, touched: Iterable[tuple[int | None, int, date]]) -> None:
    """Bring the summaries up to date after new facts of (member, area, business date).

    In the transaction that wrote the facts, under the store's ingest lock.
    """
    rows = list(touched)
    if not rows:
        return
    since: dict[int, date] = {}
    for member_id, _area_id, day in rows:
        if member_id is not None:
            since[member_id] = min(day, since.get(member_id, day))
    days = {day for _member_id, _area_id, day in rows}
    days |= repair_members(site=site, since=since)
    repair_finance(site=site, days=days, areas={area_id for _member, area_id, _day in rows})


def repair_members(*, site: Site, since: dict[int, date]) -> set[date]:
    """Rebuild members' summaries, each from a date on; returns days whose new members changed.

    A late bill before the first visit makes the member new on another day, and no longer on the
    day before.
    """
    if not since:
        return set()
    before = _first_visits(site, since)
    _rebuild_members(site_id=site.pk, since=since)
    after = _first_visits(site, since)
    return {day for _member, day in before.items() ^ after.items() if day is not None}


def repair_finance(*, site: Site, days: Collection[date], areas: Collection[int]) -> None:
    """Rebuild some days of some areas, and of no area; what follows is carried on."""
    _rebuild_finance(site_id=site.pk, since=min(days), days=sorted(days), areas=sorted({0, *areas}))


def repair_since(*, site: Site, since: date) -> None:
    """Rebuild everything from a date on, within the caller's transaction and lock."""
    with connection.cursor() as cursor:
        cursor.execute(_MEMBERS_SINCE, {"site": site.pk, "since": since, "after": 0, "chunk": None})
        members = [member_id for (member_id,) in cursor.fetchall()]
    for start in range(0, len(members), CHUNK):
        chunk = members[start : start + CHUNK]
        _rebuild_members(site_id=site.pk, since=dict.fromkeys(chunk, since))
    _rebuild_finance(site_id=site.pk, since=since)


def _first_visits(site: Site, members: Collection[int]) -> dict[int, date | None]:
    newest = MemberConsumption.objects.filter(
        site=site, member_id__in=list(members), valid_to=FOREVER
    )
    return dict(newest.values_list("member_id", "first_visit"))


# --- SQL ---------------------------------------------------------------------------------------


def _rebuild_members(*, site_id: int, since: dict[int, date]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            (_SQL / "member_consumption.sql").read_text(encoding="utf-8"),
            {"site": site_id, "members": list(since), "since": list(since.values())},
        )


def _rebuild_finance(
    *, site_id: int, since: date, days: list[date] | None = None, areas: list[int] | None = None
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _finance_sql(), {"site": site_id, "since": since, "days": days, "areas": areas}
        )


# What each source adds to the summed columns of FinanceDaily; the others it leaves at 0.
_CENTS = "(coalesce(sum({0}), 0) * 100)::bigint"
_FROM_BILLS = {
    **{
        name: _CENTS.format(f"s.{name}")
        for name in (
            "gross",
            "discount",
            "paid",
            "card_paid",
            "cash_paid",
            "other_paid",
            "groupbuy_paid",
            "table_fee",
            "assistant_fee",
            "goods_fee",
            "other_fee",
        )
    },
    "parts_known": "count(*) FILTER (WHERE num_nonnulls("
    "s.table_fee, s.assistant_fee, s.goods_fee, s.other_fee) > 0)",
    "bills": "count(*)",
    "member_bills": "count(s.member_id)",
    "guests": "coalesce(sum(s.guests), 0)",
    "table_minutes": "coalesce(sum(extract(epoch FROM s.occurred_at - s.started_at)::bigint / 60)"
    " FILTER (WHERE s.started_at <= s.occurred_at), 0)",
    "timed_bills": "count(*) FILTER (WHERE s.started_at <= s.occurred_at)",
}
_FROM_CARDS = {
    name: f"(coalesce(sum({amount}) FILTER (WHERE card.kind = '{kind}'), 0) * 100)::bigint"
    for name, amount, kind in (
        ("recharge_principal", "card.principal", "recharge"),
        ("recharge_gift", "card.gift", "recharge"),
        ("refunds", "-card.principal", "refund"),
        ("gift_consumed", "-card.gift", "consume"),
    )
}
_FROM_FIRST_VISITS = {"new_members": "count(*)"}
# The summed columns, in the order of the model.
FINANCE_SUMS = [
    field.attname
    for field in FinanceDaily._meta.concrete_fields
    if field.attname not in ("id", "site_id", "area_id", "stat_date", "valid_to")
]


@cache
def _finance_sql() -> str:
    def columns(form: str) -> str:
        return ", ".join(form.format(name) for name in FINANCE_SUMS)

    def source(given: dict[str, str]) -> str:
        return ", ".join(f"{given.get(name, '0')} AS {name}" for name in FINANCE_SUMS)

    return (
        (_SQL / "finance_daily.sql")
        .read_text(encoding="utf-8")
        .format(
            bills=source(_FROM_BILLS),
            card=source(_FROM_CARDS),
            new_members=source(_FROM_FIRST_VISITS),
            columns=columns("{0}"),
            differences=columns("d.{0} - lag(d.{0}, 1, 0) OVER so_far AS {0}"),
            sums=columns("sum({0})::bigint AS {0}"),
            running=columns("sum({0}) OVER so_far AS {0}"),
            excluded=columns("excluded.{0}"),
            current=columns("d.{0}"),
        )
    )
