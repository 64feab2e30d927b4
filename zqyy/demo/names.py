"""Invented names and phone numbers."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

# As common as among people: the earlier, the more often.
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"
    "姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
_MALE = (
    "伟 强 磊 洋 勇 军 杰 涛 超 鹏 辉 刚 波 斌 浩 宇 健 亮 毅 鑫 旭 峰 建国 建军 志强 志远 志明 海涛 海波 俊杰 俊凯 "
    "子轩 子豪 子航 浩然 浩宇 宇航 宇轩 博文 文博 文杰 明辉 明远 天宇 天佑 晓东 晓峰 晨阳 东升 国栋 国强 家豪 家明 "
    "嘉伟 嘉诚 建华 立新 立军 永康 永强 振华 振宇 思远 思源 泽宇 泽民 少华 少杰 云飞 鹏飞 一鸣 一凡 景行 承志 启明"
).split()
_FEMALE = (
    "芳 娜 敏 静 丽 艳 娟 霞 玲 婷 雪 慧 莹 倩 燕 颖 洁 璐 丹 妍 欣怡 佳琪 梦瑶 思琳 晓燕 雨欣 雨涵 诗涵 语嫣 心怡 "
    "可欣 雅婷 雅琴 丽娜 丽华 秀英 秀兰 春梅 晓彤 晓雯 佳慧 思思 梦洁 海燕 玉兰 婉清 若曦 静怡 文静 月华 子涵 嘉欣"
).split()
_WOMEN = frozenset(_FEMALE)
_STAGE_NAMES = (
    "小冉 婷婷 可可 安安 糖糖 小鹿 思思 琪琪 苗苗 朵朵 小雅 晓晓 圆圆 小满 七七 艾米 小沫 乐乐 念念 小北 "
    "阿曼 团团 小柒 果果 希希 小曼 夏夏 叶子 小优 米粒 娜娜 小夕 悠悠 小桃 木木 小棠 佳佳 安琪 小舟 月月"
).split()
_PHONE_PREFIXES = "135 136 138 139 150 158 159 177 186 187 188 199".split()


def person_name(random: Random) -> str:
    """A full name, three quarters of them men's: the guests of a billiards store."""
    surname = _SURNAMES[min(int(random.expovariate(0.045)), len(_SURNAMES) - 1)]
    return surname + random.choice(_MALE if random.random() < 0.75 else _FEMALE)


def is_woman(name: str) -> bool:
    """Whether somebody of this full name is greeted as a woman."""
    return name[1:] in _WOMEN


def stage_names(random: Random) -> Iterator[str]:
    """The names assistants go by, each once; when they run out, with a number."""
    names = random.sample(_STAGE_NAMES, len(_STAGE_NAMES))
    yield from names
    for number in range(2, 1000):
        yield from (f"{name}{number}" for name in names)


def phone_numbers(random: Random, count: int) -> list[str]:
    """Distinct mobile numbers."""
    return [
        f"{random.choice(_PHONE_PREFIXES)}{number:08d}"
        for number in random.sample(range(10**8), count)
    ]
