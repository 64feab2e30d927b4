"""The demo's figures, as pure Python: the same by seed, and in the trade's proportions."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from zqyy.demo.chain import make_chain
from zqyy.demo.days import UncoveredYear, lay_out_days
from zqyy.demo.plan import Plan

LAST_DAY = date(2026, 11, 21)
ZONE = ZoneInfo("Asia/Shanghai")
UNTIL = datetime(2026, 11, 21, 21, 40, tzinfo=ZONE)
SCALE = 0.1


def make(*, seed=1, scale=0.02, until=UNTIL):
    return list(make_chain(Plan(seed=seed, scale=scale, last_day=LAST_DAY, until=until)))


def rows(chain) -> list:
    return [
        [asdict(row) for row in (*store.members, *store.assistants, *store.bills, *store.entries)]
        for store in chain
    ]


@pytest.fixture(scope="module")
def chain():
    return make(scale=SCALE)


@pytest.fixture(scope="module")
def bills(chain):
    """Bills that count: neither voids nor voided."""
    voided = {id(bill.voids) for store in chain for bill in store.bills if bill.voids}
    return [
        bill for store in chain for bill in store.bills if not bill.voids and id(bill) not in voided
    ]


def test_the_same_seed_makes_the_same_chain():
    assert rows(make(seed=7)) == rows(make(seed=7))


def test_another_seed_makes_another_chain():
    assert rows(make(seed=7)) != rows(make(seed=8))


def test_an_earlier_clock_only_leaves_out_what_came_later():
    whole, cut = (
        {bill.number for store in make(until=until) for bill in store.bills}
        for until in (UNTIL, UNTIL.replace(hour=12))
    )

    assert {number[:9] for number in whole - cut} <= {"B20261121"}
    assert {number for number in cut - whole if not number.startswith("B20261121")} == set()


@pytest.mark.parametrize(
    "until",
    [
        datetime(2026, 11, 21, 8, tzinfo=ZONE),
        datetime(2026, 11, 21, 19, 5, tzinfo=ZONE),
        datetime(2026, 11, 22, 7, 59, tzinfo=ZONE),
    ],
    ids=["before opening", "evening", "before the next day"],
)
def test_nothing_is_dated_after_the_clock(until):
    chain = make(until=until)

    moments = [
        store.days.moment(day, minute)
        for store in chain
        for day, minute in (
            *((bill.day, bill.end) for bill in store.bills),
            *((entry.day, entry.minute) for entry in store.entries),
        )
    ]
    assert max(moments) <= until


def test_a_bill_is_the_sum_of_its_parts_and_of_what_it_was_paid_with(bills):
    for bill in bills:
        assert bill.gross == bill.table_fee + bill.assistant_fee + bill.goods_fee
        assert bill.gross == bill.discount + bill.paid
        assert bill.paid == bill.card_paid + bill.cash_paid + bill.groupbuy_paid
        assert min(bill.discount, bill.card_paid, bill.cash_paid, bill.groupbuy_paid) >= 0
        assert bill.coupon_discount <= bill.discount
        assert bill.assistant_fee == sum(service.ledger for service in bill.services)


def test_cards_never_fall_below_zero_and_pay_what_the_bills_say(chain):
    for store in chain:
        principal, gift = Counter(), Counter()
        for entry in store.entries:
            principal[entry.member] += entry.principal
            gift[entry.member] += entry.gift
            assert principal[entry.member] >= 0
            assert gift[entry.member] >= 0
            if entry.kind == "consume":
                assert entry.bill.card_paid == -entry.principal - entry.gift
        assert sum(bill.card_paid > 0 for bill in store.bills) == sum(
            entry.kind == "consume" for entry in store.entries
        )


def test_nobody_sits_at_a_taken_table_or_serves_two_parties(chain):
    for store in chain:
        taken: Counter = Counter()
        repeated = {id(bill.voids) for bill in store.bills if bill.voids}
        for bill in sorted(store.bills, key=lambda bill: (bill.day, bill.start)):
            if bill.voids or id(bill) in repeated:
                continue
            for place in (bill.table, *(service.assistant for service in bill.services)):
                # What was voided is settled again within a few minutes.
                assert taken[bill.day, place] <= bill.start + 5
                taken[bill.day, place] = bill.end


def test_the_stores_are_closed_on_new_years_eve(chain):
    for store in chain:
        closed = store.days.closed_days()

        assert [store.days.date_of(day) for day in closed] == [
            date(2025, 1, 28),
            date(2026, 2, 16),
        ]
        assert not {bill.day for bill in store.bills} & set(closed)


def test_external_ids_and_phones_are_distinct(chain):
    phones = [member.phone for store in chain for member in store.members]

    assert len(set(phones)) == len(phones)
    for store in chain:
        assert len({bill.number for bill in store.bills}) == len(store.bills)
        assert len({entry.number for entry in store.entries}) == len(store.entries)


def test_the_money_is_in_the_trades_proportions(bills):
    gross = sum(bill.gross for bill in bills)
    table_fees = sum(bill.table_fee for bill in bills)
    walk_ins = [bill for bill in bills if bill.member is None]

    assert table_fees / gross == pytest.approx(0.625, abs=0.04)
    assert sum(bill.assistant_fee for bill in bills) / gross == pytest.approx(0.225, abs=0.04)
    assert sum(bill.goods_fee for bill in bills) / gross == pytest.approx(0.15, abs=0.02)
    assert len(walk_ins) / len(bills) == pytest.approx(0.5, abs=0.02)
    assert sum(bill.gross for bill in walk_ins) / gross == pytest.approx(0.33, abs=0.04)
    assert sum(bill.groupbuy_paid for bill in bills) / table_fees == pytest.approx(0.175, abs=0.03)
    assert sum(bill.discount for bill in bills) / gross == pytest.approx(0.1, abs=0.02)


def test_the_days_and_hours_are_in_the_trades_proportions(chain, bills):
    weekdays = Counter(chain[0].days.date_of(bill.day).weekday() for bill in bills)
    evening = sum(19 * 60 <= bill.start < 23 * 60 for bill in bills)

    average = len(bills) / 7
    for weekday, factor in enumerate((0.75, 0.8, 0.85, 0.95, 1.25, 1.4, 1.0)):
        assert weekdays[weekday] / average == pytest.approx(factor, abs=0.1)
    assert evening / len(bills) == pytest.approx(0.45, abs=0.05)
    hours = sum(bill.end - bill.start for bill in bills) / len(bills) / 60
    assert hours == pytest.approx(1.8, abs=0.15)


def test_members_stand_where_their_stage_says(chain):
    stages = Counter()
    for store in chain:
        for member in store.members:
            stages[_stage(member.visits, store.days.last)] += 1

    total = sum(stages.values())
    expected = {
        "active": 0.35,
        "cooling": 0.15,
        "dormant": 0.12,
        "churned": 0.3,
        "new": 0.06,
        "returned": 0.02,
    }
    for stage, share in expected.items():
        assert stages[stage] / total == pytest.approx(share, abs=0.015)


def test_years_without_a_known_lunar_calendar_are_refused():
    with pytest.raises(UncoveredYear):
        lay_out_days(last_day=date(2040, 1, 1), until=datetime(2040, 1, 1, 12, tzinfo=ZONE))


def _stage(visits: list[int], today: int) -> str:
    away = today - visits[-1]
    if any(b - a >= 45 and today - b <= 30 for a, b in pairwise(visits)):
        return "returned"
    if today - visits[0] <= 30:
        return "new"
    return next(
        stage
        for stage, limit in (("active", 30), ("cooling", 60), ("dormant", 90), ("churned", 999))
        if away <= limit
    )
