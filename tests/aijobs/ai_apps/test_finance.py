"""What the apps about finances are told, up to the last closed day, and what follows from it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal

import pytest
import time_machine

from aijobs.ai_apps.base import Features, canonical_json
from aijobs.ai_apps.finance_books import read_once
from aijobs.registry import AI_APPS
from aijobs.targets import Target
from metrics.calculations.finance import finance_totals
from metrics.ranges import RANGES
from sandbox.context import as_of_context, current_context, live_context, use_context
from sandbox.errors import BadRequest, NotFound
from sandbox.models import Site
from tests.aijobs.ai_apps.finances import finance_features, finance_rules, make_store
from tests.factories import bill, push_bills

NOW = datetime(2026, 5, 5, 4, tzinfo=UTC)  # 12:00 in Shanghai, a Tuesday
TODAY = date(2026, 5, 5)
AREAS = ("hall", "hallA", "hallB", "hallC", "vip", "snooker", "mahjong", "ktv")
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def site(settings) -> Site:
    settings.EVENT_SINK = "tests.metrics.sink.collect"
    return make_store()


def values_of(site: Site, day: date = TODAY, *args: str) -> dict:
    return finance_features(site, day, *args).values


def numbers_in(value: object) -> set[str]:
    """Every number of a text, without signs, separators and needless zeros."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    found = re.findall(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?", text)
    return {f"{Decimal(number.replace(',', '')).normalize():f}" for number in found}


def with_whole(numbers: set[str]) -> set[str]:
    """The numbers, and what they are without their cents."""
    return numbers | {str(Decimal(one).quantize(Decimal(1), ROUND_HALF_UP)) for one in numbers}


def test_what_is_told_are_the_metrics_of_the_closed_days(site):
    told = values_of(site)["current"]

    with use_context(live_context(site)) as ctx:
        totals = finance_totals(start=date(2026, 5, 1), end=date(2026, 5, 4), ctx=ctx)
    for key in ("gmv", "paid", "cash_in", "recognised_revenue", "discount", "recharge_principal"):
        assert told[key] == str(totals[key])
    assert (told["words"], told["open_days"], told["bills"]) == ("5月1日至5月4日", 4, 3)


def test_the_open_day_is_not_told_even_when_it_has_bills(site):
    before = values_of(site)

    push_bills(site, [bill(TODAY, 98765, area="vip")])

    assert values_of(site) == before


def test_it_stands_beside_as_many_days_before_and_the_year_before(site):
    told = values_of(site)

    assert told["previous"]["words"] == "4月1日至4月4日"
    assert told["year_ago"]["words"] == "2025年5月1日至5月4日"
    assert (told["previous"]["paid"], told["year_ago"]["paid"]) == ("500.00", "500.00")
    assert told["changes"]["year_ago"]["paid"] == {"by": "-290.00", "percent": "-58.0%"}


def test_a_period_before_the_store_was_there_is_unknown(site):
    told = values_of(site, TODAY, "last_6_months")

    assert told["year_ago"] is None
    assert "year_ago" not in told["changes"]


def test_areas_are_told_with_their_share_the_largest_first(site):
    areas = values_of(site)["areas"]

    assert [(row["code"], row["paid"]) for row in areas] == [
        ("hall", "120.00"),
        ("vip", "90.00"),
        ("hallA", "80.00"),
        ("hallB", "40.00"),
    ]
    assert areas[1]["share"] == "42.9%"


def test_an_area_is_told_with_its_share_and_its_own_parts(site):
    told = values_of(site, TODAY, "this_month", "hall")

    assert told["area"] == {"code": "hall", "name": "大厅"}
    assert told["share_of_store"]["current"] == "57.1%"
    assert [row["code"] for row in told["areas"]] == ["hallA", "hallB"]
    assert "members" not in told


@pytest.mark.parametrize(
    ("day", "range_key", "has_begun"),
    [
        (date(2026, 5, 1), "this_month", False),
        (date(2026, 5, 2), "this_month", True),
        (date(2026, 5, 4), "this_week", False),
        (date(2026, 5, 5), "this_week", True),
        (date(2026, 4, 1), "this_quarter", False),
        (date(2026, 4, 2), "this_quarter", True),
        (date(2026, 5, 1), "last_month", True),
    ],
)
def test_on_its_first_day_a_range_has_no_closed_day(site, day, range_key, has_begun):
    told = values_of(site, day, range_key)

    assert ("current" in told) is has_begun
    assert ("本期刚开始，暂无完整营业日" in finance_rules(told)["headline"]) is not has_begun


