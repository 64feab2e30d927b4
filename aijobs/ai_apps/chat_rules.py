"""The analyst without a model: what a question asks for, and the sentences that answer it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from itertools import product
from typing import Any

from aijobs.ai_apps.chat_words import (
    EACH_AREA,
    HOW_ARE_THINGS,
    NAMES_ALONE,
    OF_THE_STORE,
    OF_TODAY,
    OVERVIEWS,
    PRONOUN,
    SOMEBODYS,
    UNKNOWN_NUMBER,
    areas_in,
    figures_in,
    periods_in,
)
from aijobs.ai_apps.outputs import Lookup, LookupList
from aijobs.pseudonyms import tokens_in

MOST_CALLS = LookupList.MOST
# The figures that may answer a question about somebody.
_FITTING = {
    "store": {"site", "site_area", "members"},
    "member": {"member"},
    "assistant": {"assistant"},
    "pair": {"pair", "member", "assistant"},
}


def describe(features: dict[str, Any]) -> LookupList | str:
    """The calls of the first round, the text of the second."""
    if features["step"] == "answer":
        return answer(features)
    return LookupList(calls=list(plan(features))[:MOST_CALLS])


# --- First round: what to look up -----------------------------------------------------------------


def plan(features: dict[str, Any]) -> Iterator[Lookup]:
    """What the question asks for; what it leaves out comes from the one before."""
    before = features["conversation"][-1]["asked"] if features["conversation"] else []
    named = _named_in(features, before)
    meant = figures_in(features["question"], _titles(features))
    named = _carry_on(features, named, meant, before)
    if not meant and not HOW_ARE_THINGS.search(features["question"]) and named.fits(before):
        yield from _ask_again(before, named)
        return
    for key, spec in _wanted(features, meant, named).items():
        yield from _calls(key, spec, named, as_of=features["as_of"])


@dataclass(frozen=True)
class _Named:
    """The days, areas and people in a question; `spoken_of`: where it names no days, those before."""

    periods: list[str]
    areas: list[str]
    members: list[str]
    assistants: list[str]
    spoken_of: tuple[str, ...] = ()

    @property
    def about(self) -> str:
        if self.members:
            return "pair" if self.assistants else "member"
        return "assistant" if self.assistants else "store"

    def fits(self, before: list[dict[str, str]]) -> bool:
        """Whether figures of the last answer can be had for these: 那上周呢？"""
        if not self.members and not self.assistants:
            return bool(before and (self.periods or self.areas))
        return any(
            bool(one["member"]) >= bool(self.members)
            and bool(one["assistant"]) >= bool(self.assistants)
            for one in before
        )


def _named_in(features: dict[str, Any], before: list[dict[str, str]]) -> _Named:
    question = features["question"]
    tokens = sorted(tokens_in(question))
    members = [token for token in tokens if token.startswith("会员")]
    # Of a number of nobody the asker learns that it is one.
    members += [found[1] or found[0] for found in UNKNOWN_NUMBER.finditer(question)]
    if not tokens and not members and PRONOUN.search(question):
        members = _said_before(before, "member")
    areas = areas_in(question, features["areas"])
    if EACH_AREA.search(question):
        areas = [code for code in features["areas"] if code != "all"]
    return _Named(
        periods=periods_in(question, day=date.fromisoformat(features["as_of"])),
        areas=areas,
        members=members,
        assistants=[token for token in tokens if token.startswith("助教")],
    )


def _carry_on(
    features: dict[str, Any],
    named: _Named,
    meant: list[tuple[str, ...]],
    before: list[dict[str, str]],
) -> _Named:
    """What goes without saying: 会员#12多久没来了？ 余额还有多少？ and 上月优惠率多少？ 退款有多少？"""
    question = features["question"]
    if not meant or not before:
        return named
    if not named.periods and not OF_TODAY.search(question):
        named = replace(named, spoken_of=tuple(_said_before(before, "period")))
    if named.about != "store" or named.areas or OF_THE_STORE.search(question):
        return named
    people = replace(
        named,
        members=_said_before(before, "member"),
        assistants=_said_before(before, "assistant"),
    )
    fitting = _FITTING[people.about]
    is_theirs = people.about != "store" and all(
        any(features["can_ask"].get(key, {}).get("of") in fitting for key in keys) for keys in meant
    )
    return people if is_theirs else named


def _said_before(before: list[dict[str, str]], what: str) -> list[str]:
    return list(dict.fromkeys(asked[what] for asked in before if asked[what]))


def _titles(features: dict[str, Any]) -> dict[str, str]:
    return {key: spec["title"] for key, spec in features["can_ask"].items()}


def _wanted(
    features: dict[str, Any], meant: list[tuple[str, ...]], named: _Named
) -> dict[str, dict[str, str]]:
    """The figures to look up by key, as they may be asked for: of those that a word may mean the
    first that the asker may have of whom they ask about.
    """
    can_ask: dict[str, dict[str, str]] = features["can_ask"]
    about, fitting = named.about, set(_FITTING[named.about])
    if features["asker"] == "助教":
        # Theirs unless they say whose.
        fitting |= {"pair"} if named.members else {"assistant", "members"}
        about = "assistant" if about == "store" else about
    is_bare = named.about != "store" and NAMES_ALONE.fullmatch(features["question"])
    if not meant and (is_bare or HOW_ARE_THINGS.search(features["question"])):
        meant = [(key,) for key in OVERVIEWS[about]]
    if about == "store" and SOMEBODYS.search(features["question"]):
        # Of somebody nobody knows: the store's figure would be an answer to something else.
        meant = [keys[:1] for keys in meant]
    found = (
        next((key for key in keys if key in can_ask and can_ask[key]["of"] in fitting), None)
        for keys in meant
    )
    return {key: can_ask[key] for key in found if key is not None}


