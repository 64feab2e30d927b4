"""Words for an assistant to a member: at most one message, then what to say in the store.

First person, one purpose, easy to refuse. Figures stand in the evidence, never in the words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from aijobs.ai_apps.finding import PARTNER_SERVICES, last_visit_words
from aijobs.ai_apps.messages import best_message, who_should_write_instead
from aijobs.ai_apps.outputs import TalkingPoint
from aijobs.ai_apps.phrases import day_words, weekday_words
from aijobs.ai_apps.talking_facts import (
    TO_FILL_IN,
    comes_alone,
    comes_in_a_group,
    game,
    plays_at_a_table,
    usual_hours,
    usual_place,
    what_not_to_mention,
)

MOST_POINTS = 4
# A guest who came so often since without the assistant.
_WITHOUT = 3
# Days away: the last visit is still in mind; things may have changed since.
_LATELY_DAYS, _WHILE_DAYS = 14, 30


def points_of(features: dict[str, Any]) -> list[TalkingPoint]:
    """The one message, if anybody may write; then the visit in its order. None of who has left."""
    if features["assistant_left_on"]:
        return []
    message = best_message(features)
    points = [
        *([message] if message else []),
        *_open_matter(features),
        _welcome(features),
        *_while_playing(features),
        *_goodbye(features),
    ]
    return points[:MOST_POINTS]


# --- What is still open ---------------------------------------------------------------------------


def _open_matter(features: dict[str, Any]) -> Iterator[TalkingPoint]:
    as_of, said = features["as_of"], features["said"]
    if told := said["complaint"]:
        yield TalkingPoint(
            scene="到店坐下时，先说这一件",
            words=f"{told['topic'] or '上次您提'}的事我记着呢，今天您先感受一下，还有不合适的马上告诉我。",
            aim=f"把没了结的事说清楚。依据：{day_words(told['date'], as_of)}的备注「{told['summary']}」",
            avoid=f"不辩解、不保证做不到的；补偿和优惠由店长定，写{TO_FILL_IN}",
        )
    elif said["promises"]:
        told = said["promises"][0]
        yield TalkingPoint(
            scene="到店坐下时，先说这一件",
            words=_keeping(told["topic"] or "上次答应您", told["keeping"]),
            aim=f"兑现答应过的事。依据：{day_words(told['date'], as_of)}的备注「{told['summary']}」",
            avoid="没把握的不再答应第二次；不拿这件事换充值",
        )


def _keeping(topic: str, how: str) -> str:
    if how == "coach":
        return f"上次说好{topic}，今天要不要接着来？想先自己打一会儿也行，我听您的。"
    if how == "prepare":
        return f"{topic}的事我记着呢，今天哪里没安排到您直接说，我马上弄。"
    return f"{topic}的事我记着呢，您先坐，我这就去问，有准话马上告诉您。"


# --- At the door ----------------------------------------------------------------------------------


def _welcome(features: dict[str, Any]) -> TalkingPoint:
    words, evidence = _welcoming(features)
    contact, as_of = features["contact"], features["as_of"]
    rule = ""
    if not contact["may_contact"]:
        rule = "只在店里接待，不主动联系；"
    elif contact["paused_until"]:
        rule = (
            f"{day_words(contact['last_contact'], as_of)}联系过，"
            f"{day_words(contact['paused_until'], as_of)}前只在店里接待；"
        )
    elif closer := who_should_write_instead(features):
        rule = f"要联系由{closer['assistant']}来（近 180 天 {closer['services']} 次），这里只接待；"
    return TalkingPoint(
        scene="到店接待",
        words=words,
        aim=f"{rule}按习惯安排好。依据：{evidence}",
        avoid=f"{what_not_to_mention(features)}；不替客人做决定",
    )


def _welcoming(features: dict[str, Any]) -> tuple[str, str]:
    """What to say, and what it rests on: what somebody noted, else what the bills show."""
    tastes, as_of = features["said"]["tastes"], features["as_of"]
    likes = {kind: str(row["words"]) for kind, row in tastes.items()}

    def noted(*kinds: str) -> str:
        days = dict.fromkeys(day_words(tastes[kind]["date"], as_of) for kind in kinds)
        return f"{'、'.join(days)}的备注「{'、'.join(likes[kind] for kind in kinds)}」"

    if "table" in likes and "drink" in likes:
        words = f"{likes['table']}我帮您看了，{likes['drink']}现在上还是等会儿？"
        return words, noted("table", "drink")
    if "table" in likes:
        return f"{likes['table']}我帮您看了，还坐这儿吗？想换也行。", noted("table")
    if "quiet" in likes:
        return "给您找个靠里安静点的位置，我带您先坐坐看，不合适再换。", noted("quiet")
    if "cue" in likes:
        own = "您的杆我去前台给您拿，您先坐。"
        fetched = f"{likes['cue']}我去给您挑一支，先试几杆，不顺手再换。"
        return own if "前台" in likes["cue"] else fetched, noted("cue")
    if "drink" in likes:
        return f"还是要{likes['drink']}吗？不喝也行。", noted("drink")
    return _from_the_bills(features)


def _from_the_bills(features: dict[str, Any]) -> tuple[str, str]:
    party, place = features["party"], usual_place(features)
    if not place:
        if comes_alone(features):
            return (
                "今天自己打还是找人对打？想自己练我就不打扰。",
                f"近 180 天写明人数的 {party['bills']} 单中 {party['alone']} 单是一个人",
            )
        return _from_the_last_visit(features)
    area, bill, as_of = features["habits"]["areas"][0], features["last_bill"], features["as_of"]
    evidence = f"近 180 天 {area['bills']} 单在{area['name']}"
    last = f"，最近一次 {last_visit_words(features['visits']['last'], bill, as_of)}"
    if comes_in_a_group(features):
        together = f"，{party['of_three_or_more']} 单是三人以上"
        again = f"上次的{place}" if bill["area"] == place else place
        roomy = "找张宽敞的" if plays_at_a_table(features) else "找间宽敞的"
        return (
            f"还是{again}吗？我给您{roomy}，人到齐了再开也行。",
            evidence + together + last,
        )
    newest = set(features["habits"]["newest_areas"])
    if len(newest) == 1 and area["name"] not in newest:
        now = newest.pop()
        return f"今天还坐{now}，还是回{area['name']}？您说了算，我来安排。", (
            f"最近 {len(features['habits']['newest_areas'])} 单都在{now}，{evidence}{last}"
        )
    if comes_alone(features) and features["shared"]["services_total"]:
        alone = f"，{party['alone']} 单是一个人"
        return f"还坐{place}吗？今天自己打还是我陪您打几局，都行。", evidence + alone + last
    return _offering_the_place(features, place), evidence + last


def _offering_the_place(features: dict[str, Any], place: str) -> str:
    """Their usual place, by what they play, when they were last here and when they come."""
    played = game(features)
    if features["days_away"] > _WHILE_DAYS:
        return {
            "mahjong": f"{place}给您安排着，机器先试一圈，哪里不一样了您跟我说。",
            "ktv": f"{place}给您安排着，设备先试一首，哪里不一样了您跟我说。",
            "snooker": f"{place}给您安排着，台子先试两杆，哪里不一样了您跟我说。",
            "pool": f"{place}给您安排着，先试两杆，觉得不合适我再给您换。",
        }[played]
    if played == "mahjong":
        return f"还是{place}吗？机器我先帮您试一遍，不顺手马上换。"
    if played == "ktv":
        return f"还是{place}吗？音量我先帮您调一调，不合适您再说。"
    if played == "snooker":
        return f"还打{place}吗？台子我先看一眼，不合适给您换一张。"
    hours, which = usual_hours(features), "间" if re.search("包|房", place) else "张"
    if features["last_bill"]["area"] == place and features["days_away"] <= _LATELY_DAYS:
        return {
            "下午": f"还是上次的{place}吗？想换一{which}也行，您先看看。",
            "傍晚": f"上次坐的{place}我去看看，先歇口气，想换一{which}跟我说。",
            "晚上": f"还是上次{place}那边吗？我去看看哪{which}空着，换别处也行。",
        }.get(hours, f"上次{place}坐着还行吗？想换个地方也行，我来安排。")
    return {
        "下午": f"还坐{place}吗？想换个区试试也行，我来安排。",
        "傍晚": f"{place}我先带您过去，坐下歇口气再开，想换个区也行。",
        "晚上": f"还坐{place}吗？我先去看看哪{which}空着，想换个区也行。",
    }.get(hours, f"今天坐{place}还是换个区？您说了算，我来安排。")


def _from_the_last_visit(features: dict[str, Any]) -> tuple[str, str]:
    """What may be said to whom nothing is known of but when they were last here, if at all."""
    last, as_of = features["visits"]["last"], features["as_of"]
    if last is None:
        return (
            "第一次来的话我带您转一圈，想先自己看看也行。",
            f"{day_words(features['known_since'], as_of)}建档，到 {day_words(as_of, as_of)}还没来过",
        )
    newest = features["habits"]["newest_areas"]
    seen = f"最近一次 {last_visit_words(last, features['last_bill'], as_of)}"
    if not newest:
        words = "想坐哪边我来安排，要是有什么和以前不一样，您问我就行。"
        return words, f"{seen}，近 180 天没来过"
    if features["days_away"] == 0:
        return f"今天在{newest[-1]}还合适吗？想换个区跟我说，我来安排。", seen
    return f"上次的{newest[-1]}还合适吗？想换个区试试也行，我来安排。", seen


# --- While they play, when they go ----------------------------------------------------------------


def _while_playing(features: dict[str, Any]) -> Iterator[TalkingPoint]:
    as_of, shared = features["as_of"], features["shared"]
    practice = features["said"]["tastes"].get("practice")
    gone = next((row for row in features["other_partners"] if row["left_on"]), None)
    if gone and gone["services"] > max(shared["services_180d"], PARTNER_SERVICES - 1):
        yield TalkingPoint(
            scene="客人打了一会儿之后",
            words="想找人对打可以叫我，节奏听您的，打着不合适随时换人。",
            aim=(
                f"接上离店同事的客人。依据：{gone['assistant']}近 180 天陪打 {gone['services']} 次，"
                f"{day_words(gone['left_on'], as_of)}离店"
            ),
            avoid="不说同事为什么走、去了哪里，不比较谁打得好",
        )
    elif _plays_without(features):
        yield TalkingPoint(
            scene="客人打了一会儿之后",
            words=_offering_to_play(features),
            aim=(
                f"轻轻接上。依据：上次同场 {weekday_words(shared['last'], as_of)}，"
                f"之后会员到店 {shared['visits_since_last']} 次"
            ),
            avoid="不问为什么没点、点了谁，不比较别的助教",
        )
    elif practice and shared["services_total"]:
        yield TalkingPoint(
            scene="开打之前",
            words=f"{practice['words']}要不要先过一遍？想直接打也行，我听您的。",
            aim=f"接着上次练的带。依据：{day_words(practice['date'], as_of)}的备注",
            avoid="不当着别人纠正动作，不推加课",
        )


def _plays_without(features: dict[str, Any]) -> bool:
    """A guest of the tables who knows the assistant and has come without for some time."""
    shared = features["shared"]
    return bool(
        shared["services_total"]
        and shared["visits_since_last"] >= _WITHOUT
        and plays_at_a_table(features)
    )


def _offering_to_play(features: dict[str, Any]) -> str:
    if comes_in_a_group(features):
        return "缺个对手的时候叫我一声就行，几位自己打得尽兴更要紧。"
    if comes_alone(features):
        return "要不要我陪您打几局？想自己练我就不打扰。"
    if game(features) == "snooker":
        return "斯诺克想找人对一局可以叫我，想自己练我就不打扰。"
    if any(row["left_on"] is None for row in features["other_partners"]):
        return {
            "下午": "想换换打法可以叫我打几局，不合适随时停，不打也没事。",
            "傍晚": "热完身要是缺个对手叫我一声，想自己打就不打扰您。",
            "晚上": "中间想找人对两局的话我在，您喊一声就行，不打也没关系。",
        }.get(usual_hours(features), "打累了换个对手解解闷也行，叫我就来，不叫我就不打扰。")
    return "这会儿要不要我陪您打几局？想自己打我就不打扰。"


def _goodbye(features: dict[str, Any]) -> Iterator[TalkingPoint]:
    """Only where the guest gives a reason for it: everybody says 下次再来."""
    as_of, day, party = features["as_of"], features["next_usual_day"], features["party"]
    low = next((row for row in features["clues"] if _is_about_a_low_card(row)), None)
    if low:
        yield TalkingPoint(
            scene="离店结账时",
            words=(
                "卡想看一眼的话找前台就行，今天不看也没事。"
                if features["visits"]["few"]
                else "卡的情况前台能帮您看，想了解我请他们过来，不急。"
            ),
            aim=f"让客人自己决定要不要续。依据：{day_words(low['date'], as_of)}的线索「{low['summary']}」",
            avoid=f"不说余额、不催；赠送以门店公布为准，写{TO_FILL_IN}",
        )
    elif day:
        bills = features["habits"]["weekdays"][0]["bills"]
        yield TalkingPoint(
            scene="离店时",
            words=(
                f"下次还是{day['weekday']}{usual_hours(features)}的话，"
                f"说一声我给您留位置，来不了也没关系。"
            ),
            aim=f"把下一次约得轻一点。依据：近 180 天 {bills} 单在{day['weekday']}",
            avoid=f"{what_not_to_mention(features)}；不要对方当场答应",
        )
    elif usual_hours(features) and usual_place(features):
        hours, area = features["habits"]["hours"][0], features["habits"]["areas"][0]
        yield TalkingPoint(
            scene="离店时",
            words=(
                f"下次还是{hours['words']}来的话提前说一声，"
                f"{usual_place(features)}我先给您看着，不来也没事。"
            ),
            aim=(
                f"把下一次约得轻一点。依据：近 180 天 {hours['bills']} 单在{hours['name']}、"
                f"{area['bills']} 单在{area['name']}"
            ),
            avoid=f"{what_not_to_mention(features)}；不要对方当场答应",
        )
    elif comes_in_a_group(features):
        yield TalkingPoint(
            scene="离店时",
            words="下次人多的话提前跟我说一声，我给您留张宽敞的，临时不来也没事。",
            aim=(
                f"方便他们下次约局。依据：近 180 天写明人数的 {party['bills']} 单中"
                f" {party['of_three_or_more']} 单是三人以上"
            ),
            avoid="不问同来的是谁、什么关系，不加他们的微信",
        )
    elif comes_alone(features) and features["shared"]["services_total"]:
        yield TalkingPoint(
            scene="离店时",
            words="下次想找人对打提前说一声，我看看谁的水平合适，想自己练也行。",
            aim=(
                f"让一个人来也有得打。依据：近 180 天写明人数的 {party['bills']} 单中"
                f" {party['alone']} 单是一个人"
            ),
            avoid="不问为什么一个人来，不介绍别的会员",
        )
    elif features["visits"]["few"] and features["visits"]["last"]:
        count, last = features["visits"]["count_180d"], features["visits"]["last"]
        yield TalkingPoint(
            scene="离店时",
            words=_asking_for_a_time(features),
            aim=(
                f"问到方便的时间，写进备注。依据：近 180 天到店 {count} 次，"
                f"最近一次 {weekday_words(last, as_of)}，样本少"
            ),
            avoid="不追问私事，不要对方当场答应",
        )


def _asking_for_a_time(features: dict[str, Any]) -> str:
    if hours := usual_hours(features, fewest=1):
        return f"以后也多是{hours}过来吗？告诉我一声，我好提前留位置，不定也没事。"
    return "方便的话告诉我您一般什么时候来，我好提前留位置，不定也没事。"


def _is_about_a_low_card(clue: dict[str, Any]) -> bool:
    return "储值" in clue["summary"] and "结账" in clue["summary"]