def test_every_insight_says_up_to_when(site):
    headline = finance_rules(values_of(site, date(2026, 4, 20)))["headline"]

    assert headline.startswith("截至 4月19日营业结束，全店本月（4月1日至4月19日）实收 2,300 元")


@pytest.mark.parametrize("area", ["all", "hall", "vip"])
@pytest.mark.parametrize("range_key", RANGES)
def test_every_figure_that_is_said_is_a_figure_that_was_told(site, range_key, area):
    told = values_of(site, TODAY, range_key, area)

    said = finance_rules(told)

    assert numbers_in(said) <= with_whole(numbers_in(told))
    for sentence in (said["headline"], *(row["text"] for row in said["findings"])):
        assert re.search(r"\d", sentence)


@pytest.mark.parametrize("area", ["all", "vip"])
@pytest.mark.parametrize("range_key", RANGES)
def test_nothing_after_the_date_is_told(site, range_key, area):
    day = date(2026, 4, 20)
    before = finance_features(site, day, range_key, area)

    push_bills(site, [bill(date(2026, 5, 4), 77777, area="vip", member="M1")])
    push_bills(site, [bill(day, 88888, area="vip", member="M1")])

    assert finance_features(site, day, range_key, area) == before


def test_a_late_bill_of_a_closed_day_is_told(site):
    before = values_of(site, date(2026, 4, 20))

    push_bills(site, [bill(date(2026, 4, 19), 77777, area="vip")])

    assert values_of(site, date(2026, 4, 20))["current"]["paid"] != before["current"]["paid"]


def test_nobody_is_named(site):
    prompts = [
        AI_APPS["app2_finance"].prompt(values_of(site, TODAY, range_key)) for range_key in RANGES
    ]

    assert not re.search("欧阳文轩|13912345678", "".join(prompts))


def test_a_cell_takes_few_statements_one_of_them_the_grid(site, django_assert_max_num_queries):
    ctx = as_of_context(site, TODAY)
    for area in ("all", *AREAS):
        app = AI_APPS["app2_finance" if area == "all" else "app2a_finance_area"]
        with use_context(ctx), django_assert_max_num_queries(7) as asked:
            app.build_features(ctx, Target(range_key="last_month", area=area), {})
        grids = [query for query in asked if "stands AS MATERIALIZED" in query["sql"]]
        assert len(grids) == 1


def test_all_cells_together_are_read_once_and_say_the_same(site, django_assert_max_num_queries):
    cells = [(range_key, area) for range_key in RANGES for area in ("all", *AREAS)]
    apart = [all_features(site, *cell) for cell in cells]

    with use_context(live_context(site)), read_once(), django_assert_max_num_queries(7):
        together = [features_within(site, *cell) for cell in cells]

    assert together == apart


def test_books_are_shared_within_the_block_only(site):
    with read_once():
        before = all_features(site, "this_month", "all")
        push_bills(site, [bill(date(2026, 5, 4), 77777, area="vip")])
        assert all_features(site, "this_month", "all") == before

    assert all_features(site, "this_month", "all") != before


def all_features(site: Site, range_key: str, area: str) -> Features:
    with use_context(live_context(site)):
        return features_within(site, range_key, area)


def features_within(site: Site, range_key: str, area: str) -> Features:
    app = AI_APPS["app2_finance" if area == "all" else "app2a_finance_area"]
    return app.build_features(current_context(), Target(range_key=range_key, area=area), {})


def test_all_cells_fit_into_a_days_allowance(site):
    prompts = (
        AI_APPS["app2_finance"].prompt(values_of(site, TODAY, range_key)) for range_key in RANGES
    )

    assert max(len(prompt.encode()) for prompt in prompts) < 14_000


def test_the_features_are_the_same_each_time(site):
    assert canonical_json(values_of(site)) == canonical_json(values_of(site))


# --- Targets ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("app", "target", "error", "field"),
    [
        ("app2_finance", {}, BadRequest, "range"),
        ("app2_finance", {"range_key": "this_month", "area": "vip"}, BadRequest, "area"),
        ("app2a_finance_area", {"range_key": "this_month"}, BadRequest, "area"),
        ("app2a_finance_area", {"range_key": "this_month", "area": "all"}, BadRequest, "area"),
        ("app2a_finance_area", {"area": "vip"}, BadRequest, "range"),
        ("app2a_finance_area", {"range_key": "this_month", "area": "roof"}, NotFound, "area"),
    ],
)
def test_what_a_target_lacks_is_named(site, app, target, error, field):
    with use_context(live_context(site)) as ctx, pytest.raises(error) as refusal:
        AI_APPS[app].check_target(ctx, Target(**target))

    assert list(refusal.value.fields) == [field]