def _calls(key: str, spec: Mapping[str, str], named: _Named, *, as_of: str) -> Iterator[Lookup]:
    of = spec["of"]
    periods = named.periods or [
        period for period in named.spoken_of if _is_of(period, spec["by"], as_of)
    ]
    for period, area, member, assistant in product(
        periods if spec["by"] != "now" and periods else [None],
        named.areas if of == "site_area" and named.areas else [None],
        named.members if of in ("member", "pair") and named.members else [None],
        named.assistants if of in ("assistant", "pair") and named.assistants else [None],
    ):
        yield Lookup(metric=key, period=period, area=area, member=member, assistant=assistant)


def _is_of(period: str, by: str, as_of: str) -> bool:
    """Whether a figure of months, or of days, can be had of a period."""
    if by == "range":
        return True
    start, _to, end = period.partition("..")
    if by == "day":
        return period in ("today", "yesterday") or (start[:1].isdigit() and end in ("", start))
    if not end:
        return period in ("this_month", "last_month")
    day_after = date.fromisoformat(end) + timedelta(days=1)
    return start == f"{end[:8]}01" and (day_after.day == 1 or end == as_of)


def _ask_again(before: list[dict[str, str]], named: _Named) -> Iterator[Lookup]:
    """The figures of the last answer for other days, areas or people."""
    for asked in before:
        for period, area, member, assistant in product(
            named.periods or [asked["period"]],
            named.areas or [asked["area"]],
            named.members if named.members and asked["member"] else [asked["member"]],
            named.assistants if named.assistants and asked["assistant"] else [asked["assistant"]],
        ):
            yield Lookup(
                metric=asked["metric"],
                period=period or None,
                area=area or None,
                member=member or None,
                assistant=assistant or None,
            )


# --- Second round: the answer ---------------------------------------------------------------------


def answer(features: dict[str, Any]) -> str:
    """Every figure in a sentence with whose and when it is, then what it rests on."""
    found = [one for one in features["figures"] if "error" not in one]
    failed = [one for one in features["figures"] if "error" in one]
    by_head: dict[str, list[str]] = {}
    for one in found:
        by_head.setdefault(_head(one), []).append(_say(one))
    sentences = [f"{head}{'，'.join(said)}。" for head, said in by_head.items()]
    sentences += [f"{reason}。" for reason in dict.fromkeys(one["error"] for one in failed)]
    if not sentences:
        sentences = ["这个问题我没有数据可以回答，不乱猜。"]
    if not found and features["can_ask"]:
        sentences += _what_can_be_asked(features["can_ask"])
    if found:
        sentences.append(f"依据：{'；'.join(evidence_of_figure(one) for one in found)}。")
    return "\n".join(sentences)


def _head(one: Mapping[str, Any]) -> str:
    """Whose figures follow, and of which days."""
    return f"{one['of']}{_days(one)}"


def _days(one: Mapping[str, Any]) -> str:
    if "start" not in one:
        return ""
    days = one["start"] if one["start"] == one["end"] else f"{one['start']} 至 {one['end']}"
    return f"{one['period']}（{days}）" if one["period"] else f" {days} "


def _say(one: Mapping[str, Any]) -> str:
    if (one["key"], one["value"]) == ("last_visit_days", "0"):
        return f"今天刚来过〔{one['n']}〕"
    text = f"{_called(one)}{_value(one['value'], one['unit'])}〔{one['n']}〕"
    if rows := one.get("rows"):
        text += f"，现在可以联系的依次是：{'；'.join(_row(row) for row in rows)}"
    elif "rows" in one and one["value"] != "0":
        text += "，现在都不宜联系"
    return text


def _called(one: Mapping[str, Any]) -> str:
    """The figure's title as it is said before its value: the unit says 天数 already."""
    title: str = one["title"].partition("（")[0]
    return title.removesuffix("天数") if one["unit"] == "天" else title


def _value(value: Any, unit: str) -> str:
    if value is None:
        return "暂无数据"
    if isinstance(value, dict):
        return "：" + "、".join(f"{name}{_value(part, '')}" for name, part in value.items())
    return f" {_plain(value)}{f' {unit}' if unit else ''}"


def _plain(value: str) -> str:
    """A number without zeros that say nothing, in groups of three digits; other words as they are."""
    try:
        number = Decimal(value)
    except InvalidOperation:
        return value
    whole = number == number.to_integral_value()
    return f"{number:,.0f}" if whole else f"{number:,f}"


def _row(row: Mapping[str, str]) -> str:
    return (
        f"{row['who']}（{row['days_away']} 天没来，平时 {_plain(row['usual_days'])} 天来一次，"
        f"剩余本金 {_plain(row['card_principal'])} 元，"
        f"近 60 天消费 {_plain(row['consumption_60d'])} 元）"
    )


def evidence_of_figure(one: Mapping[str, Any]) -> str:
    """The figure, whose and when it is: 〔1〕实收，全店，2026-04-19，截至 2026-04-20."""
    whose_and_when = [one["of"], *([_dates(one)] if "start" in one else [])]
    return f"〔{one['n']}〕{'，'.join([one['title'], *whose_and_when])}，截至 {one['as_of']}"


def _dates(one: Mapping[str, Any]) -> str:
    return one["start"] if one["start"] == one["end"] else f"{one['start']} 至 {one['end']}"


def _what_can_be_asked(titles: Mapping[str, list[str]]) -> list[str]:
    lines = [f"{of}：{'、'.join(names)}等" for of, names in titles.items()]
    return ["我能查的有：", *lines, "问的时候说清楚是哪段时间、哪个区域、哪位会员或助教。"]
