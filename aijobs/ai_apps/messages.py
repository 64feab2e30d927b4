"""The one message that an assistant may write to a member now: its reason, its words, its day."""

from __future__ import annotations

from typing import Any

from aijobs.ai_apps.finding import free_to_ask, has_declined, is_broken, is_settled, open_task
from aijobs.ai_apps.outputs import TalkingPoint
from aijobs.ai_apps.phrases import day_words, number_words, weekday_words
from aijobs.ai_apps.talking_facts import (
    TO_FILL_IN,
    game,
    play,
    usual_hours,
    usual_place,
    what_not_to_mention,
)

# Away for longer, and nobody writes as if it had been last week.
_GONE_DAYS = 60
# Nobody is asked before so much of their usual interval has passed.
_EARLIEST = 0.8
# After that, how the first visit was is no question any more.
_FRESH_DAYS = 30
# Tasks that a message does, and what it aims at.
_TASKS = {
    "召回": "轻轻问一句，不勉强",
    "维护": "听听意见，写进备注",
    "回访": "听听感受，写进备注",
    "充值提醒": "提一句，让客人自己决定",
}


def best_message(features: dict[str, Any]) -> TalkingPoint | None:
    """The first reason that holds, if anybody may write now: there is one message a week."""
    if not free_to_ask(features) or features["contact"]["is_number_wrong"]:
        return None
    if who_should_write_instead(features):
        return None
    reasons = (
        _birthday,
        _booking,
        _complaint,
        _promise,
        _task,
        _after_playing,
        _first_visit,
        _invitation,
    )
    return next((point for point in (reason(features) for reason in reasons) if point), None)


def who_should_write_instead(features: dict[str, Any]) -> dict[str, Any] | None:
    """The partner who is closer to the guest, unless there is a reason for this assistant to write.

    Such are: the guest is theirs, they have a task, the two have just played.
    """
    shared = features["shared"]
    has_task = any(task["state"] == "未完成" for task in features["tasks"])
    has_just_played = shared["last"] == features["visits"]["last"] and features["days_away"] in (
        0,
        1,
    )
    if features["is_assigned"] or has_task or has_just_played:
        return None
    closer = (
        row
        for row in features["other_partners"]
        if row["left_on"] is None and row["services"] > shared["services_180d"]
    )
    return next(closer, None)


def _message(
    features: dict[str, Any], *, on: str, words: str, aim: str, avoid: str
) -> TalkingPoint:
    contact = features["contact"]
    return TalkingPoint(
        scene=f"微信，{on}（{contact['quiet_hours']} 不发）",
        words=words,
        aim=aim,
        avoid=f"{avoid}；对方不回就不追，{contact['pause_days']} 天内谁都不再发",
    )


def _birthday(features: dict[str, Any]) -> TalkingPoint | None:
    day, as_of = features["birthday"], features["as_of"]
    if day is None:
        return None
    wish = "天天开心" if game(features) in ("mahjong", "ktv") else "天天好手感"
    me = "" if _is_known(features) else f"我是{features['assistant']}，"
    return _message(
        features,
        on=f"{weekday_words(day, as_of)}当天白天",
        words=f"{me}祝您生日快乐，{wish}！不用回，这天过得开心就好。",
        aim=f"只送祝福。依据：会员资料里的生日 {day_words(day, as_of)}",
        avoid=f"不约时间、不推卡；要送东西由店长定，写{TO_FILL_IN}",
    )


def _booking(features: dict[str, Any]) -> TalkingPoint | None:
    task, as_of = open_task(features["tasks"], "预约"), features["as_of"]
    if task is None:
        return None
    is_today = task["due"] == as_of
    when = "今天" if is_today else weekday_words(task["due"], as_of)
    return _message(
        features,
        on="今天白天" if is_today else "到店前一天白天",
        words=f"跟您确认一下，{when}的位置我给您留着，要改时间说一声就行，来不了也没事。",
        aim=(
            f"确认预约。依据：{day_words(task['assigned'], as_of)}派的预约任务，"
            f"{day_words(task['due'], as_of)}到期"
        ),
        avoid="不加别的话题，不催到店",
    )


def _complaint(features: dict[str, Any]) -> TalkingPoint | None:
    told, as_of = features["said"]["complaint"], features["as_of"]
    if told is None or told["visits_since"] or is_settled(told):
        return None
    return _message(
        features,
        on="先跟店长对好口径，白天发",
        words=(
            f"{told['topic'] or '上次您提'}的事我记着，谢谢您直说。"
            f"您下次来之前告诉我，我先去看一遍，不来也没事。"
        ),
        aim=f"让客人知道有人在管。依据：{day_words(told['date'], as_of)}的备注「{told['summary']}」",
        avoid=f"不辩解、不怪别人；补偿和优惠由店长定，写{TO_FILL_IN}",
    )


