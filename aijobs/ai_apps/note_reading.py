"""Reading what staff wrote down: sentences by kind, what they are about, what somebody likes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from aijobs.ai_apps.speakable import speakable

KindKey = Literal[
    "promise",
    "complaint",
    "occasion",
    "company",
    "promotion",
    "partner",
    "habit",
    "play",
    "basics",
]
MOST_SUMMARY_CHARACTERS = 40

_CLAUSE = re.compile(r"[^，,、：]+[，,、：]?")
# Friends by their nicknames: nobody's business but theirs.
_FRIEND = re.compile(
    r"(?<![一-鿿])(?:[老阿小大][一-鿿]|[一-鿿][哥姐])(?=也来|最近|还不是|带来)"
    r"|(?<=[和跟约])(?:[老阿小大](?!板|师|客|乡|同|学|家|伙|厅|区|时|吃|票|局|头|包)[一-鿿]|[一-鿿][哥姐])"
)


# Days that are others when the sentence is read later, and how a sentence begins that says who says.
_DAY_TO_COME = re.compile(
    "[明后]天|明晚|(?:这|本|下下?)个?(?:周|星期|礼拜|月)|月[底初末]|过[几两]天|这[几两]天"
)
_THAT_DAY = re.compile("[今昨]天|[今昨]晚")
_SAYS = re.compile("说|问|提|答应|承诺|反映|抱怨|嫌|投诉")


@dataclass(frozen=True)
class Kind:
    """What a sentence is about. The first kind whose pattern fits counts."""

    key: KindKey
    category: str
    emoji: str
    confidence: float
    pattern: re.Pattern[str]
    lead: str = ""


KINDS = (
    Kind(
        "promise",
        "重要反馈",
        "🤝",
        0.85,
        re.compile(
            "答应(?!.{0,8}来(?:$|[，。]))|承诺|说好(?!看)|保证给|下次接着|等.{0,4}回话|下次回话"
        ),
        "待兑现：",
    ),
    Kind(
        "complaint",
        "重要反馈",
        "🗣️",
        0.85,
        re.compile(
            "^(?!.*(?:喜欢|不来|习惯|比较讲究|怕))(?:.*[，,])?(?=(?![^，,]*没意见)[^，,]*(?:投诉|不满|抱怨|嫌|反映|不太高兴|生气|失望|有意见"
            "|太吵|太热|太冷|太慢|太松|太硬|太暗|有点暗|坏了|弯了|不平|不够凉|闷得慌|地滑|烟味|漏了|漏给"
            "|晚到|迟到|没人(?:补|提醒|管|理)|没提醒|看不清|等了.{0,6}(?:分钟|小时)|四十分钟|报修"
            "|看了几次手机|希望专心|想换个|要退|退款|退卡))"
        ),
        "不满：",
    ),
    Kind(
        "occasion",
        "社交关系",
        "🎉",
        0.8,
        re.compile("生日|聚一次|聚会|团建|包半天|请.{1,6}来玩|比赛|会员赛|教学班"),
    ),
    Kind(
        "company",
        "社交关系",
        "👥",
        0.7,
        re.compile(
            "朋友|同事|同学|球友|老乡|邻居|同行|一起来|也来了|带.{0,6}来|一个人(?:来|也)|组个局"
        ),
    ),
    Kind(
        "promotion",
        "促销偏好",
        "🎟️",
        0.7,
        re.compile(
            "团购|优惠|(?<!停车)券|打折|折扣|充值|赠送|档位|便宜|[问打]听?.{0,8}(?:价格|怎么算钱)"
        ),
    ),
    Kind("partner", "社交关系", "🎯", 0.75, re.compile("助教#|陪打|固定让|还排|体验课|带[他她]过")),
    Kind(
        "habit",
        "消费习惯",
        "🕘",
        0.7,
        re.compile(
            "周[一二三四五六日天末]|晚上|下午|中午|夜场|下班|工作日|节假日|末班车|发票|小票|车牌|停车|充电"
            "|常落|提前半天|临时来|来之前会|先要一|先倒|出差|项目忙|来得会少|改了班|下个月才|回老家|打扰|频繁"
        ),
    ),
    Kind(
        "play",
        "玩法偏好",
        "🎱",
        0.75,
        re.compile(
            "斯诺克|黑八|九球|抢五|麻将|KTV|唱|麦克风|话筒|包厢|房间|大厅|走位|加塞|防守|巧粉"
            "|杆|(?<![前抬])台(?!阶)|球(?!友)|练|教"
        ),
    ),
    Kind(
        "habit",
        "消费习惯",
        "🕘",
        0.65,
        re.compile("习惯|喜欢|经常|每次|一般|总是|最爱|怕|要果盘|薯条|性子急|随和|讲究"),
    ),
    Kind(
        "basics",
        "客户基础",
        "📇",
        0.6,
        re.compile("第一次来|新会员|新客|新办卡|办了卡|推荐|评价|搬到|离.{0,3}近|住附近|公司就在"),
    ),
)


@dataclass(frozen=True)
class Sentence:
    """One sentence of a note that says something of use."""

    text: str
    date: str
    kind: Kind

    @property
    def topic(self) -> Topic:
        """What a complaint or promise is about."""
        rows = _TOPICS.get(self.kind.key, ())
        return next((topic for pattern, topic in rows if pattern.search(self.text)), Topic())

    @property
    def told(self) -> str:
        """The sentence, friends without their names."""
        return _FRIEND.sub("朋友", self.text)

    @property
    def summary(self) -> str:
        """The sentence as a clue: whole clauses; 下周 means nothing without the day it was said."""
        lead = self.kind.lead
        told = date.fromisoformat(self.date)
        if _DAY_TO_COME.search(self.told):
            says = "" if _SAYS.match(self.told) else "说"
            lead += f"{told.month}月{told.day}日{says}"
        elif _THAT_DAY.search(self.told):
            lead += f"{told.month}月{told.day}日："
        return lead + shorten(self.told, MOST_SUMMARY_CHARACTERS - len(lead))


def sentences_of(text: str, date: str) -> Iterator[Sentence]:
    """The sentences of a note that may be repeated and say something, in order."""
    for part in speakable(text):
        kind = next((kind for kind in KINDS if kind.pattern.search(part)), None)
        if kind is not None:
            yield Sentence(part, date, kind)


def shorten(text: str, most: int) -> str:
    """At most so many characters, cut between clauses where possible."""
    if len(text) <= most:
        return text
    kept = ""
    for clause in _CLAUSE.findall(text):
        if len(kept) + len(clause) > most:
            break
        kept += clause
    return kept.rstrip("，,、：") or text[: most - 1] + "…"


# --- What a complaint or promise is about ---------------------------------------------------------

# How a promise is kept: with an answer or a thing, by preparing the visit, or by playing together.
Keeping = Literal["answer", "prepare", "coach", ""]


@dataclass(frozen=True)
class Topic:
    """What a complaint or promise is about, in words that go before 的事; empty: unclear."""

    words: str = ""
    keeping: Keeping = ""


def _topics(*rows: tuple[str, str, Keeping]) -> tuple[tuple[re.Pattern[str], Topic], ...]:
    return tuple((re.compile(pattern), Topic(words, keeping)) for pattern, words, keeping in rows)


_TOPICS = {
    "complaint": _topics(
        ("空调|太冷|太热|闷|凉", "空调", ""),
        ("灯|暗", "灯光", ""),
        ("烟", "烟味", ""),
        ("吵|喊", "太吵", ""),
        ("等台|才有台", "等台", ""),
        ("结账|收银", "结账慢", ""),
        ("饮料|小吃", "上饮料慢", ""),
        ("卫生间|厕所|地滑", "卫生间", ""),
        ("停车券", "停车券", ""),
        ("停车", "停车", ""),
        ("续时间|超了", "续时间没提醒", ""),
        ("晚到|迟到", "约好的时间没赶上", ""),
        ("手机|专心|水平|陪打", "陪打", ""),
        ("巧粉", "巧粉", ""),
        ("袋口", "袋口", ""),
        ("台面|不平|台呢", "台面", ""),
        ("杆|皮头", "公杆", ""),
        ("球没收|才摆好|收台", "收台慢", ""),
    ),
    "promise": _topics(
        ("发票", "补发票", "answer"),
        ("停车券", "补停车券", "answer"),
        ("外套|落了|落下", "落下东西", "answer"),
        ("会员卡", "会员卡", "answer"),
        ("存杆", "存杆", "answer"),
        ("皮头", "换皮头", "answer"),
        ("二手|好杆", "留意球杆", "answer"),
        ("比赛", "比赛报名", "answer"),
        ("视频|录", "录出杆视频", "coach"),
        ("加塞", "教加塞", "coach"),
        ("跳球", "接着教跳球", "coach"),
        ("走位", "陪练走位", "coach"),
        ("备.{0,4}[杯瓶壶罐听]", "提前备饮料", "prepare"),
        ("空台", "有空台先告诉一声", "prepare"),
        ("打电话|回话", "回话", "answer"),
        ("留", "留台", "prepare"),
    ),
}


# --- Tastes ---------------------------------------------------------------------------------------

_DRINK = re.compile(
    "[一两][杯瓶壶罐听](?:温水|(?:无糖|常温|加冰|冰|热|温)*"
    "(?:美式|拿铁|咖啡|可乐|雪碧|柠檬水|乌龙茶|绿茶|红茶|茶|红牛|矿泉水|酸梅汤|果汁|苏打水))"
)
_TABLE = re.compile("(?:[A-Z]\\d{2}|[一二三四五六七八九十\\d]{1,3}号)[台房]")
_WANTED = re.compile("点名|习惯|喜欢|固定|留")
_CUE = re.compile("小头杆|大头杆|偏[重轻]的公杆|细一点的杆|前段硬一点的杆|自己的杆存在前台")
_PRACTICE = re.compile("加塞|低杆|高杆|走位|开球|长台|跳球|薄球|出杆|基本功|翻袋|解球|防守")
_LEARNS = re.compile("练|教|学|带[他她]过|发力|看看")
_QUIET = re.compile("喜欢安静|怕吵|嫌.{0,6}吵|别安排在吵|清静")
# Why somebody will come less for a while, or not at all.
ABSENCE = re.compile("出差|回老家|项目忙|工作忙|来得会少|下个月才|在外地|装修|搬家")
Taste = Literal["drink", "table", "cue", "practice", "quiet"]


def tastes_in(text: str) -> Iterator[tuple[Taste, str]]:
    """What somebody likes that can be prepared: (what, in words)."""
    for part in speakable(text):
        if drink := _DRINK.search(part):
            yield "drink", drink[0]
        if _WANTED.search(part) and (table := _TABLE.search(part)):
            yield "table", table[0]
        if cue := _CUE.search(part):
            yield "cue", "自己存在前台的杆" if "存在" in cue[0] else cue[0]
        if _LEARNS.search(part) and (practice := _PRACTICE.search(part)):
            yield "practice", practice[0]
        if _QUIET.search(part):
            yield "quiet", "安静一点的位置"


# --- Alike ----------------------------------------------------------------------------------------


def likeness(one: str, other: str) -> float:
    """0 to 1: how much of the shorter text's pairs of characters the other has too."""
    if _letters(one) == _letters(other):
        return 1.0
    first, second = _pairs(one), _pairs(other)
    shorter = min(len(first), len(second))
    return len(first & second) / shorter if shorter else 0.0


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text))


def _pairs(text: str) -> set[str]:
    letters = _letters(text)
    return {letters[at : at + 2] for at in range(len(letters) - 1)}


_KEPT = re.compile("已经|已(?!登记)|补了|给了|办好|备好了|兑现|留好了")


def is_kept(promise: Sentence, later: Iterable[str]) -> bool:
    """Whether a later sentence says that what was promised has been done."""
    return any(_KEPT.search(text) and likeness(promise.text, text) >= 0.3 for text in later)
