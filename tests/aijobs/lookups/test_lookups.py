"""Figures looked up for a question: the right ones, at D, and none that the asker may not see."""

from __future__ import annotations

import re

import pytest

from aijobs.lookups import FIGURES, look_up
from aijobs.lookups.figures import Figure
from metrics.catalog import METRICS, metric_value
from metrics.models import Contact, MemberLifecycle, MemberVersion
from metrics.ranges import RANGES
from sandbox.context import use_context
from sandbox.errors import NotFound, NotPermitted
from tests.aijobs.askers import ask_as
from tests.aijobs.store import ASSISTANT_NAME, NAME

# Some call for each kind of figure.
ABOUT = {
    "member": {"member": NAME},
    "assistant": {"assistant": ASSISTANT_NAME},
    "pair": {"member": NAME, "assistant": ASSISTANT_NAME},
}


def find(store, *calls, role: str = "manager", ctx=None, **options) -> list[dict]:
    ctx = ctx or store.live
    with use_context(ctx):
        return look_up(calls, asker=ask_as(store, role, ctx=ctx, **options))


def as_assistant(store, *calls) -> list[dict]:
    return find(store, *calls, role="assistant", assistant_id=store.assistant.pk)


def test_every_figure_can_be_looked_up(store):
    found = find(
        store,
        *({"metric": one.key, **ABOUT.get(one.entity, {})} for one in FIGURES.values()),
    )

    assert {one["key"]: one.get("error") for one in found} == dict.fromkeys(FIGURES)
    assert all(one["title"] and one["of"] for one in found)
    assert {one["as_of"] for one in found} == {store.today.isoformat()}
    # In Chinese, whatever the language of the process.
    assert not re.search("[a-z_]", "".join(one["title"] for one in found))


def test_every_metric_of_the_catalog_is_there(store):
    assert {metric.key for metric in METRICS} <= set(FIGURES)


@pytest.mark.parametrize("key", ["gmv", "cash_in", "avg_ticket", "member_share"])
def test_a_range_gives_what_the_catalog_gives(store, key):
    found = find(store, *({"metric": key, "period": range_key} for range_key in RANGES))
    with use_context(store.live):
        values = [metric_value(key, range_key=range_key) for range_key in RANGES]

    assert [one["value"] for one in found] == [FIGURES[key].shown(value) for value in values]


def test_figures_of_a_member_are_those_of_the_date(store):
    calls = [{"metric": key, "member": NAME} for key in ("last_visit_days", "card_balance")]

    now = find(store, *calls)
    then = find(store, *calls, ctx=store.sandbox(25))

    assert [one["value"] for one in now] == ["20", "1150.00"]
    assert [one["value"] for one in then] == ["1", "1150.00"]
    assert {one["as_of"] for one in then} == {store.day(25).isoformat()}


def test_a_bill_after_d_is_in_no_figure(store):
    calls = [{"metric": "paid", "period": "all_time"}, {"metric": "paid", "period": "today"}]

    assert [one["value"] for one in find(store, *calls, ctx=store.sandbox(21))] == [
        "1980.00",
        "0.00",
    ]
    assert [one["value"] for one in find(store, *calls, ctx=store.sandbox(20))] == [
        "2160.00",
        "180.00",
    ]


def test_a_month_that_is_over_is_told_as_of_its_last_day(store):
    (now, before) = find(
        store,
        {"metric": "month_hours", "assistant": ASSISTANT_NAME},
        {"metric": "month_hours", "assistant": ASSISTANT_NAME, "period": "last_month"},
    )

    assert (now["end"], now["as_of"]) == (store.today.isoformat(), store.today.isoformat())
    last = store.today.replace(day=1) - (store.today - store.day(1))
    assert (before["end"], before["as_of"]) == (last.isoformat(), last.isoformat())
    assert before["title"] == "基础课时长"


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (
            {"metric": "month_salary", "assistant": ASSISTANT_NAME, "period": "last_week"},
            "某一个月",
        ),
        ({"metric": "daily_salary", "assistant": ASSISTANT_NAME, "period": "last_week"}, "某一天"),
        ({"metric": "card_balance"}, "要说明是哪位会员"),
        ({"metric": "month_salary"}, "要说明是哪位助教"),
        ({"metric": "relationship_index", "member": NAME}, "要说明是哪位助教"),
        ({"metric": "paid", "area": "moon"}, "没有「moon」这个区域"),
        ({"metric": "recharge_principal", "area": "vip"}, "不分区域"),
        ({"metric": "secrets"}, "没有这个指标"),
        ({"metric": ""}, "没有这个指标"),
        ({}, "没有这个指标"),
    ],
)
def test_a_call_that_cannot_be_answered_says_why(store, call, why):
    (found,) = find(store, call)

    assert set(found) == {"n", "key", "error"}
    assert why in found["error"]


