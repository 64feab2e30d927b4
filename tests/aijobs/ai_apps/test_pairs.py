"""What the apps about an assistant and a member are told, and what follows from it."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from django.contrib.auth.models import User

from aijobs.ai_apps.base import Features
from aijobs.ai_apps.member_habits import next_usual_day
from aijobs.ai_apps.phrases import WEEKDAYS
from aijobs.manual_clues import add_manual_clue
from aijobs.registry import AI_APPS
from aijobs.targets import Target
from metrics.builds import build_site
from metrics.calculations.relationships import relationship_index
from metrics.models import (
    Assistant,
    AssistantVersion,
    CoachTask,
    CoachTaskEvent,
    Contact,
    MemberAssignment,
    MemberVersion,
    ServiceLine,
)
from sandbox.context import use_context
from sandbox.errors import BadRequest, NotFound
from tests.aijobs.store import ASSISTANT_NAME, NAME, PHONE, Store

FORBIDDEN = re.compile(
    r"元|余额|\d+ ?天|\d+ ?次|系统显示|流失|价值|折|送您|优惠|会员#|和.{1,4}一起|夜里|尽快|赶紧"
)
APPS = ("app4_analysis", "app5_tactics")


def features_of(store: Store, app: str, ago: int = 0, in_chain: dict | None = None) -> Features:
    with use_context(store.sandbox(ago) if ago else store.live) as ctx:
        target = pair_of(store)
        AI_APPS[app].check_target(ctx, target)
        return AI_APPS[app].build_features(ctx, target, in_chain or {})


def pair_of(store: Store) -> Target:
    return Target(member_id=store.member.pk, assistant_id=store.assistant.pk)


def analysis_of(store: Store, ago: int = 0) -> dict:
    values = features_of(store, "app4_analysis", ago).values
    return AI_APPS["app4_analysis"].rules(values).model_dump()


def points_of(values: dict) -> list[dict]:
    return AI_APPS["app5_tactics"].rules(values).model_dump()["talking_points"]


def add_task(
    store: Store, *, ago: int, due_ago: int, reason: str = "", task_kind: str = "recall", **event
) -> None:
    shared = {"site": store.site, "batch": store.batch}
    number = CoachTask.objects.count() + 1
    task = CoachTask.objects.create(
        **shared,
        external_id=f"t{number}",
        occurred_at=store.at(store.day(ago)),
        business_date=store.day(ago),
        assistant=store.assistant,
        member=store.member,
        kind=task_kind,
        due_on=store.day(due_ago),
        reason=reason,
    )
    if event:
        CoachTaskEvent.objects.create(
            **shared,
            external_id=f"t{number}-1",
            occurred_at=store.at(store.day(due_ago)),
            business_date=store.day(due_ago),
            task=task,
            **event,
        )


def contact(store: Store, *, ago: int) -> None:
    Contact.objects.create(
        site=store.site,
        batch=store.batch,
        external_id="k1",
        occurred_at=store.at(store.day(ago)),
        business_date=store.day(ago),
        member=store.member,
        channel="wechat",
        outcome="reached",
    )


# --- Features -----------------------------------------------------------------------------------


def test_the_shared_history_is_told(store):
    told = features_of(store, "app4_analysis").values

    assert told["shared"]["services_total"] == 12
    assert (told["shared"]["hours_total"], told["shared"]["days_since"]) == ("18", 20)
    assert told["together"]["paid"] == "2160.00"
    assert told["together"]["share_of_visits"] == "100.0%"


def test_the_relationship_is_the_catalogs_index_beside_that_of_a_month_ago(store):
    told = features_of(store, "app4_analysis").values["relationship"]

    with use_context(store.live):
        now = relationship_index(store.member.pk, store.assistant.pk)
    with use_context(store.sandbox(30)):
        before = relationship_index(store.member.pk, store.assistant.pk)
    assert (told["index"], told["before"]) == (str(now), str(before))
    assert Decimal(told["change"]) == now - before


def test_what_another_assistant_did_is_not_shared(store):
    with use_context(store.live):
        other = Assistant.objects.create(
            site=store.site, external_id="a2", business_date=store.day(400), batch=store.batch
        )
    store.assistant = other

    told = features_of(store, "app4_analysis").values

    assert told["shared"]["services_total"] == 0
    assert told["together"]["share_of_visits"] == "0.0%"


def test_tasks_are_told_with_what_became_of_them(store):
    with use_context(store.live):
        add_task(store, ago=9, due_ago=5, kind="outcome", outcome="booked")
        add_task(store, ago=8, due_ago=4, kind="done")
        add_task(store, ago=7, due_ago=0)
    tasks = features_of(store, "app4_analysis").values["tasks"]

    assert [(task["state"], task["outcome"], task["is_overdue"]) for task in tasks] == [
        ("未完成", None, False),
        ("已完成", None, False),
        ("未完成", "已约", True),
    ]


def test_it_is_told_whose_customer_the_member_is(store):
    assert features_of(store, "app4_analysis").values["is_assigned"] is False

    with use_context(store.live):
        MemberAssignment.objects.create(
            site=store.site,
            batch=store.batch,
            external_id="as1",
            occurred_at=store.at(store.day(3)),
            business_date=store.day(3),
            member=store.member,
            assistant=store.assistant,
        )

    assert features_of(store, "app4_analysis").values["is_assigned"] is True
    assert features_of(store, "app4_analysis", ago=4).values["is_assigned"] is False


@pytest.mark.parametrize("app", APPS)
def test_nothing_after_the_date_is_told(store, app):
    before = features_of(store, app, ago=10)

    with use_context(store.live) as ctx:
        store.add_bill(store.day(9), paid="77777")
        store.add_note("投诉过声音太吵")
        add_task(store, ago=3, due_ago=1, reason="以后的任务")
        contact(store, ago=2)
        MemberVersion.objects.filter(member=store.member).update(valid_to=store.day(5))
        MemberVersion.objects.create(
            site=store.site,
            member=store.member,
            business_date=store.day(5),
            batch=store.batch,
            name=NAME,
            do_not_contact=True,
        )
        add_manual_clue(
            ctx=ctx,
            member_id=store.member.pk,
            category="重要反馈",
            summary="以后的线索",
            actor=User(username="somebody"),
        )
    build_site(site=store.site, full=True)

    assert features_of(store, app, ago=10) == before


@pytest.mark.parametrize("app", APPS)
def test_nobody_is_named_in_the_prompt(store, app):
    with use_context(store.live) as ctx:
        store.add_note(f"{NAME}的电话是{PHONE}，{ASSISTANT_NAME}答应下次留台")
        add_task(store, ago=3, due_ago=1, reason=f"给{NAME}打 139-1234-5678")
        add_manual_clue(
            ctx=ctx,
            member_id=store.member.pk,
            category="重要反馈",
            summary=f"{NAME}说太吵",
            detail=f"{ASSISTANT_NAME}听到的，{PHONE}",
            actor=User(username="somebody"),
        )
    prompt = AI_APPS[app].prompt(features_of(store, app).values)

    assert not re.search(f"{NAME}|{ASSISTANT_NAME}|1391234|139-1234", prompt)
    assert f"会员#{store.member.pk}" in prompt
    assert f"助教#{store.assistant.pk}" in prompt


def test_a_pair_takes_as_many_statements_however_long_its_history(
    store, django_assert_max_num_queries
):
    with use_context(store.live):
        for ago in range(5):
            store.add_note("习惯周五晚上来", ago=ago)
            add_task(store, ago=9, due_ago=ago, reason="约个方便的时间", kind="done")

    with use_context(store.live) as ctx:
        with django_assert_max_num_queries(17):
            AI_APPS["app4_analysis"].build_features(ctx, pair_of(store), {})
        with django_assert_max_num_queries(20):
            AI_APPS["app5_tactics"].build_features(ctx, pair_of(store), {})


def test_visits_since_the_last_time_are_counted_however_long_ago_it_was(store):
    with use_context(store.live):
        other = store.add_assistant("a2", "王同事")
        guest = store.add_member("m2", "陈常来", "")
        store.add_bill(store.day(300), member=guest)
        store.member = guest
        for ago in (250, 200, 100, 5):
            bill = store.add_bill(store.day(ago), member=guest)
            ServiceLine.objects.filter(settlement=bill).update(assistant=other)
    build_site(site=store.site, full=True)

    shared = features_of(store, "app4_analysis").values["shared"]

    assert (shared["days_since"], shared["visits_since_last"]) == (300, 4)
    assert shared["served_since_last"] == 2


# --- app4 ---------------------------------------------------------------------------------------


def test_the_analysis_follows_the_history(store):
    stages = {ago: analysis_of(store, ago)["stage"] for ago in (88, 84, 20, 0)}

    assert stages == {88: "还没搭过", 84: "初识", 20: "固定搭档", 0: "转淡"}


@pytest.mark.parametrize(("since", "stage"), [(60, "转淡"), (61, "断档")])
def test_after_sixty_days_two_have_lost_touch(store, since, stage):
    values = features_of(store, "app4_analysis").values
    values["shared"]["days_since"] = since

    assert AI_APPS["app4_analysis"].rules(values).stage == stage


@pytest.mark.parametrize(("change", "stage"), [("-5.0", "转淡"), ("-4.9", "固定搭档")])
def test_an_index_that_fell_by_five_is_fading(store, change, stage):
    values = features_of(store, "app4_analysis").values
    values["relationship"] |= {"index": "40.0", "change": change}

    assert AI_APPS["app4_analysis"].rules(values).stage == stage


@pytest.mark.parametrize(
    ("services", "index", "stage"),
    [
        (2, "45.0", "初识"),
        (3, "19.9", "初识"),
        (3, "20.0", "熟客"),
        (6, "5.0", "熟客"),
        (6, "40.0", "固定搭档"),
    ],
)
def test_two_are_known_by_services_and_index(store, services, index, stage):
    values = features_of(store, "app4_analysis", ago=20).values
    values["shared"]["services_total"] = services
    values["relationship"] |= {"index": index, "change": "+1.0"}

    assert AI_APPS["app4_analysis"].rules(values).stage == stage


def test_an_assistant_who_has_left_is_the_first_risk_and_says_nothing(store):
    with use_context(store.live):
        AssistantVersion.objects.filter(assistant=store.assistant).update(
            left_at=store.at(store.day(2), hour=0)
        )

    analysis = analysis_of(store)

    assert "已离店" in analysis["risks"][0]
    assert points_of(features_of(store, "app5_tactics").values) == []
    assert points_of(features_of(store, "app5_tactics", ago=3).values) != []


def test_a_guest_who_comes_without_the_assistant_is_a_risk(store):
    values = features_of(store, "app4_analysis").values
    values["shared"]["visits_since_last"] = 4
    last = values["shared"]["last"]
    other = {"assistant": "助教#88", "services": 4, "hours": "5", "last": "9", "left_on": None}
    values["other_partners"] = [{**other, "last": values["as_of"]}]

    risks = AI_APPS["app4_analysis"].rules(values).risks

    assert last < values["as_of"]
    assert any("又来了 4 次" in risk and "助教#88陪打" in risk for risk in risks)


def test_a_partner_who_left_is_a_chance(store):
    values = features_of(store, "app4_analysis").values
    values["other_partners"] = [
        {
            "assistant": "助教#88",
            "services": 40,
            "hours": "50",
            "last": values["as_of"],
            "left_on": values["as_of"],
        }
    ]

    chances = AI_APPS["app4_analysis"].rules(values).opportunities

    assert any("助教#88" in chance and "正缺人接上" in chance for chance in chances)


def test_a_partner_who_left_after_two_services_leaves_no_gap(store):
    for app in APPS:
        values = features_of(store, app).values
        values["shared"] |= {"services_180d": 0, "visits_since_last": 0}
        left = {"assistant": "助教#88", "hours": "2", "last": values["as_of"], "services": 2}
        values["other_partners"] = [left | {"left_on": values["as_of"]}]

        assert "缺人接上" not in str(AI_APPS[app].rules(values).model_dump())
        assert "离店同事" not in str(AI_APPS[app].rules(values).model_dump())

        values["other_partners"][0]["services"] = 3

        assert re.search("缺人接上|离店同事", str(AI_APPS[app].rules(values).model_dump()))


@pytest.mark.parametrize(
    ("without", "words"),
    [
        ((0, None, 0), "另外 9 次到店都没点陪打"),
        ((2, "助教#88", 2), "另外 9 次到店，2 次由助教#88陪打，其余没点陪打"),
        ((5, "助教#88", 3), "另外 9 次到店，5 次有别人陪打（助教#88 3 次最多），其余没点陪打"),
        ((9, "助教#88", 9), ""),
    ],
)
def test_visits_without_the_assistant_are_told_as_they_were(store, without, words):
    values = features_of(store, "app4_analysis", ago=20).values
    values["together"] |= {
        "share_of_visits": "25.0%",
        "other_visits": 9,
        "without": dict(zip(("with_others", "most_by", "most"), without, strict=True)),
    }

    said = "".join(AI_APPS["app4_analysis"].rules(values).opportunities)

    assert words in said
    assert ("另外 9 次" in said) == bool(words)


def test_visits_with_others_leave_out_those_with_both(store):
    with use_context(store.live):
        other = store.add_assistant("a2", "王同事")
        for both in ServiceLine.objects.filter(business_date__gte=store.day(26)):
            both.pk, both.external_id, both.assistant = None, f"{both.external_id}-2", other
            both.save()
        bill = store.add_bill(store.day(10))
        ServiceLine.objects.filter(settlement=bill).update(assistant=other)
    build_site(site=store.site, full=True)

    together = features_of(store, "app4_analysis").values["together"]

    assert together["without"] == {
        "with_others": 1,
        "most_by": f"助教#{other.pk}",
        "most": 1,
    }


def test_a_ban_is_told_without_an_end(store):
    values = features_of(store, "app4_analysis").values
    values["contact"] |= {"may_contact": False, "why_not": "会员资料写明未成年"}

    (risk,) = [r for r in AI_APPS["app4_analysis"].rules(values).risks if "未成年" in r]

    assert "为止" not in risk
    assert risk.endswith("查看），只在店里接待，不主动联系")


def test_no_place_is_kept_for_who_stays_away(store):
    kept = AI_APPS["app4_analysis"].rules(features_of(store, "app4_analysis", ago=18).values)
    gone = AI_APPS["app4_analysis"].rules(features_of(store, "app4_analysis").values)

    assert any("可以提前留位" in chance for chance in kept.opportunities)
    assert not any("提前留位" in chance for chance in gone.opportunities)
    assert any("来了优先照这个安排" in chance for chance in gone.opportunities)


def test_one_assistant_takes_over(store):
    values = features_of(store, "app4_analysis").values
    values["assistant_left_on"] = values["as_of"]
    row = {"services": 4, "hours": "5", "last": values["as_of"], "left_on": None}
    values["other_partners"] = [row | {"assistant": f"助教#{n}"} for n in (77, 88)]

    first, second = AI_APPS["app4_analysis"].rules(values).opportunities

    assert first.endswith("由其接手最顺")
    assert second.endswith("也可以接")


def test_the_strength_is_the_relationship_index(store):
    index = features_of(store, "app4_analysis").values["relationship"]["index"]

    assert analysis_of(store)["strength"] == round(float(index))


def test_every_risk_and_chance_has_its_figure(store):
    with use_context(store.live):
        store.add_note("抱怨空调太冷。答应下次给他留三号台。", ago=2)
        add_task(store, ago=9, due_ago=5)
    analysis = analysis_of(store)

    assert len(analysis["risks"]) >= 3
    for sentence in (*analysis["risks"], *analysis["opportunities"]):
        assert re.search(r"\d", sentence)
    assert any("不满：抱怨空调太冷" in risk for risk in analysis["risks"])
    assert any("留三号台" in chance for chance in analysis["opportunities"])


def test_its_figures_are_figures_that_were_told(store):
    values = features_of(store, "app4_analysis").values
    known = {f"{float(n):g}" for n in re.findall(r"\d+(?:\.\d+)?", str(values))}

    said = re.findall(r"\d+(?:\.\d+)?", str(AI_APPS["app4_analysis"].rules(values).model_dump()))

    # The window of 30 days is in the words, not a figure of the member.
    assert {f"{float(n):g}" for n in said} - {"30"} <= known


@pytest.mark.parametrize("text", ["和李总追分输了两千，抱怨运气", "投诉太太管得严，老婆不让来"])
def test_forbidden_subjects_of_notes_are_not_repeated(store, text):
    with use_context(store.live):
        store.add_note(text)

    assert not re.search("追分|老婆|输", str(analysis_of(store)))


# --- app5 ---------------------------------------------------------------------------------------


def test_the_analysis_of_the_same_job_is_used(store):
    analysis = {"stage": "熟悉", "strength": 40}

    told = features_of(store, "app5_tactics", in_chain={"app4_analysis": analysis}).values

    assert (told["analysis"], told["analysis_generated_at"]) == (analysis, None)


def test_a_failed_analysis_of_the_same_job_is_none(store):
    told = features_of(store, "app5_tactics", in_chain={"app4_analysis": None}).values

    assert told["analysis"] is None


def test_words_are_short_harmless_and_say_what_to_avoid(store):
    for ago in (0, 20, 40, 84):
        for point in points_of(features_of(store, "app5_tactics", ago).values):
            assert len(point["words"]) <= 60
            assert not FORBIDDEN.search(point["words"])
            assert point["avoid"]
            assert "依据：" in point["aim"]
            assert re.search(r"\d", point["aim"])


def test_a_habit_is_offered_on_its_next_day_and_asked_about_the_day_before(store):
    values = features_of(store, "app5_tactics").values
    today = store.today
    weekday = WEEKDAYS[today.weekday()]
    with use_context(store.live) as ctx:
        rows = [{"name": weekday, "bills": 8, "share": 0.8}, {"name": "x", "bills": 2}]
        values["next_usual_day"] = next_usual_day(ctx, rows)

    message = points_of(values)[0]

    week_later = store.day(-7)
    assert values["next_usual_day"]["in_days"] == 7
    assert message["words"].startswith(weekday)
    assert f"{week_later.month}月{week_later.day}日" in message["aim"]
    assert f"{store.day(-6).month}月{store.day(-6).day}日" in message["scene"]


@pytest.mark.parametrize(
    ("bills", "share", "is_usual"),
    [(3, 0.75, True), (2, 0.5, False), (4, 0.4, True), (3, 0.39, False)],
)
def test_a_weekday_is_usual_from_three_bills_and_two_fifths_on(store, bills, share, is_usual):
    with use_context(store.live) as ctx:
        day = next_usual_day(ctx, [{"name": "周五", "bills": bills, "share": share}])

    assert (day is not None) == is_usual


def test_there_is_one_message_at_most(store):
    values = features_of(store, "app5_tactics").values
    values["birthday"] = values["as_of"]
    values["said"]["complaint"] = {
        "date": values["as_of"],
        "summary": "不满：嫌空调太冷",
        "topic": "空调",
        "keeping": "",
        "visits_since": 0,
        "follow_up": None,
    }

    scenes = [point["scene"] for point in points_of(values)]

    assert sum(scene.startswith("微信") for scene in scenes) == 1
    assert "生日快乐" in points_of(values)[0]["words"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("recall", "我先给您看着"),
        ("maintain", "店里哪里不方便"),
        ("follow_up", "玩得还习惯吗"),
        ("recharge_reminder", "不续也完全没关系"),
    ],
)
def test_a_task_is_worked_off_by_the_message(store, kind, words):
    with use_context(store.live):
        add_task(store, task_kind=kind, ago=2, due_ago=-3, reason="问问最近怎么样")

    message = points_of(features_of(store, "app5_tactics").values)[0]

    assert words in message["words"]
    assert "问问最近怎么样" in message["aim"]
    assert f"{store.day(-3).month}月{store.day(-3).day}日" in message["scene"]


def test_the_closer_partner_writes_unless_the_guest_is_this_ones(store):
    values = features_of(store, "app5_tactics").values
    closer = {"assistant": "助教#88", "services": 40, "hours": "50", "left_on": None}
    values["other_partners"] = [{**closer, "last": values["as_of"]}]

    points = points_of(values)

    assert all("微信" not in point["scene"] for point in points)
    assert "要联系由助教#88来（近 180 天 40 次）" in points[0]["aim"]

    values["is_assigned"] = True
    assert "微信" in points_of(values)[0]["scene"]

    values["is_assigned"], values["other_partners"][0]["left_on"] = False, values["as_of"]
    assert "微信" in points_of(values)[0]["scene"]


def test_a_birthday_within_the_pause_is_wished_in_the_store(store):
    values = features_of(store, "app4_analysis").values
    values["birthday"] = store.day(-2).isoformat()
    values["contact"]["paused_until"] = store.day(-3).isoformat()

    def chance() -> str:
        return AI_APPS["app4_analysis"].rules(values).opportunities[0]

    assert "当面祝福" in chance()

    values["contact"]["paused_until"] = values["birthday"]
    assert "发一句祝福" in chance()


def test_somebody_unknown_says_who_they_are(store):
    values = features_of(store, "app5_tactics").values
    assert "我是" not in points_of(values)[0]["words"]

    values["shared"]["services_total"] = 1

    assert points_of(values)[0]["words"].startswith(f"我是助教#{store.assistant.pk}，")


def test_who_said_that_they_are_busy_gets_no_invitation(store):
    values = features_of(store, "app5_tactics").values
    values["said"]["absence"] = {
        "date": values["as_of"],
        "summary": "这阵子出差多",
        "words": "出差",
    }

    assert all("微信" not in point["scene"] for point in points_of(values))


@pytest.mark.parametrize(
    ("tastes", "words"),
    [
        (
            {"table": "A03台", "drink": "一杯冰美式"},
            "A03台我帮您看了，一杯冰美式现在上还是等会儿？",
        ),
        ({"quiet": "安静一点的位置"}, "靠里安静点"),
        ({"cue": "小头杆"}, "小头杆我去给您挑一支"),
        ({"cue": "自己存在前台的杆"}, "您的杆我去前台给您拿"),
    ],
)
def test_the_welcome_is_what_somebody_noted(store, tastes, words):
    values = features_of(store, "app5_tactics").values
    values["said"]["tastes"] = {
        kind: {"words": liked, "date": values["as_of"]} for kind, liked in tastes.items()
    }

    (welcome,) = [point for point in points_of(values) if point["scene"] == "到店接待"]

    assert words in welcome["words"]
    assert "的备注「" in welcome["aim"]


@pytest.mark.parametrize(
    ("keeping", "words"), [("coach", "上次说好"), ("prepare", "没安排到您"), ("answer", "有准话")]
)
def test_a_promise_is_taken_up_as_what_it_is(store, keeping, words):
    values = features_of(store, "app5_tactics").values
    values["contact"]["may_contact"] = False
    values["said"]["promises"] = [
        {
            "date": values["as_of"],
            "summary": "待兑现：答应下次教他加塞",
            "topic": "教加塞",
            "keeping": keeping,
            "visits_since": 1,
        }
    ]

    assert words in points_of(values)[0]["words"]


def test_what_was_practised_is_taken_up_with_its_note(store):
    values = features_of(store, "app5_tactics").values
    values["said"]["tastes"]["practice"] = {"words": "加塞", "date": store.day(30).isoformat()}

    message = points_of(values)[0]

    assert message["words"].startswith("加塞还想接着练吗")
    assert f"、{store.day(30).month}月{store.day(30).day}日的备注" in message["aim"]


@pytest.mark.parametrize(("in_days", "is_asked"), [(3, False), (4, True)])
def test_nobody_is_asked_long_before_their_rhythm_brings_them(store, in_days, is_asked):
    values = features_of(store, "app5_tactics", ago=18).values
    values["rhythm"] |= {"median_interval_days": 6.25, "days_away": 2}
    values["next_usual_day"] = {
        "weekday": "周五",
        "date": "5月8日（周五）",
        "in_days": in_days,
        "ask_on": "5月7日（周四）",
    }

    # Asked the day before: after 4 or 5 of 6.25 days.
    assert any("微信" in point["scene"] for point in points_of(values)) == is_asked


def test_whoever_plays_for_luck_is_not_asked_how_it_goes(store):
    with use_context(store.live):
        add_task(store, task_kind="maintain", ago=2, due_ago=-3)
    values = features_of(store, "app5_tactics").values
    values["habits"]["areas"][0]["name"] = "麻将房"

    assert "坐得还舒服吗" in points_of(values)[0]["words"]


def test_somebody_contacted_lately_is_left_in_peace(store):
    with use_context(store.live):
        contact(store, ago=6)

    points = points_of(features_of(store, "app5_tactics").values)

    assert [point["scene"] for point in points if "微信" in point["scene"]] == []
    assert f"{store.day(-1).month}月{store.day(-1).day}日前只在店里接待" in points[0]["aim"]


def test_after_a_week_they_may_be_written_to(store):
    with use_context(store.live):
        contact(store, ago=7)

    points = points_of(features_of(store, "app5_tactics").values)

    assert "微信" in points[0]["scene"]


def test_who_wants_no_contact_is_not_written_to(store):
    with use_context(store.live):
        MemberVersion.objects.filter(member=store.member).update(do_not_contact=True)

    points = points_of(features_of(store, "app5_tactics").values)

    assert all("微信" not in point["scene"] for point in points)


def test_a_complaint_is_taken_up_without_promises(store):
    with use_context(store.live):
        store.add_note("嫌空调太冷", ago=20)

    message, first, *_ = points_of(features_of(store, "app5_tactics").values)

    for point in (message, first):
        assert point["words"].startswith("空调的事我记着")
        assert "嫌空调太冷" in point["aim"]
        assert "〔请店长填写〕" in point["avoid"]


# --- Targets ------------------------------------------------------------------------------------


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize(
    ("target", "missing"),
    [
        ({}, ["member", "assistant"]),
        ({"member_id": 1}, ["assistant"]),
        ({"assistant_id": 1}, ["member"]),
    ],
)
def test_what_a_target_lacks_is_named(store, app, target, missing):
    with use_context(store.live) as ctx, pytest.raises(BadRequest) as refusal:
        AI_APPS[app].check_target(ctx, Target(**target))

    assert list(refusal.value.fields) == missing


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("stranger", ["member_id", "assistant_id"])
def test_who_is_not_of_the_store_at_the_date_is_not_found(store, app, stranger):
    ids = {"member_id": store.member.pk, "assistant_id": store.assistant.pk, stranger: 10**9}

    with use_context(store.live) as ctx, pytest.raises(NotFound):
        AI_APPS[app].check_target(ctx, Target(**ids))
