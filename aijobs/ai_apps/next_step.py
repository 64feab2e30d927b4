"""What a manager should have done next about a member: one deed, by whom, by when."""

from __future__ import annotations

from typing import Any

from aijobs.ai_apps.finding import (
    free_to_ask,
    has_declined,
    is_asked_already,
    is_broken,
    is_late,
    is_seldom_here,
    is_settled,
    open_task,
    present_partner,
    trend_days,
    why_not_words,
)
from aijobs.ai_apps.member_findings import find_all
from aijobs.ai_apps.phrases import day_words, weekday_words


def next_step(features: dict[str, Any]) -> str:
    """The first that holds: no contact, a booking, a pause, an open matter, a reason to ask.

    Nothing that a guest must not be told or offered.
    """
    steps = (
        _no_contact,
        _first_visit,
        _wrong_number,
        _booking,
        _pause,
        _complaint,
        _promise,
        _birthday,
        _gone,
        _declined,
        _absence,
        _ask,
        _wait,
        _second_visit,
        _fewer_visits,
        _greet,
    )
    return next(
        (words for words in (step(features) for step in steps) if words), _carry_on(features)
    )


def _no_contact(features: dict[str, Any]) -> str:
    contact = features["contact"]
    if contact["may_contact"]:
        return ""
    return f"不主动联系（{why_not_words(features)}）；下次到店由{_host(features)}接待，{_at_the_table(features)}。"


def _first_visit(features: dict[str, Any]) -> str:
    if features["visits"]["last"] is not None:
        return ""
    return "等第一次到店；那天由店长接待，问清喜欢的玩法和方便的时间，当天写进备注。"


def _wrong_number(features: dict[str, Any]) -> str:
    if not features["contact"]["is_number_wrong"]:
        return ""
    return f"不再拨打；下次到店由前台核对号码，{_host(features)}接待，{_at_the_table(features)}。"


def _booking(features: dict[str, Any]) -> str:
    task = open_task(features["open_tasks"], "预约")
    if task is None:
        return ""
    due, as_of = task["due"], features["as_of"]
    when = "今天营业前" if due == as_of else f"{weekday_words(due, as_of)}营业前"
    return f"请{task['assistant']}在{when}把预约的位置留好；到店后{_at_the_table(features)}。"


def _pause(features: dict[str, Any]) -> str:
    contact, as_of = features["contact"], features["as_of"]
    if free_to_ask(features):
        return ""
    came = contact["last_outcome"]
    outcome = "" if came == "已联系" else f"（结果：{came}）"
    return (
        f"{day_words(contact['last_contact'], as_of)}{contact['last_by'] or '店里'}联系过{outcome}，"
        f"{weekday_words(contact['paused_until'], as_of)}前谁都不再打扰；"
        f"这期间到店就由{_host(features)}接待，{_at_the_table(features)}。"
    )


def _complaint(features: dict[str, Any]) -> str:
    told = features["said"]["complaint"]
    if told is None or told["visits_since"] or is_settled(told):
        return ""
    topic = f"{told['topic'] or '上次提'}的事"
    if features["metrics"]["last_visit_days"] == 0:
        return (
            f"请店长今天打烊前弄清{topic}，在{_soon(features)}前定好怎么改；"
            f"下次到店先由店长当面说一句结果。"
        )
    return (
        f"请店长在{_soon(features)}前亲自打一个电话，只说{topic}怎么处理的，"
        f"不推销、不约时间；对方不想聊就到此为止。"
    )


def _promise(features: dict[str, Any]) -> str:
    promises = features["said"]["promises"]
    if not promises:
        return ""
    told, as_of = promises[0], features["as_of"]
    topic = f"{told['topic']}的事" if told["topic"] else f"{day_words(told['date'], as_of)}答应的事"
    if is_broken(features):
        return (
            f"请{_caller(features)}先把{topic}办妥，在{_soon(features)}前发一条微信告诉一声，"
            f"只说这一件，来不来由客人。"
        )
    if told["keeping"] == "coach":
        return f"不用专门联系；下次同场请{_caller(features)}先兑现{topic}，之前答应的是{day_words(told['date'], as_of)}。"
    if told["keeping"] == "prepare":
        return (
            f"不用专门联系；请{_host(features)}把{topic}写在交班本上（{day_words(told['date'], as_of)}答应的），"
            f"下次到店照着安排。"
        )
    return (
        f"不用专门联系；请{_host(features)}在{_week(features)}前把{topic}问清楚，"
        f"下次到店第一句就给准话。"
    )


