"""Whatever the app: what is wrong in an answer is found, said, scored, and left out if it must be."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from aijobs.manual_clues import add_manual_clue
from aijobs.output_checks.findings import COSTS, Finding, Review, Severity
from aijobs.output_checks.review import CHECKS, review_answer
from aijobs.registry import AI_APPS
from aijobs.targets import Target
from metrics.builds import build_site
from metrics.models import Area, AreaVersion, Settlement
from sandbox.context import use_context
from tests.aijobs.store import NAME, PHONE, Store

ACTION = {
    "text": "店长把两期的账单按钟点对一遍。",
    "owner": "店长",
    "metric": "paid",
    "expected": None,
}
STRANGER, STRANGERS_PHONE = "诸葛小明", "13800001111"
FINANCES = ("app2_finance", "app2a_finance_area")
CLUES = ("app3_clue", "app6_note", "app8_consolidate")
# For each app, where a sentence can be slipped in.
PLACES: dict[str, list[tuple[str | int, ...]]] = {
    "app2_finance": [("headline",), ("findings", 0, "text"), ("actions", 0, "expected")],
    "app2a_finance_area": [("headline",), ("findings", 0, "text"), ("actions", 0, "text")],
    "app3_clue": [("clues", 0, "summary"), ("clues", 0, "detail")],
    "app4_analysis": [("summary",), ("risks", 0), ("opportunities", 0)],
    "app5_tactics": [
        *(("talking_points", 0, field) for field in ("scene", "words", "aim", "avoid"))
    ],
    "app6_note": [("clues", 0, "summary"), ("clues", 0, "detail")],
    "app7_customer": [("profile",), ("reasons", 0), ("next_best_action",)],
    "app8_consolidate": [("clues", 0, "summary"), ("clues", 0, "detail")],
}
STRANGERS = [
    STRANGER,
    "百里小蝶",
    "会员#987654",
    "助教#987654",
    STRANGERS_PHONE,
    "M-90210",
    "Z-777",
]


class Answers:
    """What the rules answer in a store, and what the checks find when it is changed."""

    def __init__(self, store: Store) -> None:
        self.store, self.told = store, {}
        pair = Target(member_id=store.member.pk, assistant_id=store.assistant.pk)
        self.targets = {
            **dict.fromkeys(AI_APPS, pair),
            "app2_finance": Target(range_key="last_3_months"),
            "app2a_finance_area": Target(range_key="last_3_months", area="snooker"),
        }

    def review(
        self, app: str, change: Callable[[dict[str, Any]], None] = lambda result: None
    ) -> Review:
        declared = AI_APPS[app]
        with use_context(self.store.live) as ctx:
            if app not in self.told:
                target, before = self.targets[app], self._in_chain(ctx)
                self.told[app] = declared.build_features(ctx, target, before).values
            features = self.told[app]
            result = declared.rules(features).model_dump(mode="json")
            if app in FINANCES and not result["actions"]:
                # Of so few bills the rules propose nothing.
                result["actions"] = [ACTION | {"due": features["deadlines"][0]}]
            self.before = copy.deepcopy(result)
            change(result)
            return review_answer(output=declared.output, result=result, features=features, ctx=ctx)

    def _in_chain(self, ctx) -> dict[str, Any]:
        app3 = AI_APPS["app3_clue"]
        told = app3.build_features(ctx, self.targets["app3_clue"], {}).values
        return {"app3_clue": app3.rules(told).model_dump(mode="json")}

    def with_text(self, app: str, place: tuple[str | int, ...], text: str) -> Review:
        return self.review(app, lambda result: put(result, place, text))


def put(result: Any, place: tuple[str | int, ...], text: str) -> None:
    for step in place[:-1]:
        result = result[step]
    result[place[-1]] = text


def checks(review: Review) -> set[str]:
    return {finding.check for finding in review.findings}


@pytest.fixture
def answers(store) -> Answers:
    with use_context(store.live) as ctx:
        area = Area.objects.create(
            site=store.site, external_id="snooker", business_date=store.day(400), batch=store.batch
        )
        AreaVersion.objects.create(
            site=store.site,
            area=area,
            name="斯诺克",
            business_date=store.day(400),
            batch=store.batch,
        )
        Settlement.objects.update(area=area)
        store.add_note("抱怨空调太冷。答应下次给他留三号台。", ago=3)
        store.add_member("M-90210", STRANGER, STRANGERS_PHONE)
        store.add_assistant("Z-777", "百里小蝶")
        add_manual_clue(
            ctx=ctx,
            member_id=store.member.pk,
            category="重要反馈",
            summary="嫌空调太冷",
            actor=User(username="somebody"),
        )
    build_site(site=store.site, full=True)
    return Answers(store)


# --- Each check in each app -----------------------------------------------------------------------


@pytest.mark.parametrize("app", PLACES)
def test_what_the_rules_say_passes(answers, app):
    review = answers.review(app)

    assert (review.findings, review.score, review.flagged) == ([], 100, False)
    assert review.result == answers.before


@pytest.mark.parametrize("app", PLACES)
def test_an_invented_figure_is_found(answers, app):
    for place in PLACES[app]:
        review = answers.with_text(app, place, "比上次多了 7654 元")

        assert "invented_figure" in checks(review), place
        assert review.flagged


@pytest.mark.parametrize("app", PLACES)
def test_somebody_elses_data_is_found_and_not_repeated(answers, app):
    for place, said in itertools.product(PLACES[app], STRANGERS):
        review = answers.with_text(app, place, f"和{said}一样常来")

        assert "foreign_data" in checks(review), (place, said)
        assert review.flagged
        assert "#" in said or said not in str(review.findings)


@pytest.mark.parametrize("app", PLACES)
def test_a_forbidden_topic_is_found(answers, app):
    for place in PLACES[app]:
        review = answers.with_text(app, place, "喜欢追分，可以多约")

        found = [one.excerpt for one in review.findings if one.check == "forbidden_topic"]
        assert found, place
        assert all("追分" in excerpt for excerpt in found)
        assert "追分" not in str(review.result) or review.flagged


@pytest.mark.parametrize("app", CLUES)
def test_a_clue_with_a_forbidden_topic_is_left_out_and_said_to_be(answers, app):
    review = answers.with_text(app, ("clues", 0, "detail"), "依据：最近离婚了，一个人来。")

    assert review.result["clues"] == answers.before["clues"][1:]
    assert review.findings == [
        Finding("forbidden_topic", "clues.0.detail", "离婚", Severity.DROPPED)
    ]
    assert (review.score, review.flagged) == (90, False)


def test_what_stands_behind_a_clue_that_is_left_out_is_named_by_its_own_place(answers):
    def change(result: dict[str, Any]) -> None:
        result["clues"][0]["summary"] = "爱赌球"
        result["clues"][1]["summary"] = "来了 7654 次"

    review = answers.review("app3_clue", change)

    places = [(finding.check, finding.field) for finding in review.findings]
    assert places == [
        ("forbidden_topic", "clues.0.summary"),
        ("invented_figure", "clues.0.summary"),
    ]
    assert review.result["clues"][0]["summary"] == "来了 7654 次"


def test_the_member_whom_it_is_about_may_be_named(answers):
    token = f"会员#{answers.store.member.pk}"

    assert not answers.with_text("app7_customer", ("profile",), f"{token}是常客").flagged


def test_the_members_own_phone_number_is_still_a_phone_number(answers):
    review = answers.with_text("app7_customer", ("profile",), f"可打{PHONE}联系")

    assert checks(review) == {"foreign_data"}
    assert [finding.excerpt for finding in review.findings] == ["〔电话〕"]


def test_a_name_that_is_a_word_is_not_found_in_the_word(answers):
    with use_context(answers.store.live):
        answers.store.add_member("m8", "高峰", "13711112222")

    assert not answers.with_text("app7_customer", ("profile",), "晚高峰前来得多").flagged
    assert answers.with_text("app7_customer", ("profile",), "常和高峰一起来").flagged


def test_of_several_people_of_one_name_it_may_be_the_one_who_is_meant(answers):
    with use_context(answers.store.live):
        answers.store.add_member("m8", "欧阳文轩", "13711112222")

    review = answers.with_text("app7_customer", ("profile",), "欧阳文轩是常客")

    assert not review.flagged
    assert review.result["profile"] == f"会员#{answers.store.member.pk}是常客"


def test_names_and_phone_numbers_do_not_travel_on_to_the_next_prompt(answers):
    with use_context(answers.store.live):
        peak = answers.store.add_member("m8", "高峰", "13711112222")

    said = f"晚高峰常和高峰、{NAME}一起来，打{PHONE}或１３９ 1234 5678"
    review = answers.with_text("app3_clue", ("clues", 0, "detail"), said)

    own = f"会员#{answers.store.member.pk}"
    expected = f"晚高峰常和会员#{peak.pk}、{own}一起来，打〔电话〕或〔电话〕"
    assert review.result["clues"][0]["detail"] == expected


# --- Words to a guest -----------------------------------------------------------------------------

WORDS = ("talking_points", 0, "words")


@pytest.mark.parametrize(
    ("words", "check"),
    [
        ("您卡里还剩一些，来坐坐？", "told_to_guest"),
        ("系统显示您该来了，我给您留台。", "told_to_guest"),
        ("我给您留台，" + "随时欢迎您过来坐坐，" * 6, "words_too_long"),
        ("我给您打八折，来坐坐？", "invented_offer"),
        ("周末有比赛，您来报名吗？", "invented_offer"),
        ("来了送您一瓶可乐。", "invented_offer"),
        ("我们新来的王教练教得细，您来试试？", "invented_offer"),
        ("该会员适合周末邀约，可先问候。", "third_person"),
        ("周四晚上来吧，老位置。", "hard_to_refuse"),
        ("记得来，我等您。", "hard_to_refuse"),
    ],
)
def test_words_that_no_guest_should_hear_are_found(answers, words, check):
    assert check in checks(answers.with_text("app5_tactics", WORDS, words))


@pytest.mark.parametrize(
    "words",
    [
        "这周四晚老位置给您留着？不方便也没事。",
        "您问的优惠〔请店长填写〕，我问好了告诉您。",
        "您活动一下手腕，咱们先打两局，不急。",
        "周四晚上来吧，老位置给您留着，没空也没事。",
    ],
)
def test_good_words_pass(answers, words):
    assert answers.with_text("app5_tactics", WORDS, words).findings == []


def test_what_a_note_told_of_is_no_invention(answers):
    with use_context(answers.store.live) as ctx:
        add_manual_clue(
            ctx=ctx,
            member_id=answers.store.member.pk,
            category="社交关系",
            summary="想参加下次的会员赛，有消息通知他",
            actor=User(username="somebody"),
        )

    words = "会员赛有消息了我第一时间告诉您，不参加也没事。"
    assert answers.with_text("app5_tactics", WORDS, words).findings == []


def test_words_need_something_to_avoid(answers):
    review = answers.with_text("app5_tactics", ("talking_points", 0, "avoid"), "  ")

    assert checks(review) == {"incomplete"}


def test_what_no_guest_is_told_may_be_told_to_staff(answers):
    review = answers.with_text("app5_tactics", ("talking_points", 0, "avoid"), "不提余额和流失")

    assert review.findings == []


# --- Contact --------------------------------------------------------------------------------------

SCENE, NEXT = ("talking_points", 0, "scene"), ("next_best_action",)
FREE = {"may_contact": True, "paused_until": None}
MINOR = {"may_contact": False, "paused_until": None}
PAUSED = {
    "may_contact": True,
    "paused_until": "2099-01-01",
    "last_contact": "2026-01-01",
    "last_outcome": "已联系",
}


def contact_faults(answers: Answers, contact: dict[str, Any], app: str, place, text: str) -> list:
    answers.review(app)
    answers.told[app]["contact"] |= contact
    review = answers.with_text(app, place, text)
    return [one.excerpt for one in review.findings if one.check == "unwelcome_contact"]


@pytest.mark.parametrize("contact", [MINOR, PAUSED], ids=["minor", "paused"])
@pytest.mark.parametrize(
    ("app", "place", "text"),
    [
        ("app5_tactics", SCENE, "微信，今天白天"),
        ("app5_tactics", SCENE, "电话回访"),
        ("app7_customer", NEXT, "请小优打电话问一句最近忙不忙。"),
        ("app7_customer", NEXT, "请店长发条消息，只说结果。"),
        ("app7_customer", NEXT, "先不约时间；请店长联系一次。"),
        ("app7_customer", NEXT, "不回就发微信。"),
    ],
)
def test_nobody_is_turned_to_who_must_be_left_in_peace(answers, contact, app, place, text):
    assert contact_faults(answers, contact, app, place, text)
    assert not contact_faults(answers, FREE, app, place, text)


@pytest.mark.parametrize(
    "text",
    [
        "不主动联系（会员资料写明不主动联系）；下次到店由前台接待。",
        "谁都不要打电话或发微信，等到店再说。",
        "店长微信联系过（结果：婉拒），先不再打扰；到店就由前台接待。",
        "留的号码联系不上，到店时请前台核对。",
        "先兑现答应过的补发票，不用另外发消息。",
    ],
)
def test_to_leave_somebody_in_peace_is_allowed(answers, text):
    assert contact_faults(answers, MINOR, "app7_customer", NEXT, text) == []


def test_after_a_pause_somebody_may_be_turned_to(answers):
    text = "这几天不打扰；之后再请店长微信问一句。"

    assert contact_faults(answers, PAUSED, "app7_customer", NEXT, text) == []
    assert contact_faults(answers, MINOR, "app7_customer", NEXT, text) != []


@pytest.mark.parametrize(
    ("app", "place", "text", "hour"),
    [
        ("app5_tactics", SCENE, "微信，今晚22点", "今晚22点"),
        ("app5_tactics", SCENE, "微信，今晚", "今晚"),
        ("app5_tactics", SCENE, "微信，晚上11点", "晚上11点"),
        ("app5_tactics", SCENE, "微信，早上九点", "早上九点"),
        ("app5_tactics", SCENE, "微信，21点到23点", "23点"),
        ("app7_customer", NEXT, "请店长今晚23点打电话问一句。", "今晚23点"),
        ("app7_customer", NEXT, "请店长夜里发条微信。", "夜里"),
    ],
)
def test_nobody_is_written_to_at_night(answers, app, place, text, hour):
    assert contact_faults(answers, FREE, app, place, text) == [hour]


@pytest.mark.parametrize(
    ("app", "place", "text"),
    [
        ("app5_tactics", SCENE, "微信，今天白天（22:00-10:00 不发）"),
        ("app5_tactics", SCENE, "微信，10点到22点"),
        ("app5_tactics", SCENE, "微信，今晚8点"),
        ("app5_tactics", SCENE, "微信，今晚22点前"),
        ("app5_tactics", SCENE, "今晚到店坐下时"),
        ("app7_customer", NEXT, "请店长今天白天微信问一句：今晚要不要留位。"),
        ("app7_customer", NEXT, "今晚到店由前台接待；明天白天微信听一句感受。"),
    ],
)
def test_by_day_somebody_may_be_written_to_whatever_it_is_about(answers, app, place, text):
    assert contact_faults(answers, FREE, app, place, text) == []


# --- What follows from the features ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("app", "field", "off"),
    [
        ("app7_customer", "churn_risk", {10: False, 11: True, -11: True}),
        ("app4_analysis", "strength", {1: False, 2: True}),
    ],
)
def test_a_number_that_the_prompt_determines_is_worked_out_again(answers, app, field, off):
    for difference, is_found in off.items():

        def change(result: dict[str, Any], difference: int = difference) -> None:
            result[field] += difference

        found = [one.field for one in answers.review(app, change).findings]
        assert found == ([field] if is_found else [])


@pytest.mark.parametrize(
    ("app", "field", "value"),
    [("app7_customer", "value_tier", "低"), ("app4_analysis", "stage", "固定搭档")],
)
def test_a_word_that_the_prompt_determines_is_worked_out_again(answers, app, field, value):
    review = answers.review(app, lambda result: result.update({field: value}))

    assert [(one.check, one.field) for one in review.findings] == [("misreckoned", field)]
    assert review.flagged


# --- Deeds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("app", FINANCES)
@pytest.mark.parametrize(
    ("field", "value", "check"),
    [
        ("text", "请店长加强营销。", "empty_words"),
        ("text", "请店长提升服务质量。", "empty_words"),
        ("expected", "提高客户满意度", "empty_words"),
        ("text", "店长加大抖音投放，多拉新客。", "empty_words"),
        ("text", "店长想办法把业绩做上去。", "empty_words"),
        ("text", "店长给老客每人送一张券。", "invented_offer"),
        ("text", "店长推出周一半价。", "invented_offer"),
        ("due", "2020-01-01", "incomplete"),
        ("metric", "happiness", "incomplete"),
        ("owner", None, "incomplete"),
        ("owner", "全体员工", "incomplete"),
        ("due", None, "incomplete"),
        ("due", "尽快", "incomplete"),
        ("metric", None, "incomplete"),
    ],
)
def test_a_deed_that_is_none_is_found(answers, app, field, value, check):
    review = answers.review(app, lambda result: result["actions"][0].update({field: value}))

    assert (check, f"actions.0.{field}") in [(one.check, one.field) for one in review.findings]
    assert review.flagged


def test_a_deed_is_due_after_today(answers):
    def change(days: int) -> Callable[[dict[str, Any]], None]:
        due = answers.store.day(-days).isoformat()
        return lambda result: result["actions"][0].update(due=due)

    assert checks(answers.review("app2_finance", change(0))) == {"incomplete"}
    assert checks(answers.review("app2_finance", change(1))) == set()


@pytest.mark.parametrize("app", [*CLUES, "app4_analysis"])
def test_a_clue_or_a_chance_gives_nothing_away(answers, app):
    place = PLACES[app][-1]

    assert checks(answers.with_text(app, place, "可以送一张代金券。")) == {"invented_offer"}
    assert checks(answers.with_text(app, place, "看券和团购来，优惠用得多。")) == set()


def test_a_fall_is_not_told_as_a_rise(answers):
    answers.review("app2_finance")
    changes = answers.told["app2_finance"]["changes"] = {
        "previous": {"paid": {"by": "-5140.00", "percent": "-11.1%"}, "bills": {"by": -107}}
    }

    def found(text: str) -> bool:
        features = {"as_of": "2026-05-06", "changes": changes, "share": "9.5%"}
        result = {"headline": text}
        with use_context(answers.store.live) as ctx:
            output = AI_APPS["app2_finance"].output
            review = review_answer(output=output, result=result, features=features, ctx=ctx)
        return "invented_figure" in checks(review)

    # 多 of a weekday counts days, and a Saturday is no number.
    changes["previous"]["calendar"] = {"more_or_fewer_days": {"周六": 1, "周一": -5}}
    for right in (
        "多周六 1 个",
        "少 5,140 元（-11.1%）",
        "跌了 11.1%",
        "少 107 单",
        "掉到 9.5%",
        "共 5,140 元",
    ):
        assert not found(right), right
    for wrong in ("多 5,140 元", "（+11.1%）", "涨了 11.1%", "多 107 单", "高 5,140.00 元"):
        assert found(wrong), wrong


def test_a_figure_of_a_finding_is_one(answers):
    def change(result: dict[str, Any]) -> None:
        result["findings"][0]["figure"] = 7654

    assert checks(answers.review("app2_finance", change)) == {"invented_figure"}


def test_a_next_step_promises_nothing(answers):
    place = ("next_best_action",)

    review = answers.with_text("app7_customer", place, "请店长送他一张代金券。")
    filled_in = answers.with_text("app7_customer", place, "请店长回访，优惠〔请店长填写〕。")

    assert (checks(review), filled_in.findings) == ({"invented_offer"}, [])


# --- Length, score --------------------------------------------------------------------------------


@pytest.mark.parametrize("app", PLACES)
def test_every_text_has_its_length(answers, app):
    for place in PLACES[app]:
        review = answers.with_text(app, place, "好" * 400)

        assert checks(review) & {"too_long", "words_too_long"}, place


def test_a_list_has_its_length(answers):
    def change(result: dict[str, Any]) -> None:
        result["clues"] = result["clues"][:1] * 9

    review = answers.review("app3_clue", change)

    assert [(one.check, one.field) for one in review.findings] == [("too_long", "clues")]


def test_the_score_falls_with_each_finding_and_not_below_nothing():
    def review(*severities: Severity) -> Review:
        return Review({}, [Finding("too_long", "x", "y", severity) for severity in severities])

    assert review().score == 100
    assert review(Severity.MINOR).score == 100 - COSTS[Severity.MINOR]
    assert review(Severity.MINOR, Severity.MAJOR).score == 50
    assert review(*[Severity.MAJOR] * 3).score == 0
    assert [review(severity).flagged for severity in Severity] == [False, True, False]


def test_every_check_has_a_name_of_its_own():
    assert len({check.key for check in CHECKS}) == len(CHECKS)
    assert all(check.title for check in CHECKS)


def test_the_checks_take_one_statement_for_all_texts(answers, django_assert_num_queries):
    declared = AI_APPS["app7_customer"]
    with use_context(answers.store.live) as ctx:
        target = answers.targets["app7_customer"]
        features = declared.build_features(ctx, target, {}).values
        result = declared.rules(features).model_dump(mode="json")
        with django_assert_num_queries(1):
            review_answer(output=declared.output, result=result, features=features, ctx=ctx)