def _promise(features: dict[str, Any]) -> TalkingPoint | None:
    """A word kept is the best reason to write to who stays away."""
    if not features["said"]["promises"] or not is_broken(features):
        return None
    told, as_of = features["said"]["promises"][0], features["as_of"]
    topic = told["topic"] or "上次答应您"
    words = {
        "coach": f"上次说好{topic}，我一直记着。您哪天想打说一声，我陪您接着来，没空也没事。",
        "prepare": f"{topic}的事我记着。您哪天想来提前说一声，我先弄好，不来也没事。",
    }.get(told["keeping"], f"{topic}的事我没忘。您哪天过来我当面给您个准话，不急。")
    return _message(
        features,
        on="先把事办好，白天发",
        words=words,
        aim=f"兑现答应过的事。依据：{day_words(told['date'], as_of)}的备注「{told['summary']}」",
        avoid="没办好之前不发；不顺带约时间、不推别的",
    )


def _task(features: dict[str, Any]) -> TalkingPoint | None:
    """What somebody has been asked to do about the guest."""
    as_of, me = features["as_of"], _introduction(features)
    task = next(
        (row for row in features["tasks"] if row["state"] == "未完成" and row["kind"] in _TASKS),
        None,
    )
    if task is None or features["visits"]["last"] is None:
        return None
    by = features["deadlines"]["soon"]
    due = f"，{day_words(task['due'], as_of)}到期" if task["due"] else ""
    if task["due"] and not task["is_overdue"]:
        by = weekday_words(task["due"], as_of)
    words = {
        "召回": _offer(features) if not _is_gone(features) else _leaving_it_open(features),
        "维护": f"{me}最近来{play(features)}{_at_ease(features)}？店里哪里不方便直接跟我说，我来反映，不回也没关系。",
        "回访": f"{me}上次来玩得还习惯吗？哪里不顺手直接跟我说，我来改，不用急着回。",
        "充值提醒": f"{me}卡要是想续，来店时找我或前台都行，不续也完全没关系。",
    }[task["kind"]]
    why = f"：{task['reason']}" if task["reason"] else ""
    return _message(
        features,
        on=f"{by}前，白天",
        words=words,
        aim=(
            f"{_TASKS[task['kind']]}。依据：{day_words(task['assigned'], as_of)}派的{task['kind']}任务{due}{why}"
            f"{_noted_practice(features, words)}"
        ),
        avoid=what_not_to_mention(features),
    )


def _after_playing(features: dict[str, Any]) -> TalkingPoint | None:
    """They have just played together, today or yesterday."""
    as_of, last = features["as_of"], features["visits"]["last"]
    if last is None or features["shared"]["last"] != last or features["days_away"] > 1:
        return None
    practice = features["said"]["tastes"].get("practice")
    if practice:
        words = f"上次{practice['words']}打着有感觉吗？想接着练跟我说，我提前给您安排，不急。"
    else:
        words = {
            "mahjong": "机器和房间还顺手吗？哪里不合适直接跟我说，我去弄，不用客气。",
            "ktv": "房间和音响还满意吗？哪里不合适直接跟我说，我去调，不用客气。",
            "snooker": "斯诺克那张台还合手吗？哪里不对直接跟我说，我去看，不用客气。",
        }.get(game(features), "台子和杆还合手吗？哪里不舒服直接跟我说，我记下来，不用客气。")
    together = features["shared"]["services_180d"]
    return _message(
        features,
        on=f"{weekday_words(last, as_of)}打完或隔天白天",
        words=words,
        aim=(
            f"听一句真话，写进备注。依据：{weekday_words(last, as_of)}刚同场过，"
            f"近 180 天同场 {together} 次{_noted_practice(features, words)}"
        ),
        avoid="不马上约下一次，不推充值",
    )