def _birthday(features: dict[str, Any]) -> str:
    if features["birthday"] is None:
        return ""
    task, as_of = open_task(features["open_tasks"], "生日"), features["as_of"]
    who = task["assistant"] if task else _caller(features)
    when = "今天" if features["birthday"] == as_of else day_words(features["birthday"], as_of)
    return f"请{who}在{when}白天发一句生日祝福，只祝福，不推销、不约时间。"


def _gone(features: dict[str, Any]) -> str:
    if features["stage"] != "流失":
        return ""
    contact, as_of, last = features["contact"], features["as_of"], features["visits"]["last"]
    since = f"{day_words(last, as_of)}以后没再来"
    if contact["last_contact"] and contact["last_contact"] > last:
        asked = f"{day_words(contact['last_contact'], as_of)}联系过（{contact['last_outcome']}）"
        return (
            f"{since}，{asked}也没回来：不再主动联系；哪天来了由{_host(features)}接待，"
            f"{_at_the_table(features)}。"
        )
    if float(features["card"]["balance"]) > 0:
        return (
            f"{since}，卡里还有储值：请店长在{_week(features)}前定下要不要由{_caller(features)}问一次"
            f"（由头〔请店长填写〕），没有回应就记一笔，不再联系。"
        )
    return f"{since}，也没有储值：不专门联系；哪天来了由{_host(features)}接待，{_at_the_table(features)}。"


def _declined(features: dict[str, Any]) -> str:
    if not has_declined(features):
        return ""
    asked = day_words(features["contact"]["last_contact"], features["as_of"])
    return (
        f"{asked}联系时婉拒了，先不再约；哪天来了由{_host(features)}接待，"
        f"{_at_the_table(features)}{_also(features)}，不问为什么没来。"
    )


def _absence(features: dict[str, Any]) -> str:
    told = features["said"]["absence"]
    if told is None or not is_broken(features):
        return ""
    return (
        f"客人 {day_words(told['date'], features['as_of'])}说过「{told['words']}」，先不约；"
        f"{_week(features)}还没来，再请{_caller(features)}白天微信问候一句，不提哪天来。"
    )


def _ask(features: dict[str, Any]) -> str:
    if not is_broken(features):
        return ""
    day, area = features["next_usual_day"], _usual_area(features)
    before, who = _asked_before(features), _caller(features)
    if day:
        when = "今天" if day["ask_on"] == "今天" else f"在{day['ask_on']}"
        return (
            f"{before}请{who}{when}白天微信问一句：{day['weekday']}{_usual_hours(features)}要不要留"
            f"{area or '老位置'}；只问一次，不方便就不再追。"
        )
    offer = f"，来的话先把{area}留着" if area else ""
    return f"{before}请{who}在{_soon(features)}前白天微信问一句最近哪天方便{offer}；只问一次，不回就不再追。"


def _asked_before(features: dict[str, Any]) -> str:
    """That somebody has turned to them since they were last here."""
    contact, as_of = features["contact"], features["as_of"]
    if not is_asked_already(features):
        return ""
    return f"{day_words(contact['last_contact'], as_of)}问过一次还没来，换个由头；"


def _wait(features: dict[str, Any]) -> str:
    """Late, but within what the rhythm forgives: a day to look again."""
    rhythm = features["rhythm"]
    if not is_late(features) or is_broken(features):
        return ""
    return (
        f"先不打扰，等到{rhythm['broken_on']}；还没来就请{_caller(features)}"
        f"白天微信问一句最近哪天方便，只问一次。这期间到店，{_at_the_table(features)}。"
    )


