"""What the demo chain looks like: stores, prices, rhythms, shares. Money in integer cents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import accumulate

DAYS = 730
MEMBERS = 3000


@dataclass(frozen=True)
class Store:
    """One store of the chain. `tables` counts its tables by area; `assistants` all it ever had,
    of whom about half have left: the trade's turnover."""

    code: str
    name: str
    tables: dict[str, int]
    assistants: int
    seats: int

    @property
    def table_count(self) -> int:
        return sum(self.tables.values())

    @cached_property
    def cumulative_tables(self) -> list[int]:
        return list(accumulate(self.tables.values()))


STORES = (
    Store(
        code="binjiang",
        name="知球有友·滨江店",
        tables={"hallA": 4, "hallB": 2, "hallC": 1, "vip": 1, "snooker": 1, "mahjong": 1},
        assistants=8,
        seats=3,
    ),
    Store(
        code="xuefu",
        name="知球有友·学府路店",
        tables={
            "hallA": 6,
            "hallB": 4,
            "hallC": 2,
            "vip": 2,
            "snooker": 2,
            "mahjong": 1,
            "ktv": 1,
        },
        assistants=13,
        seats=6,
    ),
    Store(
        code="zhongshan",
        name="知球有友·中山广场店",
        tables={
            "hallA": 8,
            "hallB": 6,
            "hallC": 3,
            "vip": 3,
            "snooker": 2,
            "mahjong": 2,
            "ktv": 2,
        },
        assistants=19,
        seats=9,
    ),
)

# --- Prices ------------------------------------------------------------------------------------
HOURLY_PRICE = {
    "hallA": 3900,
    "hallB": 4900,
    "hallC": 5900,
    "vip": 8800,
    "snooker": 7800,
    "mahjong": 4800,
    "ktv": 15800,
}
# Where guests go when the area they wanted is full.
NEXT_AREAS = {
    "hallA": ("hallB", "hallC", "snooker", "vip"),
    "hallB": ("hallC", "hallA", "vip", "snooker"),
    "hallC": ("hallB", "vip", "hallA", "snooker"),
    "vip": ("hallC", "hallB", "hallA", "ktv"),
    "snooker": ("hallC", "vip", "hallB", "hallA"),
    "mahjong": ("vip", "hallC", "hallB"),
    "ktv": ("vip", "hallC", "hallB"),
}
AREA_PREFIX = {
    "hallA": "A",
    "hallB": "B",
    "hallC": "C",
    "vip": "V",
    "snooker": "S",
    "mahjong": "M",
    "ktv": "K",
}
# Minutes from midnight of the business day between which a table costs 30 % less.
OFF_PEAK = (10 * 60, 17 * 60)
OFF_PEAK_PERCENT = 70

# --- Time --------------------------------------------------------------------------------------
# A business day runs past midnight: 26:00 is 02:00 of the next morning.
OPENS = 10 * 60
CLOSES = 26 * 60
LAST_START = 25 * 60 + 15
# When guests start: (from, to, share).
START_SHARES = (
    (10 * 60, 14 * 60, 0.08),
    (14 * 60, 17 * 60, 0.15),
    (17 * 60, 19 * 60, 0.14),
    (19 * 60, 23 * 60, 0.45),
    (23 * 60, LAST_START, 0.18),
)
WEEKDAY_FACTORS = (0.75, 0.8, 0.85, 0.95, 1.25, 1.4, 1.0)
# 除夕, the eve of the lunar new year: every store is closed.
NEW_YEARS_EVES = frozenset(
    {
        date(2024, 2, 9),
        date(2025, 1, 28),
        date(2026, 2, 16),
        date(2027, 2, 5),
        date(2028, 1, 25),
        date(2029, 2, 12),
        date(2030, 2, 2),
        date(2031, 1, 22),
        date(2032, 2, 10),
        date(2033, 1, 30),
        date(2034, 2, 18),
        date(2035, 2, 7),
    }
)

# --- Bills -------------------------------------------------------------------------------------
DURATION_SIGMA = 0.45
MEMBER_HOURS = 2.1
WALK_IN_HOURS = 1.7
GUESTS = (1, 2, 3, 4)
# Cumulative, of 100.
GUEST_WEIGHTS = (12, 58, 78, 100)
# Goods as a share of the table fee, on average.
MEMBER_GOODS = 0.28
WALK_IN_GOODS = 0.19
# How often an assistant plays along.
MEMBER_ASSISTED = 0.5
WALK_IN_ASSISTED = 0.06
SECOND_ASSISTANT = 0.12
# Bought as a group-buy voucher, covering the table fee.
WALK_IN_GROUP_BUY = 0.36
MEMBER_GROUP_BUY = 0.05
# Discounts on table and goods: (percent, weight); assistants' fees are never discounted.
DISCOUNTS = ((0, 27), (5, 9), (10, 21), (15, 13), (20, 16), (30, 9), (40, 5))
COUPON_SHARE = 0.35
VOIDS = 0.007

# --- Cards -------------------------------------------------------------------------------------
# (principal, gift, weight)
RECHARGES = (
    (500_00, 50_00, 35),
    (1000_00, 150_00, 35),
    (2000_00, 300_00, 15),
    (3000_00, 500_00, 10),
    (5000_00, 1000_00, 5),
)
REFUNDS_A_MONTH = 0.003

# --- Members -----------------------------------------------------------------------------------
# Visits a month while they come: (from, to, share of members).
RHYTHMS = ((8.0, 9.5, 0.08), (4.0, 6.0, 0.17), (1.0, 2.5, 0.30), (0.3, 0.9, 0.45))
# Where they stand on the last day.
STAGES = {
    "active": 0.35,
    "cooling": 0.15,
    "dormant": 0.12,
    "churned": 0.30,
    "new": 0.06,
    "returned": 0.02,
}
MINORS = 0.005
DO_NOT_CONTACT = 0.01


# --- Assistants --------------------------------------------------------------------------------
@dataclass(frozen=True)
class Level:
    """What a level stands for. Money in cents an hour, commission in ten-thousandths of the ledger.

    Attributes:
        share: of all assistants, by the last level each reached.
        price: what the guest pays.
        pay: what the assistant is paid since the raise; `first_pay`: before it.
    """

    name: str
    share: float
    price: int
    pay: int
    first_pay: int
    commission: int


# From the lowest to the highest; promotions go up one at a time.
LEVELS = (
    Level("实习", 0.10, 88_00, 50_00, 45_00, 0),
    Level("初级", 0.40, 88_00, 50_00, 46_00, 200),
    Level("中级", 0.30, 108_00, 60_00, 55_00, 300),
    Level("高级", 0.15, 128_00, 70_00, 65_00, 400),
    Level("特级", 0.05, 168_00, 80_00, 74_00, 500),
)
# The raise came in the second year.
RAISE_DAY = 400
COURSES = (("base", 85), ("incentive", 11), ("trial", 4))

# --- The last day ------------------------------------------------------------------------------
# So many of the newest bills arrive as events: 54 over the chain, of as many members.
LATE_BILLS_A_TABLE = 1.0