def _first_visit(features: dict[str, Any]) -> TalkingPoint | None:
    as_of, last = features["as_of"], features["visits"]["last"]
    is_first = features["rhythm"] is None and features["visits"]["count_180d"] == 1
    if not is_first or features["days_away"] > _FRESH_DAYS:
        return None
    area = features["habits"]["areas"][0]["name"] if features["habits"]["areas"] else "店里"
    return _message(
        features,
        on=f"{features['deadlines']['soon']}前，白天",
        words=(
            f"我是{features['assistant']}，上次在{area}还习惯吗？"
            f"哪里不顺手您直说，我来改，不用急着回。"
        ),
        aim=f"听第一次来的感受。依据：{weekday_words(last, as_of)}到店 1 次，样本少",
        avoid="不约时间、不推办卡充值",
    )


def _invitation(features: dict[str, Any]) -> TalkingPoint | None:
    """Where something asks for it: a broken rhythm, or a usual day to keep a place for."""
    day = features["next_usual_day"]
    if features["visits"]["last"] is None or not (is_broken(features) or day):
        return None
    if features["said"]["absence"] or has_declined(features) or _is_too_early(features):
        return None
    is_gone = _is_gone(features)
    on = f"{features['deadlines']['soon']}前，白天"
    aim = "问一句近况" if is_gone else "约下一次到店"
    if day and not is_gone:
        on = f"{day['ask_on']}白天"
        aim = f"问 {day['date']}来不来"
    words = _leaving_it_open(features) if is_gone else _offer(features)
    return _message(
        features,
        on=on,
        words=words,
        aim=f"{aim}。依据：{_why(features)}{_noted_practice(features, words)}",
        avoid=what_not_to_mention(features),
    )


def _is_too_early(features: dict[str, Any]) -> bool:
    """Whether the day to ask comes long before their rhythm brings them by itself."""
    rhythm, day = features["rhythm"], features["next_usual_day"]
    if rhythm is None or is_broken(features):
        return False
    away = rhythm["days_away"] + day["in_days"] - 1
    return bool(away < _EARLIEST * rhythm["median_interval_days"])


def _noted_practice(features: dict[str, Any], words: str) -> str:
    """The note that words about what they practise rest on."""
    practice = features["said"]["tastes"].get("practice")
    if practice is None or practice["words"] not in words:
        return ""
    return f"、{day_words(practice['date'], features['as_of'])}的备注"


def _at_ease(features: dict[str, Any]) -> str:
    """Whoever plays for luck is not asked how it goes."""
    return {"mahjong": "坐得还舒服吗", "ktv": "玩得还舒服吗"}.get(game(features), "还顺手吗")


def _leaving_it_open(features: dict[str, Any]) -> str:
    """To who has not come for long: no offer, no reproach."""
    place, me = usual_place(features), _introduction(features)
    offer = f"{place}我帮您看着" if place else "我帮您留位置"
    return f"{me}想来{play(features)}的时候跟我说一声就行，{offer}，没空就先忙您的。"


def _is_gone(features: dict[str, Any]) -> bool:
    return bool(features["days_away"] > _GONE_DAYS)


def _offer(features: dict[str, Any]) -> str:
    day, place, hours = (
        features["next_usual_day"],
        usual_place(features),
        usual_hours(features),
    )
    me, practice = _introduction(features), features["said"]["tastes"].get("practice")
    if day is None:
        kept = f"{place}我先给您看着" if place else "我先给您留位置"
        if practice and not me:
            return f"{practice['words']}还想接着练吗？想来说一声，{kept}，不方便也没事。"
        return f"{me}最近想来{play(features)}的话说一声，{hours}{kept}，不急着回。"
    at = f"{day['weekday']}{hours}"
    if practice and not me:
        return f"{practice['words']}还想接着练吗？{at}我陪您过一遍，不方便也没事。"
    if place and is_broken(features):
        return f"{me}{at}{place}我给您留着？想来说一声就行，不方便也没事。"
    if place:
        return f"{me}{at}照旧给您留{place}吗？不来的话回我一个字就行。"
    return f"{me}{at}想来{play(features)}吗？想来我提前给您留位置，不方便也没事。"


def _introduction(features: dict[str, Any]) -> str:
    return "" if _is_known(features) else f"我是{features['assistant']}，"


def _is_known(features: dict[str, Any]) -> bool:
    """Whether the guest would know who writes."""
    return bool(features["shared"]["services_total"] >= 2)


def _why(features: dict[str, Any]) -> str:
    rhythm, as_of = features["rhythm"], features["as_of"]
    last = weekday_words(features["visits"]["last"], as_of)
    if rhythm is None:
        return f"最近一次到店 {last}"
    return (
        f"平时约 {number_words(rhythm['median_interval_days'])} 天来一次，"
        f"最近一次 {last}，隔了 {rhythm['days_away']} 天"
    )
