"""Yesterday against the same weekday of the week before, and what closed days do to it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from metrics.builds import lock_ingest
from metrics.home import home_page
from metrics.importers.ingest import close_batch, open_batch
from metrics.models import SiteClosure
from sandbox.context import live_context, use_context
from tests.admin.conftest import PAST
from tests.admin.pages import HOME, go_back, text_of
from tests.factories import make_site


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