def _second_visit(features: dict[str, Any]) -> str:
    away, stage = features["metrics"]["last_visit_days"], features["stage"]
    if stage != "新客" or features["visits"]["count_180d"] > 1 or away < 3:
        return ""
    first = day_words(features["visits"]["last"], features["as_of"])
    return (
        f"请{_caller(features)}在{_soon(features)}前微信问一句{first}在"
        f"{features['areas'][0]['name']}还习惯吗，听到的当天写进备注；不约时间、不推办卡充值。"
    )


def _fewer_visits(features: dict[str, Any]) -> str:
    visits, days = features["visits"], trend_days(features)
    if (
        features["stage"] == "回流"
        or features["rhythm"] is None
        or visits[f"previous_{days}d"] - visits[f"last_{days}d"] < 2
    ):
        return ""
    return (
        f"不用专门联系；下次到店由{_host(features)}陪着坐下聊一句最近哪里不顺手，"
        f"当天写进备注，{_at_the_table(features)}。"
    )


def _greet(features: dict[str, Any]) -> str:
    """Seldom here and away for a while: one greeting, if there has been none."""
    if not is_seldom_here(features) or is_asked_already(features):
        return ""
    return (
        f"请{_caller(features)}在{_soon(features)}前白天微信问候一句，不约时间；不回就不再追。"
        f"哪天来了，{_at_the_table(features)}。"
    )


def _carry_on(features: dict[str, Any]) -> str:
    rhythm = features["rhythm"]
    ask = "" if rhythm else "，走前问一句方便的时间，写进备注"
    when = "下次到店"
    if rhythm and rhythm["expected_in_days"] >= 0:
        when = f"{features['next_visit']}前后来时"
    elif rhythm:
        when = "这几天来时"
    return (
        f"不用专门联系；{when}由{_host(features)}接待，"
        f"{_at_the_table(features)}{_also(features)}{ask}。"
    )


def _also(features: dict[str, Any]) -> str:
    """What else is worth a word at this visit, of all that stands out."""
    return next((f"，{row.at_visit}" for row in find_all(features) if row.at_visit), "")


# --- Who, when, with what -------------------------------------------------------------------------


def _caller(features: dict[str, Any]) -> str:
    """Who reaches out: who knows the member best and is still there."""
    return present_partner(features) or features["assigned_to"] or "店长"


def _host(features: dict[str, Any]) -> str:
    """The same when they come; without anybody of their own, whoever is there."""
    return present_partner(features) or features["assigned_to"] or "当班助教"


def _usual_area(features: dict[str, Any]) -> str:
    areas = features["areas"]
    return areas[0]["name"] if areas and areas[0]["bills"] >= 2 and areas[0]["share"] >= 0.4 else ""


def _at_the_table(features: dict[str, Any]) -> str:
    """What to do when they sit down: the most personal thing that is known."""
    said = features["said"]
    if said["complaint"] and not is_settled(said["complaint"]):
        return f"先说一句{said['complaint']['topic'] or '上次提'}的事现在怎样"
    if said["promises"]:
        return f"先兑现答应过的{said['promises'][0]['topic'] or '事'}"
    tastes = said["tastes"]
    wanted = [tastes[what]["words"] for what in ("table", "cue", "drink") if what in tastes]
    if wanted:
        return f"提前备好{'、'.join(wanted[:2])}"
    if "practice" in tastes:
        return f"接着聊{tastes['practice']['words']}"
    if area := _usual_area(features):
        return f"优先安排{area}"
    return "问清喜欢的位置和玩法"


def _usual_hours(features: dict[str, Any]) -> str:
    """Nobody asks a guest about the night."""
    hours = features["hours"]
    usual = hours and hours[0]["share"] >= 0.4 and hours[0]["words"] != "夜里"
    return str(hours[0]["words"]) if usual else ""


def _soon(features: dict[str, Any]) -> str:
    return str(features["deadlines"]["soon"])


def _week(features: dict[str, Any]) -> str:
    return str(features["deadlines"]["week"])
