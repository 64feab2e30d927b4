"""Yesterday against the same weekday of the week before, and what closed days do to it."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from html import unescape

from django.urls import reverse

from metrics.builds import lock_ingest
from metrics.home import home_page
from metrics.importers import push_rows
from metrics.importers.ingest import close_batch, open_batch
from metrics.importers.sites import AreaPlan
from metrics.models import SiteClosure
from sandbox.context import live_context, use_context
from sandbox.options import set_option
from tests.admin.conftest import PAST
from tests.admin.pages import HOME, go_back, text_of
from tests.factories import bill, card_entry, make_site, push_bills


def test_yesterday_stands_beside_the_same_weekday(manager, east):
    home = manager.get(HOME).context["home"]

    assert (home.day, home.compared_with) == (date(2026, 5, 4), date(2026, 4, 27))
    gmv = home.figures[0]
    assert (gmv.value, gmv.before, gmv.change) == (Decimal(140), Decimal(70), Decimal(1))
    assert [part.value for part in gmv.parts] == [Decimal(90), Decimal(30), Decimal(20)]


def test_unknown_parts_are_a_dash(manager, east):
    home = manager.get(HOME, {"as_of": "2026-04-29"})

    assert [part.value for part in home.context["home"].figures[0].parts] == [None] * 3
    assert "—" in text_of(home)


def test_at_a_past_date_yesterday_is_that_dates_yesterday(manager):
    go_back(manager, PAST)

    assert manager.get(HOME).context["home"].day == date(2026, 4, 19)


def test_a_closed_day_is_left_out(manager, east):
    close(east, date(2026, 5, 4))

    home = manager.get(HOME).context["home"]

    assert home.day == date(2026, 5, 3)
    assert "2026-05-04" not in home.chart["days"]


def test_there_is_nothing_to_compare_with_when_the_week_before_was_closed(manager, east):
    close(east, date(2026, 4, 27))

    home = manager.get(HOME).context["home"]

    assert home.compared_with is None
    assert home.figures[0].change is None


def test_the_mean_takes_the_seven_open_days_up_to_each(manager, east):
    home = manager.get(HOME).context["home"]

    last = home.chart["gmv"][-7:]
    assert home.chart["mean"][-1] == round(sum(last) / 7, 2)
    assert len(home.chart["days"]) == len(home.chart["gmv"]) == len(home.chart["mean"])


def test_a_store_without_bills_says_how_to_begin(sign_in):
    new = make_site("new")
    with use_context(live_context(new)) as ctx:
        assert home_page(ctx=ctx) is None

    assert "zq-empty" in text_of(sign_in("manager", new).get(HOME))


def close(site, day: date) -> None:
    with use_context(live_context(site)):
        batch = open_batch(site=site, source="test")
        SiteClosure.objects.create(
            site=site,
            external_id=f"closed-{day}",
            occurred_at=f"{day}T08:00:00+08:00",
            business_date=day,
            batch=batch,
        )
        lock_ingest(site)
        close_batch(batch=batch, parts={}, counts={})


# --- Figures of the hall, rows behind figures ----------------------------------------------------


def timed(began: str, settled: str, **fields):
    return bill(f"{settled}:00", 60, started_at=f"{began}:00", **fields)


def test_hours_and_occupancy_stand_beside_those_of_the_week_before(sign_in):
    north = make_site("north", areas=[AreaPlan("hallA", "大厅A区", tables=4)])
    push_bills(
        north,
        [
            timed("2026-05-04T18:00", "2026-05-04T22:00"),
            timed("2026-04-27T20:00", "2026-04-27T22:00"),
            timed("2026-05-05T10:00", "2026-05-05T11:30"),
        ],
    )

    *_, per_table, occupancy = sign_in("manager", north).get(HOME).context["home"].figures

    assert (per_table.value, per_table.change) == (Decimal("1.00"), Decimal(1))
    # 4 of 4 tables × 16 hours
    assert (occupancy.value, occupancy.before) == (Decimal("0.0625"), Decimal("0.0313"))


def test_the_figures_open_the_rows_behind_them(manager, east):
    entries = [
        card_entry("M1", date(2026, 5, 4), 300),
        card_entry("M1", date(2026, 5, 4), -50, kind="refund"),
        card_entry("M1", date(2026, 5, 4), -20),
    ]
    push_rows(site=east, kind="card_entries", rows=entries)
    page = text_of(manager.get(HOME))
    links = dict.fromkeys(re.findall(r'href="([^"]*day=2026-05-04[^"]*)"', page))

    found = {link: rows_of(manager.get(unescape(link))) for link in links}

    bills = reverse("admin:metrics_settlement_changelist") + "?day=2026-05-04"
    assert [row.gross for row in found[bills]] == [140]
    for part in ("table_fee", "assistant_fee", "goods_fee"):
        assert [row.gross for row in found[f"{bills}&amp;part={part}"]] == [140]
    entries = reverse("admin:metrics_cardentry_changelist") + "?day=2026-05-04&amp;kind="
    assert [row.principal for row in found[f"{entries}recharge"]] == [300]
    assert [row.principal for row in found[f"{entries}cash"]] == [-50, 300]


def rows_of(response) -> list:
    assert response.status_code == 200
    return list(response.context["cl"].result_list)


# --- What is odd ---------------------------------------------------------------------------------


def odd_of(response) -> dict[str, tuple[int, Decimal]]:
    return {one.key: (one.count, one.amount) for one in response.context["home"].anomalies}


def off(discount: int, gross: int, day: date = date(2026, 5, 4), **fields):
    return bill(day, gross - discount, gross=gross, discount=discount, **fields)


def push_known(site, *rows) -> None:
    """Rows of a file: what the till pushes now would all be late."""
    push_rows(site=site, kind="settlements", rows=list(rows), source="file:bills.csv")


def test_a_discount_is_large_from_both_limits_on(manager, east):
    push_known(east, off(50, 160), off(49, 100), off(50, 170), off(90, 300), off(60, 90, PAST))

    # 50 of 160 and 90 of 300; 49 is too little, 50 of 170 too small a part
    assert odd_of(manager.get(HOME))["large_discount"] == (2, Decimal(140))


def test_the_limits_are_options(manager, east):
    push_known(east, off(20, 100))
    with use_context(live_context(east)):
        set_option(key="large_discount_yuan", value=20, site=east, actor_id=None)
        set_option(key="large_discount_rate", value=0.2, site=east, actor_id=None)

    assert odd_of(manager.get(HOME))["large_discount"] == (1, Decimal(20))


def test_every_oddity_opens_the_rows_behind_it(manager, east):
    row = off(80, 100)
    push_known(
        east, off(60, 100), row, row | {"external_id": "void", "void_of": row["external_id"]}
    )
    spent = [card_entry("M1", date(2026, 5, 3), -900)]
    push_rows(site=east, kind="card_entries", rows=spent)
    page = manager.get(HOME)

    odd = odd_of(page)
    links = [unescape(link) for link in re.findall(r'href="([^"]*odd=[^"]*)"', text_of(page))]

    assert odd == {
        "large_discount": (1, Decimal(60)),
        "void": (1, Decimal(100)),
        "late": (1, Decimal(140)),  # pushed by the store's fixture, by the database's clock now
        "negative_balance": (1, Decimal(-100)),
    }
    assert [len(rows_of(manager.get(link))) for link in links] == [1, 1, 1]
    members = reverse("admin:metrics_member_changelist") + "?balance=negative"
    assert members in text_of(page)
    assert [member.name for member in rows_of(manager.get(members))] == ["张三"]


def test_a_past_date_knows_nothing_odd_of_later(manager, east):
    push_known(east, off(60, 100), off(60, 100, date(2026, 4, 19)))
    spent = [card_entry("M1", date(2026, 5, 3), -900)]
    push_rows(site=east, kind="card_entries", rows=spent)

    assert odd_of(manager.get(HOME, {"as_of": "2026-04-20"})) == {"large_discount": (1, 60)}


# --- Areas and hours -----------------------------------------------------------------------------


def test_areas_have_their_share_and_their_change(manager, east):
    push_bills(
        east, [bill(date(2026, 5, 4), 790, area="vip"), bill(date(2026, 4, 1), 395, area="vip")]
    )

    areas = manager.get(HOME).context["home"].areas

    # 30 open days from 5 April: 100 + 1,000 + 70 + 140 in hall A, 790 in the boxes
    shown = [(area.code, area.gmv, area.is_inner) for area in areas]
    assert shown == [("hall", 1310, False), ("hallA", 1310, True), ("vip", 790, False)]
    assert [area.share.quantize(Decimal("0.001")) for area in areas] == [
        Decimal("0.624"),
        Decimal("0.624"),
        Decimal("0.376"),
    ]
    # There are no 30 open days before these.
    assert {area.change for area in areas} == {None}


def test_an_area_opens_its_bills_of_these_days(manager, east):
    links = re.findall(r'href="([^"]*area=[^"]*)"', text_of(manager.get(HOME)))

    [hall, inner] = [rows_of(manager.get(unescape(link))) for link in links]

    assert sum(row.gross for row in hall) == sum(row.gross for row in inner) == 1310


def test_areas_change_against_the_thirty_open_days_before(manager, east):
    rows = [(date(2026, 3, 6), 500), (date(2026, 4, 4), 300), (date(2026, 3, 5), 9000)]
    push_bills(east, [bill(day, paid, area="vip") for day, paid in rows])
    push_bills(east, [bill(date(2026, 4, 5), 1200, area="vip")])

    *_, vip = (a for a in manager.get(HOME).context["home"].areas if a.code == "vip")

    assert (vip.gmv, vip.change) == (1200, Decimal("0.5"))


def test_hours_of_a_night_count_for_the_day_it_began_on(manager, east):
    push_bills(
        east,
        [
            timed("2026-05-02T22:30", "2026-05-03T00:15"),  # a Saturday night
            timed("2026-04-25T23:00", "2026-04-25T23:30"),
            timed("2026-05-05T10:00", "2026-05-05T11:00"),  # today: not over
        ],
    )

    busy = manager.get(HOME).context["home"].busy_hours

    saturday = dict(zip(busy.hours, busy.rows[6], strict=True))
    # Of five Saturdays since the first fact: half an hour, 1.5 hours and a quarter.
    assert {hour: cell.table_hours for hour, cell in saturday.items() if cell.shade} == {
        22: Decimal("0.1"),
        23: Decimal("0.3"),
        0: Decimal("0.1"),
    }
    assert (saturday[23].shade, saturday[22].shade, saturday[0].shade) == (5, 2, 1)
    assert busy.hours == [*range(10, 24), 0, 1]
    assert {cell.table_hours for cell in busy.rows[2]} == {0}


def test_without_times_there_is_no_map_of_hours(manager):
    page = manager.get(HOME)

    assert page.context["home"].busy_hours is None
    assert "zq-heat" not in text_of(page)
