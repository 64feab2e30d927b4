"""What the rules write about the demo's people: checkable, varied, short, and nothing forbidden."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import transaction

from aijobs.ai_apps.base import canonical_json
from aijobs.errors import NothingToSay
from aijobs.registry import AI_APPS
from aijobs.targets import Target
from metrics.models import Assistant, Member, ServiceLine
from sandbox.context import RuntimeContext, live_context, use_context
from zqyy.demo.load import begin_demo, fill_demo
from zqyy.demo.plan import Plan

# A Saturday, 21:40 in the stores.
NOW = datetime(2026, 11, 21, 13, 40, tzinfo=UTC)
PLAN = Plan(
    seed=1,
    scale=0.05,
    last_day=date(2026, 11, 21),
    until=NOW.astimezone(ZoneInfo("Asia/Shanghai")),
)
# Loads a chain and speaks of everybody in it.
pytestmark = pytest.mark.slow
MEMBER_APPS = ("app3_clue", "app6_note", "app8_consolidate", "app7_customer")
PAIR_APPS = ("app4_analysis", "app5_tactics")
APPS = (*MEMBER_APPS, *PAIR_APPS)

FORBIDDEN = re.compile(
    "彩头|追分|赌|老婆|老公|离婚|孩子|家里|腰|病|医院|工资|收入|换工作|喝了?点?酒|劝酒|身材|漂亮"
    "|约出去|私下|喜欢[他她]。|丢人|最后一天|名额"
)
NOT_TO_A_GUEST = re.compile(
    r"\d+ ?元|余额|\d+ ?次|\d+ ?天|系统|流失|沉睡|风险|价值|会员#|和.{1,6}一起来|尽快|赶紧|夜里"
    "|优惠|折|赠送|送您|活动"
)
NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Said:
    """What one app was told, and what it said."""

    app: str
    features: dict[str, Any]
    output: dict[str, Any]

    def texts(self) -> Iterator[str]:
        yield from texts_in(self.output)


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts_in(inner)


@pytest.fixture(scope="module")
def said(django_db_setup, django_db_blocker) -> Iterator[dict[str, list[Said]]]:
    """By app, what it says of everybody in a small demo chain."""
    with (
        django_db_blocker.unblock(),
        time_machine.travel(NOW, tick=False),
        transaction.atomic(),
    ):
        # Other tests of this worker may have a chain of their own.
        sites = begin_demo(plan=PLAN)
        fill_demo(sites=sites, plan=PLAN, password="snooker-147", say=lambda text: None)
        found = defaultdict(list)
        for site in sites:
            with use_context(live_context(site)) as ctx:
                for member_id in Member.objects.order_by("pk").values_list("pk", flat=True):
                    for one in say_all(ctx, member_id):
                        found[one.app].append(one)
        transaction.set_rollback(True)
    yield dict(found)


def say_all(ctx: RuntimeContext, member_id: int) -> Iterator[Said]:
    """Every app about one member, and about the member and whoever served them last."""
    services = ServiceLine.objects.filter(member_id=member_id).order_by("-occurred_at", "-pk")
    assistant_id = services.values_list("assistant_id", flat=True).first()
    target = Target(
        member_id=member_id,
        assistant_id=assistant_id or Assistant.objects.order_by("pk").last().pk,
    )
    in_chain: dict[str, dict[str, Any] | None] = {}
    for key in APPS:
        given = in_chain if key in ("app8_consolidate", "app5_tactics") else {}
        try:
            features = AI_APPS[key].build_features(ctx, target, given)
        except NothingToSay:
            continue
        values = json.loads(canonical_json(features.values))
        in_chain[key] = AI_APPS[key].rules(values).model_dump()
        yield Said(key, values, in_chain[key])


def clues(said: dict[str, list[Said]]) -> Iterator[dict[str, Any]]:
    for app in ("app3_clue", "app6_note", "app8_consolidate"):
        for one in said[app]:
            yield from one.output["clues"]


def points(said: dict[str, list[Said]]) -> Iterator[dict[str, Any]]:
    for one in said["app5_tactics"]:
        yield from one.output["talking_points"]


def test_the_whole_chain_of_stores_is_spoken_of(said):
    assert len(said["app7_customer"]) == len(said["app5_tactics"]) >= 140
    assert len(said["app6_note"]) >= 60


@pytest.mark.parametrize("app", APPS)
def test_members_of_whom_other_things_are_known_get_other_texts(said, app):
    known_by_text = defaultdict(set)
    for one in said[app]:
        if any(one.texts()):
            known = canonical_json({**one.features, "member": None})
            known_by_text[canonical_json(one.output)].add(known)

    assert [text for text, known in known_by_text.items() if len(known) > 1] == []
    assert len(known_by_text) >= 60


def test_every_clue_has_its_evidence_and_is_short(said):
    for clue in clues(said):
        assert re.match(r"依据：.*\d", clue["detail"]), clue
        assert 4 <= len(clue["summary"]) <= 40, clue
        assert len(clue["detail"]) <= 200, clue


def test_at_most_six_clues_of_a_source_and_eight_in_all(said):
    for app, most in (("app3_clue", 6), ("app6_note", 6), ("app8_consolidate", 8)):
        assert all(len(one.output["clues"]) <= most for one in said[app])


def test_no_list_says_anything_twice(said):
    for one in said["app8_consolidate"]:
        summaries = [clue["summary"] for clue in one.output["clues"]]
        assert len(set(summaries)) == len(summaries)


def test_every_sentence_on_a_customer_has_its_figure(said):
    for one in said["app7_customer"]:
        analysis = one.output
        sentences = [*analysis["reasons"], *analysis["profile"].rstrip("。").split("。")]
        assert all(re.search(r"\d", sentence) for sentence in sentences), analysis
        assert len(analysis["profile"]) <= 240
        assert len(analysis["next_best_action"]) <= 160
        assert all(len(reason) <= 160 for reason in analysis["reasons"])


def test_every_sentence_on_a_pair_has_its_figure(said):
    for one in said["app4_analysis"]:
        analysis = one.output
        sentences = [
            *analysis["risks"],
            *analysis["opportunities"],
            *analysis["summary"].rstrip("。").split("。"),
        ]
        assert all(re.search(r"\d", sentence) for sentence in sentences), analysis
        assert all(len(sentence) <= 160 for sentence in sentences)


def test_words_to_a_guest_are_short_harmless_and_come_with_what_to_avoid(said):
    for point in points(said):
        assert len(point["words"]) <= 60, point
        assert not NOT_TO_A_GUEST.search(point["words"]), point
        assert re.search(r"依据：.*\d", point["aim"]), point
        assert point["avoid"]
        assert len(point["scene"]) <= 40, point


def test_words_to_a_guest_vary(said):
    words = [point["words"] for point in points(said)]

    most = max(words.count(text) for text in set(words))
    assert most <= len(words) / 12


@pytest.mark.parametrize("app", APPS)
def test_nothing_forbidden_is_said(said, app):
    for one in said[app]:
        for text in one.texts():
            assert not FORBIDDEN.search(text), text


@pytest.mark.parametrize("app", APPS)
def test_every_figure_is_one_that_was_told(said, app):
    for one in said[app]:
        told = {float(number) for number in NUMBER.findall(canonical_json(one.features))}
        for text in one.texts():
            figures = {float(number) for number in NUMBER.findall(text)}
            # 30 and 90 days are the windows that the features are named after.
            assert figures - told <= {30.0, 60.0, 90.0, 180.0}, (text, figures - told)


@pytest.mark.parametrize("app", APPS)
def test_nobody_is_spoken_of_who_was_not_told_of(said, app):
    for one in said[app]:
        known = set(re.findall(r"(?:会员|助教)#\d+", canonical_json(one.features)))
        assert set(re.findall(r"(?:会员|助教)#\d+", str(one.output))) <= known


def test_few_visits_are_said_to_be_few(said):
    for one in said["app7_customer"]:
        visits = one.features["visits"]
        if visits["few"] and visits["last"]:
            assert "样本少" in one.output["profile"]


def test_nobody_is_written_to_who_must_not_be(said):
    for one in said["app5_tactics"]:
        contact = one.features["contact"]
        if not contact["may_contact"] or contact["paused_until"]:
            assert all("微信" not in point["scene"] for point in one.output["talking_points"])
    for one in said["app7_customer"]:
        contact = one.features["contact"]
        if not contact["may_contact"]:
            assert one.output["next_best_action"].startswith("不主动联系")


def test_risks_spread_over_the_whole_scale(said):
    risks = [one.output["churn_risk"] for one in said["app7_customer"]]

    assert min(risks) < 15
    assert max(risks) > 90
    assert len(set(risks)) > 30
