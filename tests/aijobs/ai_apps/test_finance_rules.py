"""What the finance rules make of a store's figures: the one thing that matters, why, what to do."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine

from metrics.importers import push_rows
from metrics.ranges import RANGES
from sandbox.models import Site
from tests.aijobs.ai_apps.finances import finance_features, finance_rules
from tests.factories import bill, card_entry, make_site, push_bills, push_member

NOW = datetime(2026, 5, 5, 4, tzinfo=UTC)  # 12:00 in Shanghai, a Tuesday
TODAY = date(2026, 5, 5)
WEEK, WEEK_BEFORE = date(2026, 4, 27), date(2026, 4, 20)
VAGUE = re.compile("(?:加强|提升|提高|优化|改善|做好)[^，。]{0,4}(?:营销|服务|管理|运营|体验)")

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def site(settings) -> Site:
    """Nine bills a day for four weeks: six of walk-ins in hallA, three of a member in the vip room."""
    settings.EVENT_SINK = "tests.metrics.sink.collect"
    site = make_site("east", name="东店")
    push_member(site, "M1")
    push_weeks(site, WEEK - timedelta(weeks=3), weeks=4)
    return site


def push_weeks(site: Site, start: date, *, weeks: int, hall: int = 6, vip: int = 3) -> None:
    days = [start + timedelta(days=nth) for nth in range(7 * weeks)]
    rows = [bill(day, 50, area="hallA") for day in days for _ in range(hall)]
    rows += [bill(day, 100, area="vip", member="M1") for day in days for _ in range(vip)]
    push_bills(site, rows)


def told(site: Site, range_key: str = "last_week", area: str = "all", day: date = TODAY) -> dict:
    return finance_features(site, day, range_key, area).values


def texts(said: dict) -> list[str]:
    return [said["headline"], *(row["text"] for row in said["findings"] + said["risks"])]


# --- The change and its causes -------------------------------------------------------------------


def test_weeks_are_compared_with_whole_weeks(site):
    values = told(site)

    assert (values["current"]["words"], values["previous"]["words"]) == (
        "4月27日至5月3日",
        "4月20日至4月26日",
    )
    assert values["changes"]["previous"]["calendar"] is None
    assert "比前一周持平" in finance_rules(values)["headline"]


def test_the_area_that_fell_by_itself_is_the_headline_and_gets_a_deed(site):
    push_weeks(site, WEEK_BEFORE, weeks=1, hall=0, vip=12)

    said = finance_rules(told(site))

    assert said["headline"].endswith("最要紧：包厢少 8,400 元（-80.0%）。")
    assert "会员少收 8,400 元（-80.0%），占实收从 83.3% 变成 50.0%。" in texts(said)
    assert any("包厢守一晚" in action["text"] for action in said["actions"])


def test_the_halves_of_a_change_are_bills_and_ticket(site):
    push_weeks(site, WEEK, weeks=1, hall=3, vip=0)

    changes = told(site)["changes"]["previous"]

    # 63 bills of 66.67 before; 84 of 62.50 now.
    assert changes["paid"]["by"] == "+1050.00"
    assert (changes["paid_by_bills"], changes["paid_by_ticket"]) == ("+1400.00", "-350.00")


def test_the_findings_follow_the_money(site):
    before = finance_rules(told(site))["findings"]
    push_bills(site, [bill(WEEK, 5000, area="ktv", member="M1")])

    after = finance_rules(told(site))["findings"]

    assert before != after
    assert "KTV多 5,000 元" in after[0]["text"] + after[1]["text"]


def test_a_day_that_stands_out_is_named_with_what_is_usual(site):
    push_bills(site, [bill(date(2026, 4, 14), 900, area="hallA") for _ in range(3)])

    (day,) = told(site, "last_month")["days"]["unusual"]

    assert (day["day"], day["usual"], day["by"]) == ("4月14日周二", "600.00", "+2700.00")


# --- Days ----------------------------------------------------------------------------------------


@pytest.fixture
def steady(settings) -> Site:
    """One bill a day for half a year, twice as much at weekends; closed on 16 February."""
    settings.EVENT_SINK = "tests.metrics.sink.collect"
    site = make_site("steady")
    days = [date(2025, 11, 1) + timedelta(days=nth) for nth in range(180)]
    closed = date(2026, 2, 16)
    rows = [bill(day, 200 if day.weekday() > 4 else 100) for day in days if day != closed]
    push_bills(site, rows)
    push_rows(
        site=site,
        kind="closures",
        rows=[{"external_id": "Z1", "day": closed.isoformat(), "reason": "除夕"}],
    )
    return site


def test_of_equal_weekdays_nothing_has_changed(steady):
    values = told(steady, "last_month", day=date(2026, 3, 10))

    calendar = values["changes"]["previous"]["calendar"]
    # February lacks its 16th, a Monday, and what January has more.
    assert calendar["more_or_fewer_days"] == {"周一": -1, "周四": -1, "周五": -1, "周六": -1}
    assert calendar["like_for_like"] == {"by": "0.00", "percent": "0.0%"}
    assert values["changes"]["previous"]["paid"]["by"] == calendar["by"] == "-500.00"


def test_a_change_that_the_days_explain_is_said_to_be_theirs_and_no_risk(steady):
    said = finance_rules(told(steady, "last_month", day=date(2026, 3, 10)))

    assert "2月16日停业" in said["headline"]
    assert "变化多半是日子带来的" in said["headline"]
    assert said["risks"] == []
    assert "营业 27 天（2月16日停业），前一个月 31 天" in said["findings"][0]["text"]


def test_a_closed_day_is_in_no_mean(steady):
    february = told(steady, "last_month", day=date(2026, 3, 10))

    assert (february["current"]["open_days"], february["current"]["closed"]) == (27, ["2月16日"])
    assert february["days"]["weekdays"]["周一"] == {
        "days": 3,
        "mean": "100.00",
        "before": "100.00",
        "percent": "0.0%",
    }


def test_a_day_without_bills_is_a_question_until_it_is_registered_as_closed(site):
    values = told(site, "this_month", day=date(2026, 5, 5))
    assert values["days"]["without_bills"] == ["5月4日"]
    risks = finance_rules(values)["risks"]
    assert any("5月4日没有登记停业" in risk["text"] for risk in risks)

    push_rows(
        site=site, kind="closures", rows=[{"external_id": "Z1", "day": "2026-05-04", "reason": ""}]
    )

    values = told(site, "this_month", day=date(2026, 5, 5))
    assert values["days"]["without_bills"] == []
    assert "5月4日停业" in finance_rules(values)["headline"]


# --- What is not known ---------------------------------------------------------------------------


def test_parts_that_the_till_does_not_give_are_a_dash_and_never_nothing(site):
    said = " ".join(texts(finance_rules(told(site))))

    assert "台费 —、助教费 —、商品费 —" in said
    assert not re.search("费 0 元|0.00", said)


def test_parts_of_some_bills_only_are_told_with_what_lacks_them(site):
    push_bills(
        site,
        [bill(WEEK, 90, table_fee=60, assistant_fee=20, goods_fee=10) for _ in range(30)],
    )

    values = told(site)

    assert values["current"]["gmv_without_parts"] == "4200.00"
    assert values["current"]["table_fee_per_bill"] is None
    assert "其中 4,200 元收银没有给出分项" in " ".join(texts(finance_rules(values)))


def test_few_bills_are_said_to_be_few_and_their_changes_nothing(site):
    said = finance_rules(told(site, "last_week", "vip"))
    assert "样本少" not in said["headline"]

    push_bills(site, [bill(day, 70, area="ktv") for day in (WEEK_BEFORE, WEEK)])
    few = finance_rules(told(site, "last_week", "ktv"))

    assert few["headline"].endswith("70 元、1 单，前一周 70 元、1 单，样本少，涨跌仅供参考。")
    assert not any("%）" in row["text"] and "（+" in row["text"] for row in few["findings"])
    assert few["risks"] == []


def test_without_a_period_before_nothing_is_compared(site):
    said = finance_rules(told(site, "last_month"))

    assert "没有前一个月的数据可比" in said["headline"]
    assert "4月6日起有账" in said["headline"]


def test_a_recharge_is_no_revenue(site):
    before = told(site)

    push_rows(
        site=site, kind="card_entries", rows=[card_entry("M1", date(2026, 4, 28), 9000, 1500)]
    )
    after = told(site)

    for key in ("gmv", "paid", "recognised_revenue"):
        assert after["current"][key] == before["current"][key]
    assert after["current"]["recharged_over_card_paid"] == "10500.00"
    assert "充值是预收，不算营业额和实收" in " ".join(texts(finance_rules(after)))


# --- Risks and deeds -----------------------------------------------------------------------------


def with_changes(values: dict, **current: object) -> dict:
    """The features with other figures of the period."""
    changed = copy.deepcopy(values)
    changed["current"] |= current
    return changed


@pytest.mark.parametrize(
    ("figures", "text", "metric"),
    [
        (
            {"discount_rate": "9.0%", "discount": "378.00"},
            "优惠率从 0.0% 升到 9.0%",
            "discount_rate",
        ),
        ({"voided_bills": 6, "void_rate": "8.7%"}, "反结账 6 单，占 8.7%", "void_rate"),
    ],
)
def test_what_leaks_is_a_risk_with_its_deed(site, figures, text, metric):
    said = finance_rules(with_changes(told(site), **figures))

    assert any(text in risk["text"] for risk in said["risks"])
    assert metric in [action["metric"] for action in said["actions"]]


def test_groupbuy_that_grows_is_a_risk_with_a_gap_for_the_manager(site):
    values = with_changes(told(site), groupbuy_share="31.0%")
    values["previous"]["groupbuy_share"] = "10.0%"

    said = finance_rules(values)

    assert any("团购占实收从 10.0% 升到 31.0%" in risk["text"] for risk in said["risks"])
    assert any("〔请店长填写〕" in action["text"] for action in said["actions"])


@pytest.mark.parametrize(
    ("new", "churned", "text"), [(1, 12, "流失（超90天未到店）12 人"), (4, 0, "新客只有 4 人")]
)
def test_members_who_leave_or_do_not_come_are_a_risk(site, new, churned, text):
    values = told(site)
    values["members"]["current"] = {"new": new, "returned": 0, "churned": churned}
    values["members"]["previous"] = {"new": 20, "returned": 0, "churned": 1}

    assert any(text in risk["text"] for risk in finance_rules(values)["risks"])


def test_a_loss_that_the_rest_makes_up_for_is_no_grave_one(site):
    push_weeks(site, WEEK_BEFORE, weeks=1, hall=0, vip=2)
    graver = finance_rules(told(site))["risks"]
    push_bills(site, [bill(WEEK, 100, area="hallA") for _ in range(40)])

    assert graver[0]["severity"] == "high"
    assert {risk["severity"] for risk in finance_rules(told(site))["risks"]} == {"low"}


def test_few_bills_vary_by_themselves(site):
    """A fifth less of 21 bills is chance, of 210 it is not."""
    push_bills(site, [bill(WEEK_BEFORE, 100, area="snooker") for _ in range(26)])
    push_bills(site, [bill(WEEK, 100, area="snooker") for _ in range(21)])
    assert not any("斯诺克少收" in risk["text"] for risk in finance_rules(told(site))["risks"])

    push_bills(site, [bill(WEEK_BEFORE, 100, area="snooker") for _ in range(234)])
    push_bills(site, [bill(WEEK, 100, area="snooker") for _ in range(189)])

    assert any("斯诺克少收" in risk["text"] for risk in finance_rules(told(site))["risks"])


def test_where_nothing_is_wrong_the_best_days_rota_is_looked_at(site):
    push_weeks(site, WEEK - timedelta(weeks=3), weeks=4)

    (action,) = finance_rules(told(site))["actions"]

    assert action["owner"] == "店长"
    assert "排班并排对一遍" in action["text"]
    assert action["expected"] == "每个营业日实收不低于 1,200 元"


def test_the_best_day_is_no_target(site):
    push_weeks(site, WEEK - timedelta(weeks=3), weeks=4)
    push_bills(site, [bill(date(2026, 4, 14), 100, area="hallA")])

    (action,) = finance_rules(told(site, "last_month"))["actions"]

    # Three Tuesdays of 1,200 yuan and one of 100 more.
    assert action["expected"] == "周二实收不低于 1,225 元"


def test_of_few_bills_no_deed_follows(site):
    assert finance_rules(told(site))["actions"] == []


@pytest.mark.parametrize(
    ("range_key", "days"),
    [
        ("this_week", "5月11日"),
        ("last_week", "5月4日至5月10日"),
        ("this_month", "6月1日至6月4日"),
        ("last_month", "5月1日至5月31日"),
        ("this_quarter", "7月1日至8月3日"),
        ("last_3_months", "5月1日至7月31日"),
    ],
)
def test_the_period_to_compare_with_is_named_by_its_days(site, range_key, days):
    assert told(site, range_key)["range"]["next"] == days


def test_an_effect_is_read_from_takings_of_days_that_are_named(site):
    push_weeks(site, WEEK_BEFORE, weeks=1, hall=0, vip=12)

    actions = finance_rules(told(site))["actions"]

    expected = [action["expected"] for action in actions]
    assert "5月4日至5月10日会员实收回到 10,500 元" in expected
    assert not any("下期" in text or "占比" in text for text in expected)
    assert {action["metric"] for action in actions} == {"paid"}


def test_an_area_is_idle_if_it_lags_more_than_before(site):
    values = told(site)
    for period in ("current", "previous"):
        values[period] |= {"occupancy_rate": "40.0%", "table_hours": "100.00"}
    values["changes"]["previous"]["table_hours"] = {"by": "0.00", "percent": "0.0%"}
    row = next(row for row in values["areas"] if not row.get("contains_others"))

    def risks(before: str) -> str:
        row.update(occupancy_rate="20.0%", occupancy_rate_before=before)
        return str(finance_rules(values)["risks"])

    assert "开台率" not in risks("21.9%")
    assert "开台率 20.0%（全店 40.0%），前一周 22.0%（全店 40.0%），差得更远了" in risks("22.0%")


@pytest.mark.parametrize(("days", "is_told"), [(6, False), (7, True)])
def test_recharges_of_a_few_days_say_nothing(site, days, is_told):
    values = with_changes(told(site), open_days=days, recharge_principal="500.00")
    values["previous"]["recharge_principal"] = "5000.00"
    values["changes"]["previous"]["recharge_principal"] = {"by": "-4500.00", "percent": "-90.0%"}

    assert ("充值本金 500 元" in str(finance_rules(values)["risks"])) == is_told


def test_the_year_before_explains_nothing_of_this_change(site):
    days = [date(2025, 4, 28) + timedelta(days=nth) for nth in range(7)]
    push_bills(site, [bill(day, 50, area="hallA") for day in days for _ in range(9)])
    push_bills(site, [bill(date(2025, 1, 1), 50, area="hallA")])

    said = finance_rules(told(site))

    assert "和去年同期" in " ".join(texts(said))
    assert "同比" not in said["headline"]


def test_what_has_not_moved_is_said_in_words(site):
    assert "单数、客单价都持平" in finance_rules(told(site))["headline"]


@pytest.mark.parametrize("area", ["all", "hallA", "vip"])
@pytest.mark.parametrize("range_key", RANGES)
def test_a_deed_names_owner_date_metric_and_effect(site, range_key, area):
    push_weeks(site, WEEK_BEFORE, weeks=1, hall=2, vip=4)
    values = told(site, range_key, area)

    for action in finance_rules(values)["actions"]:
        assert action["owner"] in ("店长", "前台")
        assert action["due"] in (*values["deadlines"], *values["next_weekdays"].values())
        _year, month, day = action["due"].split("-")
        assert f"{int(month)}月{int(day)}日" in action["text"]
        assert action["metric"]
        assert re.search(r"\d", action["expected"])
        assert not VAGUE.search(action["text"])


def test_an_area_is_held_against_the_store(site):
    push_weeks(site, WEEK_BEFORE, weeks=1, hall=0, vip=6)

    said = finance_rules(told(site, "last_week", "vip"))

    assert any(
        "占全店实收 50.0%，前一周 75.0%：全店 -50.0%，包厢 -66.7%" in row["text"]
        for row in said["findings"]
    )
    assert not any("充值" in text for text in texts(said))


def test_the_features_add_up(site):
    values = told(site)

    leaves = [row for row in values["areas"] if not row.get("contains_others")]
    assert sum(Decimal(row["paid"]) for row in leaves) == Decimal(values["current"]["paid"])
    assert sum(Decimal(row["by"]) for row in leaves) == Decimal(
        values["changes"]["previous"]["paid"]["by"]
    )
    now = values["current"]
    assert Decimal(now["member_paid"]) + Decimal(now["walkin_paid"]) == Decimal(now["paid"])
