"""What an answer must not promise, and deeds that are none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date

from aijobs.output_checks.figures import Figure, Kind, figures_in

# What a manager fills in is nobody's invention.
TO_FILL_IN = "〔请店长填写〕"

_OFFER = re.compile(
    "|".join(
        (
            # discounts and prices
            r"\d+(?:\.\d+)?折|[一二三四五六七八九]五?折|半价|打折|折扣|特价|立减|满减|减免|优惠|免费|免单",
            r"\d+(?:\.\d+)?\s*元|特惠|买[一二三\d]送",
            # gifts
            "赠送|赠品|礼[品物券]|代金券|优惠券|红包|返现|抽奖|送[您你](?!回|到|一?句|个?祝)",
            # events
            "比赛|会员赛|会员日|活动(?![一下手筋])|派对|沙龙|讲座|教学班|体验课",
        )
    )
)
# The same where staff speak of what is there: only what is given.
_GIVEN = re.compile(
    "|".join(
        (
            r"\d+(?:\.\d+)?折|[一二三四五六七八九]五?折(?![叠返腾])|半价|特价|立减|满减|减免|免费|免单",
            r"特惠|买[一二三\d]送|[送赠](?:[您你他她]|客人)?[一两二三\d]?[张瓶份杯次件]",
            r"代金券|优惠券|红包|返现|抽奖|礼[品物券]|赠品",
            r"(?:推出?|搞|做|办|发|打)(?![了过])[^，。；]{0,6}(?:优惠|折扣|活动|比赛|会员日)",
        )
    )
)
_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗郑梁谢宋唐许韩冯邓曹彭曾"
_STAFF = re.compile(
    f"(?<![本上下每这])[{_SURNAMES}](?:教练|老师|助教|店长|经理|师傅)|新来的[^，。！？]{{0,4}}(?:教练|老师|助教)"
)
_SLOGAN = re.compile(
    "(?:加强|加大|提升|提高|优化|改善|强化|做好|完善|深化|抓好)[^，。；、]{0,4}?"
    "(?:营销|推广|宣传|引流|服务(?!费)|管理(?!员)|运营|客户关系|体验(?!课)|满意度|品牌|竞争力|投放|力度)"
    "|(?:多多?|大力|努力)(?:拉|引|揽|抓|冲)[^，。；、]{0,3}(?:新客|客人|客流|会员|人气|业绩)"
    "|(?:业绩|营业额|实收|客流|销售额?)[^，。；、]{0,3}(?:[做搞提拉冲]上去|[做搞]起来|往上[冲提])"
    "|想(?:想|尽)?办法|(?:重点|持续|密切)关注|高度重视|狠抓|全力以赴"
)
_NOBODY = re.compile("大家|全体|所有人|相关(?:人员|部门)|各部门|有关人员")
_WHEN = re.compile(r"\d|周[一二三四五六日天末]|月[底末]|今天|明天|后天|本周|下周|营业结束|打烊")
_COME = re.compile(
    "(?:过来|来(?:打|玩|坐|唱|练)?[一几]?[局杆把下]?)[吧啊呀哦喔]|[记等]得?[您你]?来|快来|别忘了|一定要?来|等[您你]"
)
_WAY_OUT = re.compile("[不没]|随[您你时]|再说|都行|也行|[吗呢][？?]|看[您你]")
_ABOUT_THE_GUEST = re.compile(
    "[该此]?(?:会员|客户|顾客)(?!卡|日|价|赛|群)|[该这此]位客人|建议(?:助教|员工)|引导|话术|请助教"
)


def find_invented_offers(
    text: str, told: str, *, to_staff: bool = False
) -> Iterator[re.Match[str]]:
    """Discounts, prices, gifts, events and staff that the features do not tell of, in sentences
    where nothing is left to be filled in. To staff prices and events may be spoken of.
    """
    for sentence in re.finditer(r"[^。！？!?；;\n]+", text):
        if TO_FILL_IN not in sentence[0]:
            for pattern in (_GIVEN if to_staff else _OFFER, _STAFF):
                for match in pattern.finditer(text, *sentence.span()):
                    if match[0] not in told:
                        yield match


def find_slogans(text: str) -> Iterator[re.Match[str]]:
    """「加强营销」「提升服务」: nothing that somebody could do by a day."""
    return _SLOGAN.finditer(text)


def is_nobody(owner: str) -> bool:
    """Whether a deed's owner is everybody, which is nobody."""
    return bool(_NOBODY.search(owner))


def is_over(due: str, as_of: date | None) -> bool:
    """Whether a deed is due on a day that has come already."""
    dates = [figure for figure in figures_in(due) if figure.kind == Kind.DATE]
    return as_of is not None and any(_day_of(figure, as_of) <= as_of for figure in dates)


def _day_of(figure: Figure, as_of: date) -> date:
    """The date that is meant: of its year, else the nearest to D. One that there is not is over."""
    days = []
    for year in (figure.year,) if figure.year else range(as_of.year - 1, as_of.year + 2):
        with suppress(ValueError):
            days.append(date(year, figure.month or 1, int(figure.value)))
    return min(days, key=lambda day: abs(day - as_of), default=as_of)


def find_commands(words: str) -> Iterator[re.Match[str]]:
    """Where words to a guest ask them to come and leave no way to say no."""
    if not _WAY_OUT.search(words):
        yield from _COME.finditer(words)


def names_a_time(due: str) -> bool:
    """Whether a deed's due says by when."""
    return bool(_WHEN.search(due))


def find_third_person(words: str) -> Iterator[re.Match[str]]:
    """Where words to a guest speak about the guest, or to the assistant."""
    return _ABOUT_THE_GUEST.finditer(words)
