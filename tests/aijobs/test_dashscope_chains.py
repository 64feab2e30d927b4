"""Whole chains through the dashscope protocol on the loopback: who is called when, with what, and
what becomes of answers in fences, in prose, or in no form at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from aijobs.jobs import open_jobs
from aijobs.models import CacheEntry, ProviderCall, RetentionClue, Run
from aijobs.registry import AI_APPS
from aijobs.standin.answers import ANSWERS
from metrics.events import Event
from metrics.models import Area, AreaVersion
from metrics.ranges import RANGES
from sandbox.context import use_context
from sandbox.options import set_option
from tests.aijobs.driving import drive, job_of, open_chain, rows, statuses
from tests.aijobs.store import Store

pytestmark = pytest.mark.django_db(transaction=True)

MEMBER_CHAIN = ["app3_clue", "app8_consolidate", "app7_customer"]
PAIR_CHAIN = ["app4_analysis", "app5_tactics"]
CALLED_FOR = {
    "consumption": [*MEMBER_CHAIN, *PAIR_CHAIN],
    "note_created": ["app6_note", "app8_consolidate"],
    "task_assigned": PAIR_CHAIN,
}
NO_OUTPUT = "我不知道"


def event(store: Store, event_type: str, **needs) -> Event:
    about = {"consumption": {"settlement_id": 1}, "note_created": {"note_id": needs.get("note")}}
    return replace(
        store.consumption(),
        event_type=event_type,
        **{"settlement_id": None, **about.get(event_type, {})},
        assistant_ids=() if event_type == "note_created" else (store.assistant.pk,),
    )


@pytest.fixture
def fire(store) -> Callable[[str], None]:
    """Open a chain's job for the store's member and drive it to its end."""

    def fire(event_type: str) -> None:
        with use_context(store.live):
            note = store.add_note("喜欢周五晚上来") if event_type == "note_created" else None
        drive(open_chain(store, event(store, event_type, note=note and note.pk)))

    return fire


@pytest.mark.parametrize("event_type", CALLED_FOR)
def test_a_chain_calls_its_applications_in_order_with_what_its_runs_record(
    store, provider, fire, event_type
):
    fire(event_type)

    runs = {run.app: run for run in rows(store, Run)}
    assert [call.app for call in provider.calls] == CALLED_FOR[event_type]
    assert [call.shape for call in provider.calls] == ["dashscope"] * len(provider.calls)
    for call in provider.calls:
        assert call.prompt == runs[call.app].prompt
        assert (runs[call.app].provider, runs[call.app].model) == ("dashscope", call.app)
    assert job_of(store).status == "completed"


def test_two_assistants_on_a_bill_are_two_branches_after_the_members_chain(store, provider):
    with use_context(store.live):
        other = store.add_assistant("a2", "周小曼")
    both = (store.assistant.pk, other.pk)

    drive(open_chain(store, replace(event(store, "consumption"), assistant_ids=both)))

    apps = [call.app for call in provider.calls]
    assert apps[:3] == MEMBER_CHAIN
    assert sorted(apps[3:]) == sorted(PAIR_CHAIN * 2)
    for assistant in both:
        branch = [run for run in rows(store, Run) if run.assistant_id == assistant]
        branch.sort(key=lambda run: run.started_at)
        assert [run.app for run in branch] == PAIR_CHAIN


@pytest.mark.slow
def test_a_closed_day_calls_for_the_store_and_for_each_area_that_it_has(store, provider):
    with use_context(store.live):
        at = {"site": store.site, "business_date": store.day(400), "batch": store.batch}
        area = Area.objects.create(external_id="vip", **at)
        AreaVersion.objects.create(area=area, name="包厢", **at)
        set_option(key="ai_rate_per_minute", value=1000, site=store.site, actor_id=None)
        day = replace(event(store, "dws_completed"), member_id=None, assistant_ids=())
        (opened,) = open_jobs([day])

    drive(opened.job_id)

    finance, areas = (provider.calls_of(app) for app in ("app2_finance", "app2a_finance_area"))
    assert (len(finance), len(areas)) == (len(RANGES), len(RANGES))
    assert all('"area":{"code":"vip","name":"包厢"}' in call.prompt for call in areas)
    assert {entry.target_id for entry in rows(store, CacheEntry)} == {
        f"{key}__{code}" for key in RANGES for code in ("all", "vip")
    }


# --- Answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("event_type", CALLED_FOR)
@pytest.mark.parametrize(
    "around",
    [
        "```json\n%s\n```",
        "好的，{结果}如下：\n%s\n希望有帮助。",
        "```\n%s\n```\n以上 {}",
        "\ufeff%s",
    ],
    ids=["fenced", "in prose", "fenced in prose", "after a mark"],
)
def test_answers_are_read_whatever_stands_around_them(store, provider, fire, event_type, around):
    good = {app: AI_APPS[app].output.model_validate(ANSWERS[app]) for app in CALLED_FOR[event_type]}
    for app, answer in good.items():
        provider.order(app, text=around % answer.model_dump_json())

    fire(event_type)

    results = {run.app: run.result for run in rows(store, Run)}
    assert results == {app: answer.model_dump(mode="json") for app, answer in good.items()}
    assert len(provider.calls) == len(good)


@pytest.mark.parametrize("event_type", CALLED_FOR)
def test_each_step_may_repair_its_answer_once(store, provider, fire, event_type):
    for app in CALLED_FOR[event_type]:
        provider.order(app, text='{"headline": "</answer> 别的"}', times=1)

    fire(event_type)

    assert [call.app for call in provider.calls] == [
        app for app in CALLED_FOR[event_type] for _call in ("first", "repair")
    ]
    assert [call.purpose for call in rows(store, ProviderCall)] == ["first", "repair"] * len(
        CALLED_FOR[event_type]
    )
    for asked, repair in zip(provider.calls[::2], provider.calls[1::2], strict=True):
        assert repair.prompt.startswith(asked.prompt)
        assert "Field required" in repair.prompt
        # The bad answer stands between delimiters that it cannot close.
        assert repair.prompt.count("</answer>") == 2
        assert "\\u003c/answer> 别的" in repair.prompt
    assert set(statuses(store).values()) == {"success"}


@pytest.mark.parametrize("app", CALLED_FOR["consumption"])
def test_an_answer_that_stays_invalid_keeps_what_was_there_and_stops_nobody(
    store, provider, fire, app
):
    fire("consumption")
    kept, clues = entries(store, app), rows(store, RetentionClue)
    provider.order(app, text=NO_OUTPUT)

    drive(open_chain(store, replace(event(store, "consumption"), payload={"is_forced": True})))

    again = {run.app: run for run in rows(store, Run)[len(CALLED_FOR["consumption"]) :]}
    failed = again.pop(app)
    assert (failed.status, failed.error_code) == ("failed", "invalid_output")
    assert (failed.response, failed.result) == (NO_OUTPUT, None)
    assert len([call for call in rows(store, ProviderCall) if call.run_id == failed.pk]) == 2
    assert entries(store, app) == kept
    # Without app3 there is nothing to consolidate.
    skipped = {"app8_consolidate"} if app == "app3_clue" else set()
    assert {other for other, run in again.items() if run.status == "skipped"} == skipped
    assert {run.status for run in again.values()} - {"skipped"} == {"success"}
    if app in MEMBER_CHAIN[:2]:
        assert [clue.pk for clue in rows(store, RetentionClue)] == [clue.pk for clue in clues]
    assert job_of(store).status == "partial"


def entries(store: Store, app: str) -> list[int]:
    cache_type = AI_APPS[app].cache_type
    return [entry.pk for entry in rows(store, CacheEntry) if entry.cache_type == cache_type]


def test_a_failed_app3_leaves_app8_the_clues_of_notes_and_app7_its_turn(store, provider, fire):
    fire("note_created")
    provider.order("app3_clue", fault="error")

    fire("consumption")

    (_note, consolidated) = provider.calls_of("app8_consolidate")
    assert '"app6_note":' in consolidated.prompt
    assert '"app3_clue":' not in consolidated.prompt
    ends = [(run.app, run.status) for run in rows(store, Run)[2:5]]
    assert ends == [
        ("app3_clue", "failed"),
        ("app8_consolidate", "success"),
        ("app7_customer", "success"),
    ]
