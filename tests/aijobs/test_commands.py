"""run_app, fire_event and features, as somebody at a terminal uses them."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from aijobs.checks import check_chains, check_provider
from aijobs.models import TriggerJob
from sandbox.context import use_context
from sandbox.models import SandboxAuditEntry, Site
from tests.aijobs.store import Store


@pytest.fixture
def committed(transactional_db) -> Store:
    return Store()


def run(*arguments: str) -> dict:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return json.loads(out.getvalue())


def test_run_app_waits_and_prints_the_result(committed):
    answer = run("run_app", "app7_customer", "--site=east", "--member=east-m1", "--wait")

    assert answer["status"] == "completed"
    assert answer["insight"]["mode"] == "live"
    assert "次" in answer["insight"]["result"]["profile"]


def test_run_app_takes_a_range(committed):
    answer = run("run_app", "app2_finance", "--site=east", "--range=last_month", "--wait")

    assert answer["steps"][0]["key"] == "app2_finance:last_month__all"
    assert answer["insight"]["target_id"] == "last_month__all"
    assert "营业结束" in answer["insight"]["result"]["headline"]


def test_run_app_takes_an_assistant_and_app5_the_newest_analysis(committed):
    pair = ["--site=east", "--member=east-m1", "--assistant=a1"]

    analysis = run("run_app", "app4_analysis", *pair, "--wait")["insight"]
    tactics = run("run_app", "app5_tactics", *pair, "--wait")["insight"]
    told = run("features", "app5_tactics", *pair)["features"]

    assert analysis["target_id"] == tactics["target_id"]
    assert tactics["result"]["talking_points"]
    assert told["analysis"] == analysis["result"]
    assert told["analysis_generated_at"] == analysis["created_at"]


def test_run_app_at_a_past_date_runs_in_the_sandbox(committed):
    day = committed.day(40).isoformat()

    answer = run(
        "run_app", "app3_clue", "--site=east", "--member=east-m1", "--wait", f"--as-of={day}"
    )

    assert (answer["insight"]["mode"], answer["insight"]["business_date"]) == ("sandbox", day)
    with use_context(committed.live):
        assert SandboxAuditEntry.objects.filter(used_for__startswith="run_app app3_clue").exists()


def test_fire_event_waits_for_the_whole_chain(committed):
    answer = run(
        "fire_event", "consumption", "--site=east", "--member=east-m1", "--settlement=s1", "--wait"
    )

    assert (answer["status"], answer["steps_done"], answer["coalesced"]) == ("completed", 5, False)


def test_without_wait_the_job_is_left_to_the_workers(store):
    answer = run("fire_event", "consumption", "--site=east", "--member=east-m1", "--settlement=s1")

    assert [step["status"] for step in answer["steps"]] == ["pending"] * 5


def test_the_assistants_on_a_bill_can_be_left_alone(store):
    bill = ("fire_event", "consumption", "--site=east", "--member=east-m1", "--settlement=s1")

    assert len(run(*bill, "--no-assistant")["steps"]) == 3


def test_a_task_is_fired_for_an_assistant(store):
    answer = run("fire_event", "task_assigned", "--site=east", "--member=east-m1", "--assistant=a1")

    assert [step["key"].partition(":")[0] for step in answer["steps"]] == [
        "app4_analysis",
        "app5_tactics",
    ]


def test_waiting_for_a_late_branch_works_off_the_members_job_first(committed):
    bill = ("fire_event", "consumption", "--site=east", "--member=east-m1", "--settlement=s1")
    run(*bill, "--no-assistant")

    answer = run(*bill, "--assistant=a1", "--wait")

    assert (answer["status"], answer["steps_done"]) == ("completed", 2)
    with use_context(committed.live):
        assert not TriggerJob.objects.exclude(status="completed").exists()


def test_prewarm_opens_one_job_for_every_active_store_and_a_day(store):
    Store("west")
    Site.objects.create(code="closed", name="停业店", is_active=False)

    first, again = run("prewarm"), run("prewarm", "--site=west")

    assert [(job["site"], job["steps_total"]) for job in first] == [("east", 72), ("west", 72)]
    assert [(job["id"], job["coalesced"]) for job in again] == [(first[1]["id"], True)]


def test_features_print_what_the_app_would_be_told_at_a_date(store):
    day = store.day(40).isoformat()

    answer = run("features", "app3_clue", "--site=east", "--member=east-m1", f"--as-of={day}")

    assert (answer["as_of"], answer["mode"]) == (day, "sandbox")
    assert answer["features"]["metrics"]["last_visit_days"] == 4
    assert answer["features"]["metrics"]["total_transactions"] == 8


def test_features_of_a_range_end_with_the_last_closed_day(store):
    day = store.day(40).isoformat()

    answer = run(
        "features", "app2_finance", "--site=east", "--range=last_3_months", f"--as-of={day}"
    )

    assert answer["features"]["data_until"] == store.day(41).isoformat()
    assert "paid" in answer["_references"]["metrics"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run_app", "app9", "--site=east"], "app9"),
        (["run_app", "app7_customer", "--site=east"], "--member"),
        (["run_app", "app7_customer", "--site=west"], "west"),
        (["run_app", "app2_finance", "--site=east"], "range"),
        (["run_app", "app2_finance", "--site=east", "--range=this_year"], "this_year"),
        (["run_app", "app2_finance", "--site=east", "--range=this_week", "--area=vip"], "all"),
        (["run_app", "app2a_finance_area", "--site=east", "--range=this_week"], "area"),
        (["run_app", "app2a_finance_area", "--site=east", "--area=vip"], "range"),
        (["run_app", "app4_analysis", "--site=east", "--member=east-m1"], "--assistant"),
        (["run_app", "app5_tactics", "--site=east", "--assistant=a1"], "--member"),
        (["run_app", "app4_analysis", "--site=east", "--assistant=a9"], "a9"),
        (["features", "app2a_finance_area", "--site=east"], "--range, --area"),
        (["run_app", "app7_customer", "--site=east", "--member=x"], "x"),
        (["run_app", "app6_note", "--site=east", "--member=east-m1"], None),
        (["features", "app6_note", "--site=east", "--member=east-m1"], None),
        (["fire_event", "consumption", "--site=east", "--member=east-m1"], "--settlement"),
        (["fire_event", "birthday", "--site=east"], "birthday"),
        (["fire_event", "task_assigned", "--site=east", "--member=east-m1"], "--assistant"),
    ],
)
def test_a_command_fails_with_a_sentence(store, arguments, message):
    with pytest.raises(CommandError, match=message):
        run(*arguments)


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({"AI_PROVIDER": "nobody"}, "nobody"),
        ({"AI_PROVIDER": "dashscope", "DASHSCOPE_API_KEY": ""}, "DASHSCOPE_API_KEY"),
        (
            {"AI_PROVIDER": "dashscope", "DASHSCOPE_API_KEY": "k", "DASHSCOPE_APP_IDS": {}},
            "DASHSCOPE_APP_ID_APP3_CLUE",
        ),
        ({"AI_PROVIDER": "openai", "OPENAI_API_KEY": "k", "OPENAI_MODEL": ""}, "OPENAI_MODEL"),
    ],
)
def test_a_half_configured_provider_stops_the_start_up(settings, values, missing):
    for name, value in values.items():
        setattr(settings, name, value)

    (problem,) = check_provider()

    assert missing in problem.msg


def test_the_first_run_needs_no_provider():
    assert check_provider() == []
    assert check_chains() == []
