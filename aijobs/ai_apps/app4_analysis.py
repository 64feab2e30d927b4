"""app4_analysis: how an assistant and a member stand, what endangers it, what would help."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.utils.translation import gettext_lazy as _

from aijobs.ai_apps.base import AIApp, Features, InChain
from aijobs.ai_apps.finding import (
    PARTNER_SERVICES,
    is_broken,
    last_visit_words,
    why_not_words,
)
from aijobs.ai_apps.outputs import PairAnalysis
from aijobs.ai_apps.pair_features import TREND_DAYS, describe_pair
from aijobs.ai_apps.pair_stage import LOST_DAYS, MOVED, stage_of, strength_of
from aijobs.ai_apps.phrases import day_words, number_words, weekday_words
from aijobs.ai_apps.talking_facts import plays_at_a_table
from aijobs.targets import PAIR, Target
from sandbox.context import RuntimeContext

# A guest who came so often since without the assistant has found other company.
_WITHOUT = 3
# Away for longer, and nobody is expected on their usual day.
_AWAY_DAYS = 60
# An own customer from this share of visits on; a habit from this share of bills, and this many, on.
_OWN_SHARE, _HABIT_SHARE, _HABIT_BILLS = 50.0, 0.4, 3
_MOST = 4


def build_features(ctx: RuntimeContext, target: Target, in_chain: InChain) -> Features:
    return describe_pair(ctx, target)


def rules(features: dict[str, Any]) -> PairAnalysis:
    return PairAnalysis(
        stage=stage_of(features),
        strength=strength_of(features),
        summary=_summary(features),
        risks=[*islice(_risks(features), _MOST)],
        opportunities=[*islice(_opportunities(features), _MOST)],
    )


def _summary(features: dict[str, Any]) -> str:
    shared, together, as_of = features["shared"], features["together"], features["as_of"]
    relationship, visits = features["relationship"], features["visits"]["count_180d"]
    others = [row for row in features["other_partners"] if row["left_on"] is None][:1]
    if not shared["services_total"]:
        own = "已经分派给这位助教，" if features["is_assigned"] else ""
        usual = (
            f"，平时多由{others[0]['assistant']}陪打（{others[0]['services']} 次）"
            if others
            else ""
        )
        last = features["visits"]["last"]
        seen = (
            f"，最近一次 {last_visit_words(last, features['last_bill'], as_of)}"
            if last
            else f"，{day_words(features['known_since'], as_of)}建档后还没来过"
        )
        return (
            f"截至 {day_words(as_of, as_of)}，{own}两人还没有同场过；"
            f"会员近 180 天到店 {visits} 次{usual}{seen}。"
        )
    change = float(relationship["change"])
    before = f"{TREND_DAYS} 天前是 {relationship['before']}"
    is_gone = change and not float(relationship["index"])
    way = (
        "已经归零"
        if is_gone
        else "明显往下走"
        if change <= -MOVED
        else "在往上走"
        if change >= MOVED
        else "变化不大"
    )
    sentences = [
        f"累计陪打 {shared['services_total']} 次、{shared['hours_total']} 小时，"
        f"最近一次 {weekday_words(shared['last'], as_of)}；",
        f"客情指数 {relationship['index']}，{before}，{way}。"
        if change
        else f"客情指数 {relationship['index']}，和 {TREND_DAYS} 天前一样。",
    ]
    if together["visits"]:
        more = _most_of_others(features)
        sentences.append(
            f"会员近 180 天到店 {visits} 次，其中 {together['visits']} 次由其陪打{more}。"
        )
    if shared["few"]:
        sentences.append(f"样本少（近 180 天同场 {shared['services_180d']} 次），仅供参考。")
    return "".join(sentences)


def _most_of_others(features: dict[str, Any]) -> str:
    for row in features["other_partners"][:1]:
        gone = "（已离店）" if row["left_on"] else ""
        return f"；别的助教里{row['assistant']}{gone}最多，{row['services']} 次"
    return ""


# --- Risks, the gravest first ---------------------------------------------------------------------


def _risks(features: dict[str, Any]) -> Iterator[str]:
    shared, relationship, as_of = features["shared"], features["relationship"], features["as_of"]
    if left := features["assistant_left_on"]:
        yield f"这位助教 {day_words(left, as_of)}已离店，客人要有人接手"
    yield from _about_contact(features)
    yield from _about_complaint(features)
    if features["visits"]["last"] and not features["visits"]["count_180d"]:
        yield (
            f"会员 {weekday_words(features['visits']['last'], as_of)}之后没再到店，"
            f"已隔 {features['days_away']} 天"
        )
    elif is_broken(features):
        rhythm = features["rhythm"]
        yield (
            f"平时约 {number_words(rhythm['median_interval_days'])} 天来一次，"
            f"最近一次到店 {weekday_words(rhythm['last'], as_of)}，已隔 {rhythm['days_away']} 天"
        )
    yield from _about_others(features)
    if float(relationship["change"]) <= -MOVED:
        counts = (
            f"，近 30 天同场 {shared['last_30d']} 次，之前 30 天 {shared['previous_30d']} 次"
            if shared["last_30d"] < shared["previous_30d"]
            else ""
        )
        yield (
            f"客情指数由 {day_words(relationship['before_date'], as_of)}的 {relationship['before']} "
            f"降到 {relationship['index']}{counts}"
        )
    for task in features["tasks"]:
        if task["is_overdue"]:
            yield f"{task['kind']}任务 {day_words(task['due'], as_of)}到期，到今天还没完成"


def _about_others(features: dict[str, Any]) -> Iterator[str]:
    """They come, but not to this assistant."""
    shared, as_of = features["shared"], features["as_of"]
    if not shared["services_total"]:
        return
    if shared["visits_since_last"] < _WITHOUT:
        if shared["days_since"] > LOST_DAYS:
            yield (
                f"上次同场 {weekday_words(shared['last'], as_of)}，隔了 {shared['days_since']} 天，"
                f"期间会员到店 {shared['visits_since_last']} 次"
            )
        return
    last, since = day_words(shared["last"], as_of), shared["visits_since_last"]
    other = next((row for row in features["other_partners"] if row["last"] > shared["last"]), None)
    if other:
        instead = f"，{day_words(other['last'], as_of)}是{other['assistant']}陪打的"
    elif shared["served_since_last"]:
        instead = f"，其中 {shared['served_since_last']} 次有别人陪打"
    elif shared["days_since"] > features["window_days"]:
        recently = f"，近 {features['window_days']} 天没点过陪打"
        instead = recently if features["visits"]["count_180d"] else ""
    else:
        instead = "，都没点陪打"
    yield f"{last}同场之后，会员又来了 {since} 次{instead}"


def _about_contact(features: dict[str, Any]) -> Iterator[str]:
    contact, as_of = features["contact"], features["as_of"]
    if not contact["may_contact"]:
        yield f"{why_not_words(features)}（{day_words(as_of, as_of)}查看），只在店里接待，不主动联系"
    elif contact["last_outcome"] == "婉拒" and not _came_since(features):
        yield f"{day_words(contact['last_contact'], as_of)}联系时婉拒了，之后没到店，不宜再约"
    elif contact["is_number_wrong"]:
        yield f"{day_words(as_of, as_of)}查看，留的号码联系不上本人，只能等到店时核对"


def _came_since(features: dict[str, Any]) -> bool:
    last = features["visits"]["last"]
    return last is not None and last >= features["contact"]["last_contact"]


def _about_complaint(features: dict[str, Any]) -> Iterator[str]:
    told, as_of = features["said"]["complaint"], features["as_of"]
    if told is None:
        return
    task = told["follow_up"]
    since = f"之后又到店 {told['visits_since']} 次" if told["visits_since"] else "之后还没来过"
    answer = f"，回访任务{task['state']}" if task else "，还没有回访任务"
    yield f"{day_words(told['date'], as_of)}备注写着{told['summary']}；{since}{answer}"


# --- Chances, the nearest first -------------------------------------------------------------------


def _opportunities(features: dict[str, Any]) -> Iterator[str]:
    if features["assistant_left_on"]:
        yield from _for_the_next_one(features)
        return
    yield from _about_tasks(features)
    yield from _about_promises(features)
    yield from _about_partners(features)
    yield from _about_habits(features)
    yield from _about_growth(features)


def _for_the_next_one(features: dict[str, Any]) -> Iterator[str]:
    as_of = features["as_of"]
    present = [row for row in features["other_partners"] if row["left_on"] is None]
    for row in present:
        yield (
            f"{row['assistant']}近 180 天也陪打过 {row['services']} 次，"
            f"最近 {day_words(row['last'], as_of)}，{'由其接手最顺' if row is present[0] else '也可以接'}"
        )


def _about_tasks(features: dict[str, Any]) -> Iterator[str]:
    as_of = features["as_of"]
    for task in features["tasks"]:
        if task["state"] == "未完成" and task["due"] and not task["is_overdue"]:
            why = f"：{task['reason']}" if task["reason"] else ""
            yield f"手上有{task['kind']}任务，{day_words(task['due'], as_of)}到期{why}"
        elif task["outcome"] == "已约" and task["assigned"] >= (features["visits"]["last"] or ""):
            yield f"{day_words(task['assigned'], as_of)}派的{task['kind']}任务约到了人，到店那天亲自接待"
    if features["birthday"]:
        how = (
            "发一句祝福就够，不带推销" if _may_wish(features) else "到店时当面祝福一句，不另外联系"
        )
        yield f"{day_words(features['birthday'], as_of)}生日，{how}"


def _may_wish(features: dict[str, Any]) -> bool:
    """Whether somebody may write on the birthday itself."""
    paused = features["contact"]["paused_until"]
    return bool(
        features["contact"]["may_contact"] and (paused is None or paused <= features["birthday"])
    )


def _about_promises(features: dict[str, Any]) -> Iterator[str]:
    for told in features["said"]["promises"][:1]:
        yield (
            f"{day_words(told['date'], features['as_of'])}备注写着{told['summary']}；"
            f"之后到店 {told['visits_since']} 次，办好了就是下次开口的由头"
        )


def _about_partners(features: dict[str, Any]) -> Iterator[str]:
    as_of, shared = features["as_of"], features["shared"]
    gone = next((row for row in features["other_partners"] if row["left_on"]), None)
    if gone and gone["services"] > max(shared["services_180d"], PARTNER_SERVICES - 1):
        yield (
            f"会员常搭的{gone['assistant']}（{gone['services']} 次）"
            f"{day_words(gone['left_on'], as_of)}离店，正缺人接上"
        )
    away = features["days_away"]
    if not shared["services_total"] and away is not None and away <= LOST_DAYS:
        yield f"会员最近 {weekday_words(features['visits']['last'], as_of)}到店，下次来可以先认个脸熟"
    share = features["together"]["share_of_visits"]
    visits, together = features["visits"]["count_180d"], features["together"]["visits"]
    if share and visits > _WITHOUT and together and float(share.rstrip("%")) < _OWN_SHARE:
        yield from _about_visits_without(features)


def _about_visits_without(features: dict[str, Any]) -> Iterator[str]:
    """The visits on which nobody played along, if there are any."""
    rest, others = features["together"]["other_visits"], features["together"]["without"]
    served = others["with_others"]
    if not served:
        yield f"另外 {rest} 次到店都没点陪打，想自己玩就不打扰，先问一句{_company(features)}"
    elif served < rest:
        by_whom = f"有别人陪打（{others['most_by']} {others['most']} 次最多）"
        if served == others["most"]:
            by_whom = f"由{others['most_by']}陪打"
        yield f"另外 {rest} 次到店，{served} 次{by_whom}，其余没点陪打，可以先问一句{_company(features)}"


def _about_habits(features: dict[str, Any]) -> Iterator[str]:
    day, as_of = features["next_usual_day"], features["as_of"]
    when = usual_time(features["habits"])
    if when and _stays_away(features):
        yield f"会员以前多在{when['words']}来（{when['evidence']}），来了优先照这个安排"
    elif when:
        nearest = f"，最近的是 {day['date']}" if day else ""
        yield f"会员多在{when['words']}来{nearest}，可以提前留位（{when['evidence']}）"
    if practice := features["said"]["tastes"].get("practice"):
        yield f"在练{practice['words']}（{day_words(practice['date'], as_of)}的备注），下次同场可以接着带"


def _stays_away(features: dict[str, Any]) -> bool:
    """Nobody keeps a place for who comes no more."""
    return is_broken(features) or features["days_away"] > _AWAY_DAYS


def _about_growth(features: dict[str, Any]) -> Iterator[str]:
    shared = features["shared"]
    if 0 < shared["services_total"] < PARTNER_SERVICES:
        yield (
            f"才同场 {shared['services_total']} 次（{day_words(shared['last'], features['as_of'])}），"
            f"下次先问清{_likings(features)}，当天写进备注"
        )
    if shared["last_30d"] >= 2 and shared["last_30d"] > shared["previous_30d"]:
        yield (
            f"近 30 天同场 {shared['last_30d']} 次，之前 30 天 {shared['previous_30d']} 次，正在升温"
        )


def _company(features: dict[str, Any]) -> str:
    return "要不要人对打" if plays_at_a_table(features) else "缺不缺人"


def _likings(features: dict[str, Any]) -> str:
    return "练什么、喜欢哪张台" if plays_at_a_table(features) else "几个人来、喜欢哪间房"


def usual_time(habits: dict[str, Any]) -> dict[str, str] | None:
    """Weekday, hours and area that come back, in words with their evidence; None without."""
    rows = [
        (kind, habits[kind][0])
        for kind in ("weekdays", "hours", "areas")
        if habits[kind]
        and habits[kind][0]["share"] >= _HABIT_SHARE
        and habits[kind][0]["bills"] >= _HABIT_BILLS
    ]
    if not rows:
        return None
    words = {kind: row.get("words", row["name"]) for kind, row in rows}
    at = words.get("weekdays", "") + words.get("hours", "")
    place = words.get("areas", "")
    return {
        "words": f"{at}、{place}" if at and place else at or place,
        "evidence": "，".join(f"{row['name']} {row['bills']} 单" for _kind, row in rows),
    }


APP = AIApp(
    key="app4_analysis",
    title=_("Relationship"),
    cache_type="app4_analysis",
    form=PAIR,
    needs=("member_id", "assistant_id"),
    build_features=build_features,
    output=PairAnalysis,
    rules=rules,
    max_output_tokens=1000,
)
