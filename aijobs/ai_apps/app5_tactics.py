"""app5_tactics: what an assistant could say to a member, when, and what not to say with it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from aijobs.ai_apps.app4_analysis import usual_time
from aijobs.ai_apps.app7_customer import CONTACT_PAUSE_DAYS
from aijobs.ai_apps.base import AIApp, Features, InChain
from aijobs.ai_apps.member_features import WEEKDAYS
from aijobs.ai_apps.outputs import Tactics, TalkingPoint
from aijobs.ai_apps.pair_features import describe_pair
from aijobs.cache import find_entry
from aijobs.clues import told_clues
from aijobs.targets import PAIR, Target
from sandbox.context import RuntimeContext

ANALYSIS = "app4_analysis"
MOST_CHARACTERS = 60
QUIET_HOURS = "22:00-10:00"
# Of what the pair's own history says, what words rest on.
_OF_THE_PAIR = ("member", "assistant", "as_of", "rhythm", "visits")
_TO_FILL_IN = "〔请店长填写〕"
_NEVER = "余额、到店次数、天数、同行的人"


def build_features(ctx: RuntimeContext, target: Target, in_chain: InChain) -> Features:
    """The analysis of this job, else the latest one; the clues in force; when contact is allowed.

    An app4 that failed in this job gives no analysis.
    """
    pair = describe_pair(ctx, target)
    rows = dict(pair.rows)
    if ANALYSIS in in_chain:
        analysis, generated_at = in_chain[ANALYSIS], None
    else:
        entry = find_entry(cache_type=ANALYSIS, target_id=PAIR.write(target), ctx=ctx)
        analysis = entry.result if entry else None
        generated_at = entry.created_at.isoformat() if entry else None
        rows["ai_cache"] = [entry.pk] if entry else []
    clues, clue_ids = told_clues(member_id=target.member, ctx=ctx)
    values = {
        **{name: pair.values[name] for name in _OF_THE_PAIR},
        "last_together": pair.values["shared"]["last"],
        "habits": {name: pair.values["together"][name] for name in ("weekdays", "hours", "areas")},
        "analysis": analysis,
        "analysis_generated_at": generated_at,
        "clues": clues,
        "contact": _describe_contact(ctx, pair.values["consent"]),
    }
    return Features(
        values=values,
        metrics=pair.metrics,
        rows={**rows, "retention_clues": clue_ids},
        dates=pair.dates,
    )


def _describe_contact(ctx: RuntimeContext, consent: dict[str, Any]) -> dict[str, Any]:
    """Whether somebody may reach out now, and if not yet, from when on."""
    last = consent["last_contact"]
    free_from = date.fromisoformat(last) + timedelta(days=CONTACT_PAUSE_DAYS) if last else None
    is_paused = free_from is not None and ctx.business_date < free_from
    return {
        "may_contact": consent["may_contact"],
        "last_contact": last,
        "paused_until": free_from.isoformat() if free_from and is_paused else None,
        "pause_days": CONTACT_PAUSE_DAYS,
        "quiet_hours": QUIET_HOURS,
        "most_characters": MOST_CHARACTERS,
    }


def rules(features: dict[str, Any]) -> Tactics:
    """First what may be written to the guest, if anything; then what to say in the store."""
    contact = features["contact"]
    points = []
    if contact["may_contact"] and contact["paused_until"] is None:
        points.append(_invitation(features))
    points += [_welcome(features), *_about_feedback(features), *_about_card(features)]
    return Tactics(talking_points=points[:4])


def _invitation(features: dict[str, Any]) -> TalkingPoint:
    day, place = _usual_day(features), _usual_place(features)
    if day:
        words = f"{day}还是{place or '老位置'}给您留着？不方便也没事，您说一声就好。"
    else:
        words = "您最近哪天方便？想来的话我提前给您留个位置，不急着回我。"
    return TalkingPoint(
        scene=f"微信问候（避开 {features['contact']['quiet_hours']}）",
        words=words,
        aim=f"约下一次到店。依据：{_why(features)}",
        avoid=f"不提{_NEVER}；对方不回就不再追问，{features['contact']['pause_days']} 天内不再联系。",
    )


def _welcome(features: dict[str, Any]) -> TalkingPoint:
    place = _usual_place(features)
    words = (
        f"还是给您安排{place}可以吗？想换地方随时跟我说。"
        if place
        else "今天想安静一点还是热闹一点？我按您的意思安排位置。"
    )
    contact, reasons = features["contact"], []
    if not contact["may_contact"]:
        reasons.append("不主动联系这位客人，只在店里接待")
    elif contact["paused_until"]:
        reasons.append(
            f"{contact['last_contact']} 联系过，{contact['paused_until']} 前只在店里接待"
        )
    reasons.append(_why_here(features))
    return TalkingPoint(
        scene="到店接待",
        words=words,
        aim=f"按习惯安排好位置。依据：{'；'.join(reasons)}",
        avoid=f"不提{_NEVER}；不替客人做决定。",
    )


def _about_feedback(features: dict[str, Any]) -> list[TalkingPoint]:
    clue = next((row for row in features["clues"] if _is_open_matter(row)), None)
    if clue is None:
        return []
    return [
        TalkingPoint(
            scene="到店后坐下时",
            words="上次您提到的事我记着，今天先帮您看一下，还有哪里不合适请直接告诉我。",
            aim=f"把没了结的事说清楚。依据：{clue['date']} 的线索「{clue['summary']}」",
            avoid=f"不辩解、不推给别人；补偿和优惠由店长定，写{_TO_FILL_IN}。",
        )
    ]


def _is_open_matter(clue: dict[str, Any]) -> bool:
    """Feedback of the guest, not that they have been away."""
    return clue["category"] == "重要反馈" and "节奏" not in clue["summary"]


def _about_card(features: dict[str, Any]) -> list[TalkingPoint]:
    clue = next((row for row in features["clues"] if "储值快用完" in row["summary"]), None)
    if clue is None:
        return []
    return [
        TalkingPoint(
            scene="离店结账时",
            words="卡的情况前台可以帮您看，需要了解的话我请他们过来，不急。",
            aim=f"让客人自己决定要不要了解充值。依据：{clue['date']} 的线索「{clue['summary']}」",
            avoid=f"不说余额，不催；充值赠送以门店公布为准，写{_TO_FILL_IN}。",
        )
    ]


def _usual_day(features: dict[str, Any]) -> str:
    """The next such day after today: 「5月7日周四晚上」; empty without a habit."""
    habits = features["habits"]
    when = usual_time({**habits, "hours": [], "areas": []})
    if when is None or when["words"] not in WEEKDAYS:
        return ""
    today = date.fromisoformat(features["as_of"])
    ahead = (WEEKDAYS.index(when["words"]) - today.weekday() - 1) % 7 + 1
    day = today + timedelta(days=ahead)
    return f"{day.month}月{day.day}日{when['words']}"


def _usual_place(features: dict[str, Any]) -> str:
    place = usual_time({**features["habits"], "weekdays": [], "hours": []})
    return place["words"] if place else ""


def _why(features: dict[str, Any]) -> str:
    rhythm = features["rhythm"]
    if rhythm is None:
        last = features["visits"]["last"]
        return f"最近一次到店 {last}" if last else f"截至 {features['as_of']} 近半年没有到店"
    return (
        f"平时约 {rhythm['median_interval_days']:g} 天来一次，现在隔了 {rhythm['days_away']} 天，"
        f"最近一次到店 {features['visits']['last']}"
    )


def _why_here(features: dict[str, Any]) -> str:
    if when := usual_time(features["habits"]):
        return f"同场常见 {when['evidence']}"
    last = features["last_together"]
    return f"上次同场 {last}" if last else f"截至 {features['as_of']} 还没有同场记录"


APP = AIApp(
    key="app5_tactics",
    title=_("Talking points"),
    cache_type="app5_tactics",
    form=PAIR,
    needs=("member_id", "assistant_id"),
    build_features=build_features,
    output=Tactics,
    rules=rules,
    max_output_tokens=1500,
)