def test_one_that_fails_leaves_the_others_alone_and_the_same_is_looked_up_once(store):
    paid = {"metric": "paid", "period": "this_week"}

    found = find(store, {"metric": "secrets"}, paid, paid)

    assert [(one["n"], one["key"]) for one in found] == [(1, "secrets"), (2, "paid")]


def test_shares_are_percent_and_codes_are_words(store):
    share, stage = find(
        store,
        {"metric": "member_share", "period": "all_time"},
        {"metric": "lifecycle_stage", "member": NAME},
    )

    assert share["value"] == "100.0%"
    assert stage["value"] == "活跃"
    assert MemberLifecycle.Stage.ACTIVE.value == "active"


def test_members_at_risk_are_those_whose_rhythm_is_broken(store):
    (found,) = find(store, {"metric": "members_at_risk"})

    assert found["value"] == "1"
    assert found["rows"] == [
        {
            "who": f"会员#{store.member.pk}",
            "days_away": "20",
            "usual_days": "6.0",
            "overdue_ratio": "3.33",
            "card_principal": "1000.00",
            "consumption_60d": "1260.00",
        }
    ]
    assert find(store, {"metric": "members_at_risk"}, ctx=store.sandbox(19))[0]["value"] == "0"


@pytest.mark.parametrize("ban", ["minor", "quiet", "refused", "contacted"])
def test_members_at_risk_who_must_be_left_in_peace_are_counted_and_not_named(store, ban):
    with use_context(store.live):
        versions = MemberVersion.objects.filter(member=store.member)
        if ban in ("minor", "quiet"):
            versions.update(**{{"minor": "is_minor", "quiet": "do_not_contact"}[ban]: True})
        else:
            ago, outcome = (6, "reached") if ban == "contacted" else (60, "do_not_contact")
            Contact.objects.create(
                site=store.site,
                batch=store.batch,
                external_id="k1",
                occurred_at=store.at(store.day(ago)),
                business_date=store.day(ago),
                member=store.member,
                channel="wechat",
                outcome=outcome,
            )

    (found,) = find(store, {"metric": "members_at_risk"})

    assert (found["value"], found["rows"], found["member_ids"]) == ("1", [], [])


# --- Who may ask what ---------------------------------------------------------------------------


def test_an_assistant_is_told_about_own_customers_and_themselves(store):
    found = as_assistant(
        store,
        {"metric": "card_balance", "member": NAME},
        {"metric": "month_salary"},
        {"metric": "relationship_index", "member": NAME},
        {"metric": "members_at_risk"},
    )

    assert [one.get("error") for one in found] == [None] * 4
    assert found[1]["assistant_id"] == store.assistant.pk
    assert (found[3]["of"], found[3]["title"]) == ("您的客户", "好久没来的会员")


def test_an_assistant_is_told_nothing_about_the_store_or_a_colleague(store):
    with use_context(store.live):
        colleague = store.add_assistant("a2", "王同事")
        stranger = store.add_member("m2", "陈陌生", "")
        store.add_bill(store.day(1), member=stranger, paid="900")
    store_figures = [
        {"metric": figure.key}
        for figure in FIGURES.values()
        if figure.entity in ("site", "site_area")
    ]
    people = [
        {"metric": "month_salary", "assistant": "王同事"},
        {"metric": "month_salary", "assistant": f"助教#{colleague.pk}"},
        {"metric": "relationship_index", "member": NAME, "assistant": "a2"},
    ]

    found = as_assistant(store, *store_figures, *people)

    assert all("error" in one for one in found)
    assert "900" not in str(found)


def test_an_assistant_is_never_told_how_likely_somebody_leaves(store, monkeypatch):
    kept = Figure("churn_probability", "流失概率", "member", "", "now", lambda *args: "0.9")
    monkeypatch.setitem(FIGURES, kept.key, kept)
    call = {"metric": "churn_probability", "member": NAME}

    assert find(store, call)[0]["value"] == "0.9"
    assert as_assistant(store, call)[0]["error"]


def test_an_account_that_is_no_assistant_of_the_store_has_no_pay(store):
    (found,) = find(store, {"metric": "month_salary"}, role="assistant")

    assert found["error"] == "「本月工资」要说明是哪位助教"


@pytest.mark.parametrize("role", ["auditor", "nobody"])
def test_who_may_not_chat_asks_nothing(store, role):
    with use_context(store.live), pytest.raises((NotPermitted, NotFound)):
        ask_as(store, role)
