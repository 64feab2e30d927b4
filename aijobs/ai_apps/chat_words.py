"""What people call figures, days and places: how the rules understand a question."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from typing import TypeVar

# Words, and the figures they mean, mostly one: of each the first that fits whom the question is about.
FIGURE_WORDS: tuple[tuple[str, *tuple[tuple[str, ...], ...]], ...] = (
    ("营业额 流水 应收", ("gmv",)),
    ("实收 收入 收了 进账", ("paid", "month_salary")),
    ("现金流入 现金流", ("cash_in",)),
    ("确认收入", ("recognised_revenue",)),
    ("充值赠送 赠送了", ("recharge_gift",)),
    ("充值", ("recharge_principal",)),
    ("未消费储值 储值负债", ("prepaid_liability",)),
    ("储值余额 余额 储值 卡里", ("card_balance", "prepaid_liability")),
    ("本金", ("card_principal", "recharge_principal")),
    ("赠送金 赠金", ("card_gift", "recharge_gift")),
    ("退款", ("refunds",)),
    (
        "快流失 要流失 流失风险 会流失 好久没来 久没来的 该联系谁 该召回 召回谁",
        ("members_at_risk",),
    ),
    (
        "最近到店 上次到店 上次来 最后一次来 多久没来 多久没到店 几天没来 多少天没来 最近来",
        ("last_visit_days",),
    ),
    ("多久来一次 到店间隔 间隔 节奏 频率", ("visit_interval_median",)),
    ("逾期倍数 逾期", ("overdue_ratio",)),
    ("黏性 粘性", ("stickiness",)),
    ("阶段 状态", ("lifecycle_stage",)),
    ("累计消费 总消费 一共消费 一共花", ("total_consumption",)),
    ("消费 花了", ("consumption_60d", "paid")),
    ("来过几次 来过多少次 几单 多少单 单数 结账单 账单", ("total_transactions", "bills")),
    ("客情 关系", ("relationship_index",)),
    ("台均时长 台均", ("hours_per_table",)),
    ("台时", ("table_hours",)),
    ("开台率 开台 上座率", ("occupancy_rate",)),
    ("翻台率 翻台", ("turnover",)),
    ("客单价 客单", ("avg_ticket",)),
    ("优惠率 折扣率", ("discount_rate",)),
    ("优惠 折扣", ("discount",)),
    ("团购占比 团购比例", ("groupbuy_share",)),
    ("团购", ("groupbuy_paid",)),
    ("会员占比", ("member_share",)),
    ("散客占比 散客", ("walkin_share",)),
    ("反结账率 反结账", ("void_rate",)),
    ("客流 客人数 多少客人 人次", ("guests",)),
    ("台费", ("table_fee",)),
    ("助教费", ("assistant_fee",)),
    ("商品费 商品 酒水", ("goods_fee",)),
    ("任务按时完成率 任务完成率 完成率 任务", ("task_completion_rate",)),
    ("提成", ("month_commission",)),
    ("当日工资 日工资", ("daily_salary",)),
    ("工资 薪水 薪资", ("month_salary",)),
    ("扣款 奖励 奖惩", ("salary_adjustments",)),
    ("上钟 课时", ("month_hours",), ("month_hours_incentive",), ("month_hours_trial",)),
    ("基础课 陪打", ("month_hours",)),
    ("激励课", ("month_hours_incentive",)),
    ("体验课", ("month_hours_trial",)),
    ("累计业绩", ("cumulative_kpi",)),
    ("业绩", ("month_billed", "gmv")),
    ("助教等级", ("assistant_level",)),
    ("门店等级", ("store_level",)),
    ("等级", ("assistant_level", "store_level")),
    ("星级 几星", ("assistant_stars",)),
    ("服务会员 服务过 服务了多少", ("customers_served",)),
    ("新客 新会员 新增会员 新增", ("new_members", "month_new_members")),
    ("满45天 45天未到店", ("month_churned_members",)),
    ("流失", ("month_lifecycle_churned",)),
    ("回流", ("month_lifecycle_returned",)),
)
# Whoever asks how things are gets these, by whom the question is about.
OVERVIEWS = {
    "store": ("gmv", "paid", "bills"),
    "member": ("last_visit_days", "visit_interval_median", "consumption_60d", "card_balance"),
    "assistant": ("month_hours", "month_billed", "month_salary", "task_completion_rate"),
    "pair": ("relationship_index",),
}
HOW_ARE_THINGS = re.compile(
    "怎么样|如何|情况|生意|经营|概况|表现|好不好|咋样|说说|讲讲|介绍|了解|看看|查一下"
)
# 张三？ and 那张三呢？ ask for an overview; 张三有没有女朋友 asks for something we do not know.
NAMES_ALONE = re.compile(r"(?:那|那么)?(?:[和跟与、，\s]|(?:会员|助教)#\d+)+呢?[？?]?")
# Not of the days that were spoken about before.
OF_TODAY = re.compile("现在|目前|眼下")
# Not of somebody who was spoken about before.
OF_THE_STORE = re.compile("店里|全店|门店|本店|我们店|各区")
# Of areas, what people call them besides their names.
AREA_WORDS = {"包间": "vip", "VIP": "vip", "A区": "hallA", "B区": "hallB", "C区": "hallC"}
EACH_AREA = re.compile("各区|每个区|各个区|分区域|哪个区")
# Of somebody who was spoken about before.
PRONOUN = re.compile("[他她]|TA|这位|那位|这个人", re.IGNORECASE)
# 张三的…, while 上周的… and 全店的… are nobody's.
SOMEBODYS = re.compile("[^店周月天日年区厅度们家]的")
# What looks like a member's number, and stands for nobody.
UNKNOWN_NUMBER = re.compile(r"(?:会员|会员号|编号|卡号)[：: ]?(\d+)|[A-Za-z]{1,4}\d{2,}")

Meaning = TypeVar("Meaning")
_Found = re.Match[str]
_PERIODS: tuple[tuple[str, Callable[[_Found, date], str]], ...] = (
    (r"(?:最?近|过去)(\d{1,3})[天日]", lambda found, day: _last_days(int(found[1]), day)),
    (r"(?:最?近|过去)(?:三|3)个?月", lambda found, day: "last_3_months"),
    (r"(?:最?近|过去)(?:(?:六|6)个?月|半年)", lambda found, day: "last_6_months"),
    (
        r"(\d{4})[-年/.](\d{1,2})[-月/.](\d{1,2})[日号]?",
        lambda found, day: _dated(int(found[1]), int(found[2]), int(found[3])),
    ),
    (
        r"(\d{1,2})月(\d{1,2})[日号]",
        lambda found, day: _last_dated(int(found[1]), int(found[2]), day),
    ),
    (r"(\d{1,2})月份?", lambda found, day: _last_month(int(found[1]), day)),
    (r"前天", lambda found, day: (day - timedelta(days=2)).isoformat()),
    (r"昨天|昨日|昨晚", lambda found, day: "yesterday"),
    (r"今天|今日|今晚|当天", lambda found, day: "today"),
    (r"上个?(?:周|星期|礼拜)", lambda found, day: "last_week"),
    (r"(?:本|这个?)(?:周|星期|礼拜)", lambda found, day: "this_week"),
    (r"上个?季度?", lambda found, day: "last_quarter"),
    (r"(?:本|这个?)季度?", lambda found, day: "this_quarter"),
    (r"上个?月", lambda found, day: "last_month"),
    (r"(?:本|这个?|当)月", lambda found, day: "this_month"),
    (r"开业以来|历史|累计|总共", lambda found, day: "all_time"),
)


def figures_in(question: str, titles: Mapping[str, str]) -> list[tuple[str, ...]]:
    """The figures that the question may mean, in its order; `titles` are what they are called by
    key. A longer word hides what it holds.
    """
    called = [(title.partition("（")[0], ((key,),)) for key, title in titles.items()]
    return [
        keys for _at, all_of in sorted(_places(question, [*_FIGURES, *called])) for keys in all_of
    ]


def periods_in(question: str, *, day: date) -> list[str]:
    """The periods in a question asked on a day, in its order."""
    found: list[tuple[int, str]] = []
    for pattern, meaning in _PERIODS:
        for match in re.finditer(pattern, question):
            found.append((match.start(), meaning(match, day)))
        question = re.sub(pattern, lambda match: "·" * len(match[0]), question)
    return list(dict.fromkeys(period for _at, period in sorted(found) if period))


def areas_in(question: str, names: Mapping[str, str]) -> list[str]:
    """The codes of the areas named in a question; `names` by code."""
    words = {word: (code,) for word, code in AREA_WORDS.items() if code in names}
    words |= {name: (code,) for code, name in names.items() if len(name) > 1}
    codes = [code for _at, (code,) in sorted(_places(question, words.items()))]
    return list(dict.fromkeys(codes))


def _places(question: str, words: Iterable[tuple[str, Meaning]]) -> list[tuple[int, Meaning]]:
    """Where each word stands, longest first; what a word covers is not looked at again."""
    found = []
    for word, meaning in sorted(words, key=lambda pair: -len(pair[0])):
        at = question.upper().find(word.upper())
        if at >= 0:
            found.append((at, meaning))
            question = f"{question[:at]}{'·' * len(word)}{question[at + len(word) :]}"
    return found


_FIGURES = [(word, tuple(all_of)) for words, *all_of in FIGURE_WORDS for word in words.split()]


def _dated(year: int, month: int, number: int) -> str:
    try:
        return date(year, month, number).isoformat()
    except ValueError:
        return ""


def _last_dated(month: int, number: int, day: date) -> str:
    """The last such date up to the day."""
    dates = [_dated(year, month, number) for year in (day.year, day.year - 1)]
    return next((text for text in dates if text and text <= day.isoformat()), "")


def _last_month(month: int, day: date) -> str:
    """The last such month that has begun, as its days."""
    if not 1 <= month <= 12:
        return ""
    first = date(day.year if month <= day.month else day.year - 1, month, 1)
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return f"{first}..{last}"


def _last_days(count: int, day: date) -> str:
    return f"{day - timedelta(days=count - 1)}..{day}" if count else ""
