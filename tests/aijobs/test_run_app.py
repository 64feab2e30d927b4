"""Running a single app: what it needs, what it is told, what it leaves, whoever asks for it."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from aijobs.cache import fetch
from aijobs.chains import CHAINS, find_chain
from aijobs.firing import PREWARM_EVERYWHERE, fire_event
from aijobs.guards.kill_switches import throw_kill_switch
from aijobs.jobs import open_app_run
from aijobs.models import ProviderCall, RetentionClue, Run, TriggerJob
from aijobs.planning import plan
from aijobs.registry import AI_APPS, find_app
from aijobs.targets import MEMBER, Target
from metrics.events import Event
from sandbox.context import use_context
from sandbox.errors import BadRequest, NotFound
from tests.aijobs.driving import drive
from tests.aijobs.store import Store


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


@pytest.fixture
def committed(transactional_db) -> Store:
    return Store()


def open_run(store: Store, app: str, target: dict[str, Any], **options: Any) -> TriggerJob:
    with use_context(store.live):
        options = {"triggered_by": "admin_manual", **options}
        return open_app_run(ctx=store.live, app=app, target=target, **options)


def run(store: Store, app: str, target: dict[str, Any]) -> TriggerJob:
    """Open and work off, as a worker would."""
    job = open_run(store, app, target)
    drive(job.pk)
    with use_context(store.live):
        return TriggerJob.objects.get(pk=job.pk)


def result_of(store: Store, app: str, target: dict[str, Any]) -> dict[str, Any]:
    declared = AI_APPS[find_app(app).key]
    with use_context(store.live):
        insight = fetch(
            cache_type=declared.cache_type,
            target_id=declared.target_id(Target.from_payload(target)),
            ctx=store.live,
        )
    assert insight is not None
    return insight.result


# --- What is refused, and how it is said ---------------------------------------------------------

MEMBER_APPS = ("app3_clue", "app6_note", "app7_customer", "app8_consolidate", "app8_consolidation")
PAIR_APPS = ("app4_analysis", "app5_tactics")
KNOWN = ", ".join(AI_APPS)
# App, target, error, code, fields, sentence. Names of people stand for their ids.
REFUSED = {
    "app2 needs a range": (
        "app2_finance", {}, BadRequest, "target_incomplete", ["range"],
        "app2_finance needs: range.",
    ),
    "app2 leaves areas to app2a": (
        "app2_finance", {"range_key": "this_month", "area": "vip"}, BadRequest,
        "target_incomplete", ["area"],
        "app2_finance takes the area `all` only; app2a_finance_area takes the others.",
    ),
    "app2a needs a range": (
        "app2a_finance_area", {"area": "vip"}, BadRequest, "target_incomplete", ["range"],
        "app2a_finance_area needs: range.",
    ),
    "app2a needs an area": (
        "app2a_finance_area", {"range_key": "this_month"}, BadRequest, "target_incomplete",
        ["area"], "app2a_finance_area needs: area.",
    ),
    "app2a leaves the whole store to app2": (
        "app2a_finance_area", {"range_key": "this_month", "area": "all"}, BadRequest,
        "target_incomplete", ["area"], "app2a_finance_area needs: area.",
    ),
    "app2a needs range and area": (
        "app2a_finance_area", {}, BadRequest, "target_incomplete", ["range", "area"],
        "app2a_finance_area needs: range, area.",
    ),
    "an area that the store lacks": (
        "app2a_finance_area", {"range_key": "this_month", "area": "roof"}, NotFound, "not_found",
        ["area"], "The store has no area “roof”.",
    ),
    "a range that is none": (
        "app2_finance", {"range_key": "this_year"}, BadRequest, "bad_request", ["range_key"],
        "The request is not valid.",
    ),
    **{
        f"{app} needs a member": (
            app, {}, BadRequest, "target_incomplete", ["member"],
            f"{find_app(app).key} needs: member.",
        )
        for app in MEMBER_APPS
    },
    **{
        f"{app} needs member and assistant": (
            app, {}, BadRequest, "target_incomplete", ["member", "assistant"],
            f"{app} needs: member, assistant.",
        )
        for app in PAIR_APPS
    },
    **{
        f"{app} needs an assistant": (
            app, {"member_id": "own"}, BadRequest, "target_incomplete", ["assistant"],
            f"{app} needs: assistant.",
        )
        for app in PAIR_APPS
    },
    **{
        f"{app} needs a member beside the assistant": (
            app, {"assistant_id": "own"}, BadRequest, "target_incomplete", ["member"],
            f"{app} needs: member.",
        )
        for app in PAIR_APPS
    },
    "another store's member": (
        "app7_customer", {"member_id": "foreign"}, NotFound, "not_found", [],
        "There is no such member on",
    ),
    "another store's assistant": (
        "app4_analysis", {"member_id": "own", "assistant_id": "foreign"}, NotFound, "not_found",
        [], "There is no such assistant on",
    ),
    "app6 needs a note where there is none": (
        "app6_note", {"member_id": "own"}, BadRequest, "note_required", ["note"],
        "The member has no such note on",
    ),
    "app6 needs a note of this member": (
        "app6_note", {"member_id": "own", "note_id": 999_999_999}, BadRequest, "note_required",
        ["note"], "The member has no such note on",
    ),
    "an app that is none": (
        "app9_oracle", {}, BadRequest, "unknown_app", ["app"],
        f"There is no AI app “app9_oracle”; choose one of: {KNOWN}.",
    ),
    "a source that is none": (
        "app8_consolidate", {"member_id": "own", "source": "manual"}, BadRequest, "bad_request",
        ["source"], "The request is not valid.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_missing_is_named_and_nothing_is_opened(store, case):
    app, target, error, code, fields, sentence = REFUSED[case]
    other = Store("west")
    people = {
        ("member_id", "own"): store.member.pk,
        ("member_id", "foreign"): other.member.pk,
        ("assistant_id", "own"): store.assistant.pk,
        ("assistant_id", "foreign"): other.assistant.pk,
    }
    target = {key: people.get((key, value), value) for key, value in target.items()}

    with pytest.raises(error) as refusal:
        open_run(store, app, target)

    assert (refusal.value.code, list(refusal.value.fields)) == (code, fields)
    assert str(refusal.value).startswith(sentence)
    with use_context(store.live):
        assert not TriggerJob.objects.exists()


def test_every_app_that_analyses_a_target_is_in_the_table():
    tried = {find_app(app).key for app, *_rest in REFUSED.values() if app != "app9_oracle"}

    assert tried == {key for key, app in AI_APPS.items() if app.cache_type}


def test_a_choice_that_is_wrong_names_the_right_ones(store):
    with pytest.raises(BadRequest) as refusal:
        open_run(store, "app2_finance", {"range_key": "this_year"})

    assert "this_month, last_month, this_week" in refusal.value.fields["range_key"][0]


def test_people_are_told_in_their_language(store):
    with translation.override("zh-hans"), pytest.raises(BadRequest) as refusal:
        open_run(store, "app3_clue", {})

    assert str(refusal.value) == "app3_clue 缺少：会员。"


def test_an_app_that_is_switched_off_is_not_run(store):
    throw_kill_switch(site=store.site, app="app3_clue", reason="测试", actor_id=None)

    with pytest.raises(Exception, match="测试") as refusal:
        open_run(store, "app3_clue", {"member_id": store.member.pk})

    assert refusal.value.status == 423


# --- At a terminal -------------------------------------------------------------------------------


def test_a_command_without_a_store_says_so(store):
    with pytest.raises(CommandError, match="--site"):
        call_command("run_app", "app2_finance", "--range=this_month")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--site=north"], "There is no store “north”."),
        (["--site=east", "--member=m9"], "There is no member “m9” on"),
        (["--site=east", "--assistant=a9"], "There is no assistant “a9” on"),
        (["--site=east", "--note=n9"], "There is no note “n9” on"),
    ],
)
def test_a_command_names_who_is_not_there(store, arguments, sentence):
    with pytest.raises(CommandError) as refusal:
        call_command("run_app", "app6_note", *arguments)

    assert str(refusal.value).startswith(sentence)


def terminal(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command(*arguments, stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def test_the_command_returns_the_result(committed):
    answer = terminal("run_app", "app3_clue", "--site=east", "--member=east-m1", "--wait")

    assert answer["insight"]["result"]["clues"]
    assert answer["reason"] == ""


def test_the_command_returns_the_reason_where_there_is_no_result(committed):
    answer = terminal("run_app", "app8_consolidation", "--site=east", "--member=east-m1", "--wait")

    assert (answer["insight"], answer["reason"]) == (None, "There was nothing to work on.")


def test_the_command_fails_with_the_reason_of_a_failed_run(committed, provider):
    provider.order("*", fault="auth")

    with pytest.raises(CommandError, match="The AI account is not set up properly"):
        terminal("run_app", "app3_clue", "--site=east", "--member=east-m1", "--wait")


# --- What it leaves ------------------------------------------------------------------------------


def test_it_is_one_step_through_the_gate_with_nothing_downstream(committed):
    job = run(committed, "app3_clue", {"member_id": committed.member.pk})

    with use_context(committed.live):
        (step,) = Run.objects.filter(job=job)
        calls = ProviderCall.objects.filter(run=step).count()
        assert not RetentionClue.objects.exists()
        assert TriggerJob.objects.count() == 1
    assert (job.status, job.is_forced, job.triggered_by) == ("completed", True, "admin_manual")
    assert (step.status, calls) == ("success", 1)
    assert result_of(committed, "app3_clue", {"member_id": committed.member.pk})["clues"]


def test_a_second_press_finds_the_open_job(store):
    target = {"member_id": store.member.pk}

    assert open_run(store, "app3_clue", target).pk == open_run(store, "app3_clue", target).pk


@pytest.mark.parametrize("source", ["ai_consumption", "ai_note"])
def test_app8_collects_both_kinds_of_clues_and_writes_them_as_one_source(committed, source):
    with use_context(committed.live):
        committed.add_note("答应下次给他留三号台")
    target = {"member_id": committed.member.pk}
    for app in ("app3_clue", "app6_note"):
        run(committed, app, target)

    run(committed, "app8_consolidate", {**target, "source": source})

    with use_context(committed.live):
        told = Run.objects.get(app="app8_consolidate").features or {}
        sources = set(RetentionClue.objects.values_list("source", flat=True))
    assert set(told["sources"]) == {"app3_clue", "app6_note"}
    assert sources == {source}


def test_app8_is_known_by_its_old_name(store):
    job = open_run(store, "app8_consolidation", {"member_id": store.member.pk})

    assert job.payload["step"] == f"app8_consolidate:{store.member.pk}"


def test_app6_takes_the_newest_note_or_the_one_that_is_named(committed):
    with use_context(committed.live):
        older = committed.add_note("习惯周五晚上来", ago=9)
        newer = committed.add_note("抱怨空调太冷", ago=2)
    target = {"member_id": committed.member.pk}

    for named, expected in (({}, newer), ({"note_id": older.pk}, older)):
        run(committed, "app6_note", {**target, **named})
        with use_context(committed.live):
            told = Run.objects.filter(app="app6_note").order_by("-pk")[0]
        assert told.references["rows"]["notes"] == [expected.pk]


def test_app6_knows_no_note_from_after_its_date(store):
    with use_context(store.live):
        store.add_note("答应下次给他留三号台", ago=2)
    past = store.sandbox(ago=5)

    with use_context(past), pytest.raises(BadRequest) as refusal:
        open_app_run(
            ctx=past,
            app="app6_note",
            target={"member_id": store.member.pk},
            triggered_by="admin_manual",
        )

    assert refusal.value.code == "note_required"


def test_app5_takes_the_latest_analysis(committed):
    pair = {"member_id": committed.member.pk, "assistant_id": committed.assistant.pk}
    run(committed, "app5_tactics", pair)
    run(committed, "app4_analysis", pair)
    run(committed, "app5_tactics", pair)

    with use_context(committed.live):
        before, after = (
            step.features or {} for step in Run.objects.filter(app="app5_tactics").order_by("pk")
        )
    assert before["analysis"] is None
    assert after["analysis"] == result_of(committed, "app4_analysis", pair)


# --- Events ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.event_type)
def test_an_event_is_known_by_its_alias(chain):
    assert find_chain(chain.alias) is find_chain(chain.event_type) is chain


@pytest.mark.parametrize(
    ("event_type", "fields", "sentence"),
    [
        ("consumption", ["member", "settlement"], "The event lacks: member, bill."),
        ("ai_note_created", ["member", "note"], "The event lacks: member, note."),
        ("ai_task_assigned", ["member", "assistant"], "The event lacks: member, assistant."),
    ],
)
def test_an_event_names_what_it_lacks(store, event_type, fields, sentence):
    with pytest.raises(BadRequest) as refusal:
        fire_event(site=store.site, event_type=event_type)

    assert (list(refusal.value.fields), str(refusal.value)) == (fields, sentence)


def test_an_unknown_event_is_told_the_known_ones(store):
    with pytest.raises(BadRequest, match="consumption, note_created, task_assigned, dws_completed"):
        fire_event(site=store.site, event_type="birthday")


def test_a_prewarm_everywhere_has_a_name_of_its_own(store):
    Store("west")

    fire_event(site=store.site, event_type=PREWARM_EVERYWHERE)

    assert PREWARM_EVERYWHERE == "ai_dws_prewarm"
    for code in ("east", "west"):
        site = type(store.site).objects.get(code=code)
        ctx = type(store.live)(site, store.live.mode, store.today)
        with use_context(ctx):
            assert TriggerJob.objects.get(site=site).event_type == "dws_completed"


def test_an_events_alias_starts_the_same_chain(store):
    event = Event(
        "ai_consumption_settled",
        store.site.pk,
        store.today,
        member_id=store.member.pk,
        settlement_id=1,
    )

    (group,) = plan(find_chain(event.event_type), event)

    assert [step.key for step in group.steps] == [
        f"{app}:{MEMBER.write(Target(member_id=store.member.pk))}"
        for app in ("app3_clue", "app8_consolidate", "app7_customer")
    ]
