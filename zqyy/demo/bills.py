"""What a bill comes to: parts, discount, group-buy. Money in integer cents."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from zqyy.demo.parameters import (
    COUPON_SHARE,
    DISCOUNTS,
    DURATION_SIGMA,
    HOURLY_PRICE,
    MEMBER_GOODS,
    MEMBER_GROUP_BUY,
    OFF_PEAK,
    OFF_PEAK_PERCENT,
    WALK_IN_GOODS,
    WALK_IN_GROUP_BUY,
)
from zqyy.demo.staff import Service

_PERCENTS = [percent for percent, _ in DISCOUNTS]
_PERCENT_WEIGHTS = list(accumulate(weight for _, weight in DISCOUNTS))


@dataclass(slots=True)
class Bill:
    """One settled bill. gross = discount + paid; paid = card + cash + other.

    `day`, `start` and `end` are a business day and minutes of it; `member` is an index or None.
    """

    day: int
    start: int
    end: int
    area: str
    table: str
    guests: int
    member: int | None
    services: list[Service]
    table_fee: int
    assistant_fee: int
    goods_fee: int
    discount: int
    coupon_discount: int
    groupbuy_paid: int
    card_paid: int = 0
    voids: Bill | None = None
    number: str = ""

    @property
    def gross(self) -> int:
        return self.table_fee + self.goods_fee + self.assistant_fee

    @property
    def paid(self) -> int:
        return self.gross - self.discount

    @property
    def cash_paid(self) -> int:
        return self.paid - self.card_paid - self.groupbuy_paid


def draw_minutes(random: Random, mean_hours: float) -> int:
    """How long they play: lognormal around the mean."""
    mu = math.log(mean_hours * 60) - DURATION_SIGMA**2 / 2
    return min(360, max(30, int(random.lognormvariate(mu, DURATION_SIGMA))))


def table_fee(area: str, start: int, end: int) -> int:
    """Price by the minute, less in the off-peak hours, rounded down to 10 cents."""
    off_peak = max(0, min(end, OFF_PEAK[1]) - max(start, OFF_PEAK[0]))
    weighted = (end - start - off_peak) * 100 + off_peak * OFF_PEAK_PERCENT
    return HOURLY_PRICE[area] * weighted // 6000 // 10 * 10


def draw_bill(
    random: Random,
    *,
    day: int,
    start: int,
    end: int,
    area: str,
    table: str,
    guests: int,
    member: int | None,
    services: list[Service],
) -> Bill:
    """The bill of a party that played there and then; nothing is paid by card yet."""
    is_member = member is not None
    fee = table_fee(area, start, end)
    goods = 0
    if random.random() < 0.8:
        mean = (MEMBER_GOODS if is_member else WALK_IN_GOODS) / 0.8
        goods = int(fee * random.gammavariate(2, mean / 2)) // 100 * 100
    percent = random.choices(_PERCENTS, cum_weights=_PERCENT_WEIGHTS)[0]
    discount = (fee + goods) * percent // 1000 * 10
    group_buy = 0
    if random.random() < (MEMBER_GROUP_BUY if is_member else WALK_IN_GROUP_BUY):
        # A voucher for the hours of the table; what is above it is paid at the desk.
        group_buy = min(fee, fee + goods - discount) // 100 * 100
    return Bill(
        day=day,
        start=start,
        end=end,
        area=area,
        table=table,
        guests=guests,
        member=member,
        services=services,
        table_fee=fee,
        assistant_fee=sum(service.ledger for service in services),
        goods_fee=goods,
        discount=discount,
        coupon_discount=discount if random.random() < COUPON_SHARE else 0,
        groupbuy_paid=group_buy,
    )
