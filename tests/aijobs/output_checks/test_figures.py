"""Numbers in every notation that people use, held against what an app was told."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aijobs.output_checks.figures import WEEKDAYS, figures_in, read_chinese
from aijobs.output_checks.known_figures import KnownFigures

AS_OF = date(2026, 5, 5)  # a Tuesday
TOLD = {
    "member": "会员#97",
    "as_of": "2026-05-05",
    "visits": {"count_180d": 31, "last": "2026-04-03", "last_30d": 3, "few": False},
    "spend": {"paid": "182340.50", "usual": "183.50", "share": 0.83, "growth": "-12.3%"},
    "rhythm": {"median_interval_days": 6.5, "overdue_ratio": 2.0},
    "hours": [{"name": "19-23点", "bills": 8}, {"name": "23-次日6点", "bills": 2}],
    "weekdays": {"周四": "210.00"},
    "quiet_hours": "22:00-10:00",
    "note": "抱怨三号台，四个人等了四十分钟。生日5月30日",
    "clues": ["a", "b", "c", "d", "e"],
    "generated_at": "2026-05-05T11:47:59.123456+00:00",
}


def unknown_in(text: str, told: dict | None = None) -> list[str]:
    known = KnownFigures(told or TOLD)
    return [
        text[slice(*figure.span)].strip()
        for figure in figures_in(text)
        if not known.explain(figure)
    ]


@pytest.mark.parametrize(
    "text",
    [
        # numbers as they are, without sign, zeros or places, in 万, in Chinese
        "近 180 天到店 31 次，近30天三次",
        "到店三十一次，共３１次",
        "实收 182,340.50 元，约 182340.5 元、182341 元、18.2万元、18.23 万、18万",
        "单次约 184 元，一次大概 180 元",
        "平时 6.5 天来一次，约 7 天",
        "来了 30 多次，三十多次",
        "已是平时的 2 倍，两倍了",
        # shares
        "占 83%，八成，百分之八十三，0.83，环比减少 12.3%，减少 12%",
        "下降 12.3 个百分点",
        # dates
        "最近一次 2026-04-03、2026年4月3日、4月3日、04-03、4/3、四月三日、3日、4月初、2026年",
        "上次是4月3日周五，也就是周五（4月3日（周五））",
        "请店长在 2026-05-12 前、5月19日前联系，下周三前回话，这周六留台",
        # hours and weekdays
        "周四 19-23点来，晚上七点到十一点，19点、23:00、次日6点，避开 22:00-10:00",
        # counts of entries, words of a note
        "五条线索里有 5 条说到",
        "四个人在三号台等了四十分钟，生日 5月30日",
        # not figures
        "一次、一起、两人、两位、几次、两三天、十几分钟、会员#97、黑八、九球、抢五、流失（超90天）",
        "1. 先问候；2、再约台",
        "十分满意，万一没台千万别急，第二季度",
    ],
)
def test_what_was_told_is_known_in_any_notation(text):
    assert unknown_in(text) == []


@pytest.mark.parametrize(
    ("text", "invented"),
    [
        ("近 180 天到店 32 次", ["32"]),
        ("到店三十二次", ["三十二"]),
        ("近90天三次", ["90"]),
        ("来了 40 多次", ["40 多"]),
        ("实收 182,349 元、18.3万元、19万", ["182,349", "18.3万", "19万"]),
        ("约 200 元一次", ["200"]),
        ("占 84%，九成", ["84%", "九成"]),
        ("占 31%", ["31%"]),
        ("涨了 83 元", ["83"]),
        ("最近一次 4月4日", ["4月4日"]),
        ("最近一次 2025-04-03", ["2025-04-03"]),
        ("最近一次 4月3日周六", ["4月3日周六"]),
        ("请在 5月20日前联系", ["5月20日"]),
        ("昨天（5月4日）来过", ["5月4日"]),
        ("习惯周日来", ["周日"]),
        ("上周日来过", ["上周日"]),
        ("常在下午3点来", ["下午3点"]),
        ("一般14-17点来", ["14-17点", "14-17点"]),
        ("九条线索", ["九"]),
        ("会员#97 来了 97 次", ["97"]),
        ("3月来得多，2024年更多", ["3月", "2024年"]),
        ("11:47 到店", ["11:47"]),
        ("①先问候 ②再发 8 折券", []),
        ("充 1000 送 200", ["1000", "200"]),
    ],
)
def test_what_was_not_told_is_invented(text, invented):
    assert unknown_in(text) == invented


def chinese(number: int) -> str:
    """A whole number below a million as it is spoken."""
    if number >= 10_000:
        rest = number % 10_000
        return f"{chinese(number // 10_000)}万" + (
            "" if not rest else ("零" if rest < 1000 else "") + chinese(rest)
        )
    text, zero = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, unit)
        if digit:
            text += ("零" if zero and text else "") + "零一二三四五六七八九"[digit] + name
            zero = False
        else:
            zero = bool(text)
    return text.removeprefix("一") if text.startswith("一十") else text


@given(st.integers(2, 999_999))
def test_chinese_numerals_are_read_as_they_are_spoken(number):
    assert read_chinese(chinese(number)) == number
    assert unknown_in(f"共{chinese(number)}次", {"bills": number}) == []


@pytest.mark.parametrize(
    ("numeral", "number"),
    [("一百五", 150), ("三千五", 3500), ("一万二", 12_000), ("两百", 200), ("十", 10)],
)
def test_the_last_unit_may_be_left_out(numeral, number):
    assert read_chinese(numeral) == number


@pytest.mark.parametrize("numeral", ["两三", "百", "万", "三四五"])
def test_vague_numbers_are_none(numeral):
    assert read_chinese(numeral) is None


AMOUNTS = st.decimals(1, 10_000_000, places=2)


def test_a_number_in_a_key_counts_days_and_nothing_else():
    told = {"consumption_60d": "1260.00", "last_30d": 4}

    assert unknown_in("近 60 天 1260 元，近30日 4 次", told) == []
    assert unknown_in("每次约 60 元，来了 30 次", told) == ["60", "30"]


@given(AMOUNTS)
def test_an_amount_is_known_in_each_of_its_notations(amount):
    told = {"paid": str(amount)}
    written = [f"{amount}", f"{amount:,}", f"{amount:.1f}", f"{amount:.0f}", f"{amount:,.0f}"]
    if amount >= 100_000:
        written += [f"{amount / 10_000:.{places}f}万" for places in (0, 1, 2)]

    for text in written:
        assert unknown_in(f"实收 {text} 元", told) == []


@given(AMOUNTS, st.decimals("0.06", 1_000, places=2))
def test_another_amount_is_not(amount, difference):
    """Beyond half a unit of what is written, whatever the notation."""
    other = amount + difference

    assert unknown_in(f"实收 {other} 元", {"paid": str(amount)}) == [str(other)]
    tenth = other.quantize(Decimal("0.1"))
    if abs(tenth - amount) > Decimal("0.05"):
        assert unknown_in(f"实收 {tenth} 元", {"paid": str(amount)}) == [str(tenth)]


@given(st.dates(date(2025, 1, 1), date(2026, 5, 5)))
def test_a_date_is_known_in_each_of_its_notations(day):
    told = {"as_of": AS_OF.isoformat(), "last": day.isoformat()}
    weekday = WEEKDAYS[day.weekday()]
    notations = [
        day.isoformat(),
        f"{day:%Y/%m/%d}",
        f"{day.year}年{day.month}月{day.day}日",
        f"{day.month}月{day.day}日",
        f"{day.month}月{day.day}号周{weekday}",
        f"{chinese(day.month)}月{chinese(day.day)}日",
        f"{day:%m-%d}",
        f"{day.month}月",
        f"{day.year}年",
        f"周{weekday}",
        f"星期{weekday}",
    ]

    for text in notations:
        assert unknown_in(f"上次是{text}，", told) == []


@given(st.dates(date(2025, 1, 1), AS_OF), st.integers(1, 60))
def test_another_date_of_the_past_is_not(day, days):
    other = day - timedelta(days=days)
    told = {"as_of": AS_OF.isoformat(), "last": day.isoformat()}

    assert unknown_in(f"上次是{other.isoformat()}。", told) == [other.isoformat()]


@given(st.integers(1, 30))
def test_a_proposal_may_name_a_day_of_the_next_two_weeks(days):
    day = AS_OF + timedelta(days=days)

    found = unknown_in(f"请店长在{day.month}月{day.day}日前问候一次")

    # A birthday of the note's.
    assert bool(found) == (days > 14 and (day.month, day.day) != (5, 30))


@given(st.integers(0, 23), st.integers(1, 12))
def test_a_band_of_hours_is_known_by_both_clocks(start, length):
    end = (start + length - 1) % 24 + 1
    told = {"hours": [f"{start}-{end}点"]}
    spoken = [f"{start}-{end}点", f"{start}点到{end}点", f"{start}:00-{end}:00"]
    if start > 12:
        spoken.append(f"晚上{start - 12}点")

    for text in spoken:
        assert unknown_in(f"常在{text}来", told) == []
