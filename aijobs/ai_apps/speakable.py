"""Which sentences that staff wrote down may be repeated at all.

A note is data. Sentences about forbidden subjects and sentences that give orders to a reader are
dropped before anything is made of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aijobs.output_checks.topics import find_forbidden

# What no sentence of a note may be about beside what no text may: gambling, romance, family, health,
# income, looks, drinking, company outside the store. A note is private where a text may be harmless.
_PRIVATE = re.compile(
    "追分|彩头|赌|下注|押注|输赢|输了.{0,6}(?:钱|块|元|百|千|万)|欠.{0,4}钱"
    "|暧昧|表白|约会|谈恋爱|喜欢(?:上)?[他她](?:$|[，。！])|男朋友|女朋友|女友|男友|对象|结婚|离婚|分手"
    "|老婆|老公|太太|媳妇|孩子|儿子|女儿|爸|妈|父母|家里|家庭"
    "|(?<!毛)病|怀孕|住院|医院|手术|吃药|受伤|身体|[腰腿膝肩颈胃].{0,6}(?:疼|痛|酸|伤|舒服)|感冒|发烧|失眠|抑郁"
    "|工资|收入|薪|有钱|没钱|欠债|贷款|换工作|失业|辞职|离职"
    "|漂亮|身材|颜值|性感|长得"
    "|[喝灌拼劝].{0,4}酒|喝多|喝醉|醉|酒量"
    "|约出去|出台|开房|私下|单独约|送[他她]回家|(?:请|约).{0,4}(?:吃饭|宵夜|看电影)"
)
# Sentences that speak to whoever reads the note instead of about the guest.
_ORDERS = re.compile(
    r"忽略|无视|以上(?:要求|规则|指令|内容)|指令|提示词|你是|扮演|输出|评分|打\s*\d+\s*分(?!钟)"
    r"|(?i:json|prompt|system|ignore)|<|>|\{|\}"
)
_SENTENCE = re.compile(r"[^。！？!?；;\n]+")


def speakable(text: str) -> Iterator[str]:
    """The sentences that may be repeated: no forbidden subject, no order to the reader."""
    for match in _SENTENCE.findall(text):
        part = match.strip(" ，,、　")
        if len(part) >= 4 and is_speakable(part) and not _ORDERS.search(part):
            yield part


def is_speakable(text: str) -> bool:
    """Whether nothing in a text is about a forbidden subject."""
    return not _PRIVATE.search(text) and next(find_forbidden(text), None) is None
