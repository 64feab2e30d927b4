"""What may not be said is found in natural sentences, and its harmless neighbours are not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aijobs.output_checks.topics import find_forbidden, find_untellable
from zqyy.demo import note_phrases, task_phrases

FORBIDDEN = {
    "romance": [
        "两人有点暧昧，来得更勤了",
        "他说喜欢她，想多约几次课",
        "在追求助教#3，多安排几次",
        "发条消息说想您了",
        "走之前问能不能开房",
        "穿得性感一点会更好",
        "客人对助教有好感，可以多排课",
        "可能失恋了，来得少",
    ],
    "company off the premises": [
        "想约出去吃饭",
        "打完请他吃宵夜",
        "可以陪客人看电影增进感情",
        "下班送他回家",
        "私下加个微信聊",
        "问助教愿意出台吗",
        "和她单独逛街",
        "邀请会员参加店外聚餐",
    ],
    "looks": [
        "她今天真漂亮",
        "助教#3身材好，客人喜欢",
        "人很帅，嘴甜",
        "最近胖了不少",
        "体重一百八，椅子要大的",
        "长得像明星",
        "助教穿得漂亮些接待",
        "年纪大，安排近一点的台",
    ],
    "income": [
        "他收入不错，可以推大额充值",
        "年薪四十万，不在乎钱",
        "家里穷，别推充值",
        "听说被裁员了",
        "最近没钱，少来",
        "聊到最近在换工作",
        "刚发工资就来",
        "经济条件一般",
        "家境不错，推大额卡",
        "最近手头紧",
    ],
    "health": [
        "腰不好，打一小时要歇",
        "上个月住院做了手术",
        "有高血压，别让他熬夜",
        "膝盖受伤了",
        "去医院复查了",
        "身体不太好，来得少",
        "对花生过敏",
    ],
    "family": [
        "和老婆吵架了才来",
        "最近离婚，心情不好",
        "太太管得严，只能周末来",
        "爱人不让他晚归",
        "家里有事，下月再说",
        "单身，可以多聊",
        "他女儿今年高考",
        "还没有对象",
        "交了女朋友以后来得少",
    ],
    "gambling": [
        "和朋友追分，一晚上两千",
        "喜欢打点彩头",
        "输了两千还要再来",
        "爱赌球",
        "赢了不少钱，请大家喝水",
        "打一局五十，带钱打才有意思，先下注",
        "玩带彩的局",
        "喜欢带点彩打中八",
        "打球挂点彩才有劲",
        "常和朋友打20块一局",
        "几个人打五块钱一颗",
        "输的请喝饮料",
    ],
    "drinking": [
        "劝酒他就多充",
        "上次喝多了，台布弄脏了",
        "让他再来两瓶啤酒助兴",
        "来之前喝了点酒",
        "陪他喝几杯就充值了",
        "不喝就是不给面子",
        "喝醉了要叫车",
        "多劝他喝两杯",
    ],
    "shame": [
        "水平太差，别让他打头台",
        "抠门，只用团购",
        "说他玩不起",
        "有点看不起新手",
        "太小气，从不点喝的",
        "比较抠，别推包厢",
        "水平菜，容易输",
        "别让他在朋友面前丢脸",
    ],
}

HARMLESS = [
    # romance
    "喜欢您推荐的杆",
    "先开房间再点单",
    "库边弹性感觉正好",
    "大中小三种球杆都试过",
    "协调情况后回话",
    "情人节不来，嫌人多",
    "想您了解一下新台子",
    "喜欢和助教#3打",
    # off the premises
    "腾出台给他用",
    "推出台费套餐要先问店长",
    "周末一般不来，有事工作日约他",
    "一般在附近吃完饭过来，不点小吃",
    "想请朋友聚一次",
    "球杆带出去修了",
    "给出台账明细",
    # looks
    "一杆清台，打得真漂亮",
    "他漂亮的一杆让全场叫好",
    "整体重视服务细节",
    "具体重点是周五晚上",
    "客人漂亮地清了台",
    "总体重复到店多",
    # income
    "本月收入与上期持平",
    "其他收入占 3.0%",
    "会员收入占大头",
    "未消费储值是门店的负债",
    "卡里没钱了，来了先说一声",
    "找工作人员换了杆",
    "储值充足，没有离店的经济理由",
    "所有钱款当天对清",
    "助教工资按小时算",
    # health
    "打久了手凉，把空调调高两度",
    "公司在医院旁边",
    "开球的毛病改过来了",
    "架杆偏高是老毛病了",
    "灯光柔和，眼睛舒服",
    "防守让人头疼",
    # family
    "嫌空调太太吵",
    "旁边有小孩跑来跑去，嫌吵",
    "换了个离家近的地方打",
    "下周要回老家，回来再联系",
    "带了几个朋友一起来",
    "其他客户对象不在本次分析内，所有对象都已联系",
    "店里的灯自身家用感太强",
    "大家庭聚会想订包厢",
    # gambling
    "会员赛小组赛出线了",
    "追分数统计做得细",
    "讨个好彩头，送句祝福",
    "不在乎输赢，打得开心就好",
    "输了两局还想再打",
    "赢了三百分的那一杆",
    "跟自己赌气，练到很晚",
    "打彩球走位很准",
    "挂彩球的那张台灯不亮",
    "带彩色巧粉来",
    "20块一小时嫌贵",
    "打了二十局一局没输",
    "输的局也要摆完球",
    # drinking
    "提醒多喝水",
    "喝多少点多少，别浪费",
    "陪他喝茶聊球",
    "住在酒店附近",
    "先要一罐红牛",
    "沉醉了一下午，球打得很投入",
    # shame
    "觉得陪打水平跟他差不多",
    "点了小气泡水",
    "太菜单一，想加几样小吃",
    "两个人水平差距不大",
    "可爱人气王杯的海报贴好了",
    "押金退得慢，已道歉",
    "劝他喝水休息",
    "穿得少了会冷，空调调高两度",
    "说不好意思，谢谢提醒",
]


@pytest.mark.parametrize("text", [text for texts in FORBIDDEN.values() for text in texts])
def test_a_forbidden_subject_is_found(text):
    assert list(find_forbidden(text))


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_one_is_not(text):
    assert [match[0] for match in find_forbidden(text)] == []


def phrases_of(module) -> Iterator[tuple[str, str]]:
    """(name of the list, phrase) of everything that the demo's staff write down."""
    for name, value in vars(module).items():
        if name.isupper():
            yield from ((name, phrase) for phrase in texts_in(value))


