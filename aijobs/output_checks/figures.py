"""Figures in Chinese texts: what counts as one, and what it says.

A figure is a number in digits, a Chinese numeral with a measure word (三次, 两千元), a percentage
(83%, 八成), a date, month, year, day or weekday in any notation, or an hour. None of them: one
(一次), both (两人), vague numbers (几次, 两三天), tokens of people (会员#12), numbers within names
(流失（超90天）, 黑八, 二季度) and marks of enumeration.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

WEEKDAYS = "一二三四五六日"


class Kind(StrEnum):
    NUMBER = "number"
    PERCENT = "percent"
    DATE = "date"
    MONTH = "month"
    YEAR = "year"
    DAY = "day"
    WEEKDAY = "weekday"
    HOUR = "hour"


@dataclass(frozen=True)
class Figure:
    """One figure and where it stands.

    Attributes:
        value: of a number or percentage; the month, year, day, weekday (Monday 0) or hour.
        step: what the last place that is written is worth: 18.2万 has 1000.
        is_open: there is a little more: 20 多天.
        year, month, weekday: of a date, where they are written; its day is the value.
        is_ahead: a weekday to come: 下周三, 周三前.
        is_of_days: a number of days: 30 天.
    """

    kind: Kind
    span: tuple[int, int] = field(compare=False)
    value: Decimal
    step: Decimal = Decimal(1)
    is_open: bool = False
    year: int | None = None
    month: int | None = None
    weekday: int | None = None
    is_ahead: bool = False
    is_of_days: bool = field(default=False, compare=False)


_DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")} | {
    "〇": 0,
    "两": 2,
}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_GREAT_UNITS = {"万": 10**4, "亿": 10**8}
_PLAIN = str.maketrans("０１２３４５６７８９％．：／", "0123456789%.:/")

_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_NOT_WITHIN = r"(?<![A-Za-z\d_#.])"
_CHINESE = "[〇零一二两三四五六七八九十百千万亿]+"
_SMALL = "(?:\\d{1,2}|[一二三四五六七八九十]{1,3})"
_MEASURE = (
    "次|回|趟|天|日(?!常)|周|个(?![性别体])|年(?!轻)|人|位|名|笔|单|元|块|分钟|小时|刻钟|倍|折|号台"
    "|张|台|局|场|杯|瓶|件|份|桌|岁|度|秒|米|条"
)
_WEEKDAY = f"(?:周|星期|礼拜)(?P<weekday>[{WEEKDAYS}天])"
_OF_A_DATE = rf"(?:\s*[（(]?{_WEEKDAY}[）)]?)?"
_DAYPART = "(?:上午|下午|晚上|晚|早上|早|中午|凌晨|夜里|次日|傍晚)"
_OCLOCK = r"\s*(?:点(?![\d评])|时(?![段间候长]))"

# --- Readers: what each pattern's match says, nothing where it is no such figure -------------------

Found = Iterator[Figure]
Reader = Callable[["re.Match[str]"], Found]


def figures_in(text: str) -> list[Figure]:
    """The figures of a text in their order."""
    found: list[Figure] = []
    rest = text.translate(_PLAIN)
    for pattern, read in _READERS:

        def take(match: re.Match[str], read: Reader = read) -> str:
            figures = list(read(match))
            found.extend(figures)
            # What has been read is out of the next readers' sight.
            return "\0" * len(match[0]) if figures or read is _pass_over else match[0]

        rest = pattern.sub(take, rest)
    return sorted(found, key=lambda figure: figure.span)


def read_chinese(numeral: str) -> int | None:
    """A whole number in Chinese numerals, 一千零五 as well as 三千五; None: it is none."""
    total, section, digit, last_unit = 0, 0, None, 1
    for character in numeral:
        if character in _DIGITS:
            if digit:
                return None
            digit = _DIGITS[character]
            last_unit = last_unit if digit else 1
        elif unit := _UNITS.get(character):
            if not digit and unit != 10:
                return None
            section += (digit or 1) * unit
            digit, last_unit = None, unit
        else:
            unit = _GREAT_UNITS[character]
            section += digit or 0
            if not section:
                return None
            total += section * unit
            section, digit, last_unit = 0, None, unit
    # 三千五 is 3500, 三千零五 is 3005.
    return total + section + (digit or 0) * (last_unit // 10 if last_unit > 10 else 1)


def _pass_over(match: re.Match[str]) -> Found:
    return iter(())


def _date(match: re.Match[str]) -> Found:
    year, month, day = _year_of(match), _small(match["month"]), _small(match["day"])
    weekday = _weekday(match["weekday"]) if match["weekday"] else None
    if 1 <= month <= 12 and 1 <= day <= 31:
        yield Figure(Kind.DATE, match.span(), Decimal(day), year=year, month=month, weekday=weekday)


def _month(match: re.Match[str]) -> Found:
    month = _small(match["month"])
    if 1 <= month <= 12:
        yield Figure(Kind.MONTH, match.span(), Decimal(month), year=_year_of(match))


def _year(match: re.Match[str]) -> Found:
    yield Figure(Kind.YEAR, match.span(), Decimal(match[1]))


def _year_of(match: re.Match[str]) -> int | None:
    year = match.groupdict().get("year")
    return int(year) if year else None


def _day(match: re.Match[str]) -> Found:
    if 1 <= int(match[1]) <= 31:
        yield Figure(Kind.DAY, match.span(), Decimal(match[1]))


def _a_weekday(match: re.Match[str]) -> Found:
    yield Figure(
        Kind.WEEKDAY,
        match.span(),
        Decimal(_weekday(match["weekday"])),
        is_ahead=bool(match["by"]) or (match["which"] or "")[:1] in ("这", "本", "下"),
    )


def _time(match: re.Match[str]) -> Found:
    hour = Decimal(match[1]) + Decimal(match[2]) / 60
    yield Figure(Kind.HOUR, match.span(), hour)


def _hours(match: re.Match[str]) -> Found:
    for hour in filter(None, match.groups()):
        yield Figure(Kind.HOUR, match.span(), Decimal(_small(hour)))


def _percent(match: re.Match[str]) -> Found:
    if match["tenths"]:
        tenths = _small(match["tenths"])
        yield Figure(Kind.PERCENT, match.span(), Decimal(tenths * 10), step=Decimal(10))
        return
    written = match["written"] or match["points"]
    if written is None:
        value = read_chinese(match["chinese"])
        if value is not None:
            yield Figure(Kind.PERCENT, match.span(), Decimal(value))
        return
    yield Figure(Kind.PERCENT, match.span(), _decimal(written), step=_last_decimal(written))


def _number(match: re.Match[str]) -> Found:
    scale = (_UNITS | _GREAT_UNITS).get(match[2] or "", 1)
    value = _decimal(match[1]) * scale
    exact = scale == 1 and "." in match[1]
    yield Figure(
        Kind.NUMBER,
        match.span(),
        value,
        step=_last_decimal(match[1]) if exact else _last_place(value),
        is_open=bool(match[3]),
        is_of_days=_counts_days(match),
    )


def _chinese_number(match: re.Match[str]) -> Found:
    value = read_chinese(match[1])
    if value is not None and value != 1:
        yield Figure(
            Kind.NUMBER,
            match.span(),
            Decimal(value),
            step=_last_place(Decimal(value)),
            is_open=bool(match[2]),
            is_of_days=_counts_days(match),
        )


def _counts_days(match: re.Match[str]) -> bool:
    return match.string[match.end() :].lstrip()[:1] in ("天", "日")


def _decimal(written: str) -> Decimal:
    return Decimal(written.replace(",", ""))


def _last_decimal(written: str) -> Decimal:
    return Decimal(1).scaleb(-len(written.partition(".")[2]))


def _last_place(value: Decimal) -> Decimal:
    """What the last digit before the zeros is worth: two digits at least are meant as written."""
    if value != value.to_integral_value():
        return Decimal(1).scaleb(int(value.normalize().as_tuple().exponent))
    digits = str(int(value))
    zeros = len(digits) - len(digits.rstrip("0"))
    return Decimal(10) ** max(0, min(zeros, len(digits) - 2))


def _small(written: str) -> int:
    return int(written) if written.isdecimal() else read_chinese(written) or 0


def _weekday(character: str) -> int:
    return WEEKDAYS.index("日" if character == "天" else character)


_READERS: tuple[tuple[re.Pattern[str], Reader], ...] = tuple(
    (re.compile(pattern), read)
    for pattern, read in (
        # Tokens, names with a number in them, the time of a timestamp, marks of enumeration.
        (
            r"(?:会员|助教|员工)#\d+|超\s*90\s*天|满\s*45\s*天|黑[八8]|(?<!\d)[八九89]球|抢[三五七九\d]"
            r"|第?[1-4一二三四]\s*季度|(?<=\d)T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:[+-]\d{2}:\d{2}|Z)?"
            r"|(?:^|(?<=[\n。；;]))\s*(?:\d{1,2}[.、)）](?!\d)|[（(]\d{1,2}[)）])|[①-⑳]|\d\ufe0f?\u20e3",
            _pass_over,
        ),
        (
            r"(?<!\d)(?P<year>(?:19|20)\d{2})\s*[-/.年]\s*(?P<month>\d{1,2})\s*[-/.月]\s*"
            rf"(?P<day>\d{{1,2}})(?!\d)\s*[日号]?{_OF_A_DATE}",
            _date,
        ),
        (rf"(?<!\d)(?P<month>{_SMALL})月(?P<day>{_SMALL})[日号]?{_OF_A_DATE}", _date),
        (
            rf"(?<![\d./-])(?P<month>0\d|1[0-2])-(?P<day>\d{{2}})(?![\d./-]|\s*(?:{_MEASURE}|点|%))"
            rf"{_OF_A_DATE}",
            _date,
        ),
        (rf"(?<![\d./])(?P<month>\d{{1,2}})/(?P<day>\d{{1,2}})(?![\d./]){_OF_A_DATE}", _date),
        (r"(?<!\d)(?P<year>(?:19|20)\d{2})\s*[-/年]\s*(?P<month>\d{1,2})(?:月份?|(?!\d))", _month),
        (rf"(?<![\d.])(?P<month>{_SMALL})月份?", _month),
        (r"(?<!\d)((?:19|20)\d{2})\s*年", _year),
        (r"(?<!\d)(\d{1,2}):(\d{2})(?!\d)", _time),
        (rf"(?<!\d)(\d{{1,2}})\s*(?:[-~–—]|到|至)\s*(?:次日)?(\d{{1,2}}){_OCLOCK}", _hours),
        (rf"(?<![\d.])(\d{{1,2}}){_OCLOCK}|{_DAYPART}({_SMALL})点|({_SMALL})点(?=[半钟])", _hours),
        (r"(?<![\d.])(\d{1,2})\s*[日号](?!\s*[台桌球位杆房包机厅店])", _day),
        (
            rf"(?P<which>这个?|本|下下?个?|上个?)?{_WEEKDAY}(?![次回趟场均年])(?P<by>\s*之?前)?",
            _a_weekday,
        ),
        (
            rf"{_NOT_WITHIN}(?P<written>{_NUMBER})\s*%|百分之(?P<chinese>{_CHINESE})"
            rf"|(?<![\d.])(?P<points>{_NUMBER})\s*个?百分点"
            r"|(?P<tenths>[一二三四五六七八九1-9])成(?![为功交员熟长绩本立效果套分])",
            _percent,
        ),
        (
            rf"{_NOT_WITHIN}({_NUMBER})(?![A-Za-z\d_])(?:\s*([百千万亿](?!分)))?\s*([多余])?",
            _number,
        ),
        (
            rf"(?<![几数])(?!两[人位者边])({_CHINESE})([多余])?(?=\s*(?:{_MEASURE}))",
            _chinese_number,
        ),
    )
)
