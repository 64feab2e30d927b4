"""What is put on and taken off assistants' pay, beside hours and commission. Money in cents."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from zqyy.demo.bills import Bill
from zqyy.demo.days import Days
from zqyy.demo.staff import Assistant

MEAL_ALLOWANCE = 300_00
UNIFORM = 168_00
BEST_OF_MONTH = 300_00
# How many of the corrections somebody took back.
_VOIDED = 0.025
_VOID_REASONS = ("登记错误，作废", "重复登记，作废", "核实后取消", "金额填错，作废重录")

# What happens now and then: (kind, chance a month, reasons with their amounts).
_OCCASIONS: tuple[tuple[str, float, tuple[tuple[str, int], ...]], ...] = (
    (
        "reward",
        0.45,
        (
            ("客户好评", 20_00),
            ("客户好评", 30_00),
            ("客人在点评网站点名表扬", 50_00),
            ("客人当面向店长表扬", 30_00),
            ("捡到客人手机主动归还", 50_00),
            ("主动帮同事顶班", 50_00),
            ("店内技能考核优秀", 100_00),
            ("协助处理客诉得当", 50_00),
        ),
    ),
    (
        "income",
        0.22,
        (
            ("夜班交通补贴", 80_00),
            ("夜班交通补贴", 120_00),
            ("支援兄弟店补贴", 150_00),
            ("带教新人补贴", 200_00),
            ("周末赛事执裁补贴", 100_00),
            ("参加总部培训补贴", 100_00),
        ),
    ),
    (
        "deduction",
        0.35,
        (
            ("迟到8分钟", 10_00),
            ("迟到15分钟", 20_00),
            ("迟到半小时", 50_00),
            ("忘打下班卡", 10_00),
            ("未穿工装", 20_00),
            ("上钟时看手机，客人反映", 50_00),
            ("早退", 50_00),
            ("临时请假未提前报备", 50_00),
            ("交接班未清点球杆", 30_00),
        ),
    ),
    (
        "expense",
        0.12,
        (
            ("补领工牌", 15_00),
            ("工服换洗一件", 68_00),
            ("个人球杆更换皮头", 40_00),
            ("代购手套", 25_00),
            ("员工价消费挂账", 56_00),
        ),
    ),
)


@dataclass(slots=True)
class Correction:
    """A reward, income, deduction or expense of an assistant, or the void of one."""

    day: int
    assistant: int
    kind: str
    amount: int
    reason: str
    voids: Correction | None = None
    number: str = ""


def correct_pay(
    random: Random, *, days: Days, assistants: list[Assistant], bills: list[Bill]
) -> list[Correction]:
    """The corrections of two years in order, month by month."""
    best = _busiest_by_month(days, bills)
    corrections: list[Correction] = []
    for month in _months(days):
        # What is settled by the month waits until it is over.
        is_over = month[-1] < days.last
        for index, assistant in enumerate(assistants):
            worked = [day for day in month if assistant.works_on(day)]
            if not worked:
                continue
            of_month = list(_now_and_then(random, index, assistant, worked, month))
            if is_over:
                is_best = best.get(_month_of(days, month[0])) == index
                is_flawless = all(row.kind != "deduction" for row in of_month)
                of_month += _at_the_end(
                    random, index, worked, month, is_best=is_best, is_flawless=is_flawless
                )
            corrections += of_month
    voids = [_void(random, row) for row in corrections if random.random() < _VOIDED]
    corrections = sorted([*corrections, *voids], key=lambda row: (row.day, row.voids is not None))
    for number, row in enumerate(corrections, start=1):
        row.number = f"J{number:05d}"
    return corrections


def newest_batch(corrections: list[Correction], *, days: Days) -> list[Correction]:
    """Those of the newest month that is over which nobody took back: uploaded as one file."""
    this_month = _month_of(days, days.last)
    taken_back = {id(row.voids) for row in corrections if row.voids}
    standing = [row for row in corrections if not row.voids and id(row) not in taken_back]
    months = {_month_of(days, row.day) for row in standing}
    newest = max((month for month in months if month < this_month), default=None)
    return [row for row in standing if _month_of(days, row.day) == newest]


def _now_and_then(
    random: Random, index: int, assistant: Assistant, worked: list[int], month: list[int]
) -> Iterator[Correction]:
    if assistant.hired_day == worked[0]:
        yield Correction(worked[0], index, "expense", UNIFORM, "工服一套")
    share = len(worked) / len(month)
    for kind, chance, reasons in _OCCASIONS:
        if random.random() < chance * share:
            reason, amount = random.choice(reasons)
            yield Correction(random.choice(worked), index, kind, amount, reason)


def _at_the_end(
    random: Random,
    index: int,
    worked: list[int],
    month: list[int],
    *,
    is_best: bool,
    is_flawless: bool,
) -> Iterator[Correction]:
    last = worked[-1]
    allowance = MEAL_ALLOWANCE * len(worked) // len(month) // 100 * 100
    if allowance:
        yield Correction(last, index, "income", allowance, "餐补")
    # Every other one lives in the staff's flat; always the same ones.
    if index % 2 and len(worked) > 10:
        yield Correction(
            last, index, "expense", random.randrange(55_00, 120_00, 50), "宿舍水电费分摊"
        )
    if is_flawless and len(worked) == len(month) and random.random() < 0.5:
        yield Correction(last, index, "reward", 200_00, "全勤奖")
    if is_best:
        yield Correction(last, index, "reward", BEST_OF_MONTH, "当月上钟时长第一")


def _void(random: Random, row: Correction) -> Correction:
    return Correction(
        row.day, row.assistant, row.kind, row.amount, random.choice(_VOID_REASONS), voids=row
    )


def _month_of(days: Days, day: int) -> tuple[int, int]:
    date = days.date_of(day)
    return date.year, date.month


def _months(days: Days) -> list[list[int]]:
    """The open days of each calendar month."""
    months: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for day, factor in enumerate(days.factors):
        if factor:
            months[_month_of(days, day)].append(day)
    return list(months.values())


def _busiest_by_month(days: Days, bills: list[Bill]) -> dict[tuple[int, int], int]:
    """Who worked the most hours in each month."""
    months = [_month_of(days, day) for day in range(len(days.factors))]
    hours: defaultdict[tuple[int, int], Counter[int]] = defaultdict(Counter)
    for bill in bills:
        for service in bill.services:
            hours[months[bill.day]][service.assistant] += service.quarter_hours
    return {month: counts.most_common(1)[0][0] for month, counts in hours.items()}