def texts_in(value) -> Iterator[str]:
    if isinstance(value, str):
        yield value.format_map(Named())
    elif isinstance(value, dict):
        yield from texts_in([*value, *value.values()])
    elif isinstance(value, (list, tuple)):
        for entry in value:
            yield from texts_in(entry)


class Named(dict):
    def __missing__(self, name: str) -> str:
        return {"he": "他", "friend": "朋友", "pal": "老周", "coach": "助教#3"}.get(name, "大厅")


def test_of_what_staff_write_down_exactly_the_private_notes_are_found():
    phrases = [*phrases_of(note_phrases), *phrases_of(task_phrases)]

    found = {name for name, phrase in phrases if list(find_forbidden(phrase))}
    missed = [
        phrase for name, phrase in phrases if name == "PRIVATE" and not list(find_forbidden(phrase))
    ]

    assert (found, missed) == ({"PRIVATE"}, [])


@pytest.mark.parametrize(
    "words",
    [
        "您34天没来了，卡里还剩860元。",
        "您三十四天没来了，想您来坐坐。",
        "您一个月没来了，最近忙吗？",
        "离上次来已经隔了20天，什么时候有空？",
        "您卡上余额不多了，要不要续一下？",
        "这月您来了6次，今天给您留台。",
        "您每周来三次，这周还没见到您。",
        "这是您第12次到店，给您留老位置。",
        "上次您和女同事一起来的那张台给您留着。",
        "您总是带小李来，今天一起吗？",
        "系统显示您好久没来了。",
        "根据您的消费记录，给您安排大厅。",
        "您有流失风险，我们很重视。",
        "最后一天了，赶紧来充。",
        "名额只剩两个，您务必今天定。",
        "您再不来老位置就没了。",
        "好久不见，您上次来还是3月12日呢。",
        "最近来得少了，是不是太忙？",
        "上次跟您一起来的朋友也在。",
        "今晚九点前确认，不然留不住台。",
        "会员#12也在，您过来一起？",
        "您卡里的钱快见底了，方便再续吗？",
        "来充一点？不充也没事。",
        "您都快一个月没露面了。",
        "来了几十回了，老位置。",
        "您不来我这个月业绩就不够了。",
        "帮我冲一冲任务，还差两单，任务完不成了。",
    ],
)
def test_what_no_guest_is_told_is_found(words):
    assert list(find_untellable(words))


@pytest.mark.parametrize(
    "words",
    [
        "张哥，这周四晚老位置给您留着？不方便也没事。",
        "好久没见您来打球了，哪天方便过来练两杆？没空就先忙您的。",
        "好些天没见您了，最近有空过来坐坐吗？不方便也没事。",
        "过两天我值班，您想来的话我给您留台。",
        "想约朋友来玩的话提前说一声，我帮您留台。",
        "第一次来我们店，台子还合适吗？有建议随时说，不打扰您。",
        "卡的情况前台可以帮您看，需要了解的话我请他们过来，不急。",
        "下次来结账前我跟您说说店里的充值档位，您看需不需要，不充也没事。",
        "您上次和我说的走位，今天接着练？",
        "三块台都空着，您挑一块顺手的。",
        "5月7日周四晚上还是大厅给您留着？不方便也没事。",
        "不来也没关系，来之前说一声就好。",
        "单杆分数又高了，再练两局？",
        "手机来充电的话前台有线。",
        "来了几个朋友一起的话，我给您拼张大的。",
        "这局任务球还差一颗，慢慢来。",
    ],
)
def test_natural_words_are_left_alone(words):
    assert [match[0] for match in find_untellable(words)] == []


def test_of_what_the_demos_assistants_say_nothing_is_untellable():
    words = [phrase for name, phrase in phrases_of(task_phrases) if name == "WORDS"]

    assert len(words) > 30
    assert [phrase for phrase in words if list(find_untellable(phrase))] == []
