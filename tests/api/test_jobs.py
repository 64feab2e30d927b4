"""Jobs, and the events that start them."""

from __future__ import annotations

import base64

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from aijobs.jobs import open_app_run
from aijobs.models import TriggerJob
from metrics.models import Assistant, Settlement
from sandbox.context import live_context, use_context
from sandbox.models import RuntimeSetting
from tests.factories import push_assistant, push_bill, push_member

from .conftest import PAST, TODAY, make_member

pytestmark = pytest.mark.django_db


def url(site, rest: str = "") -> str:
    return f"/api/v1/sites/{site.pk}/jobs/{rest}"


def open_job(member) -> TriggerJob:
    ctx = live_context(member.site)
    with use_context(ctx):
        return open_app_run(
            ctx=ctx, app="app3_clue", target={"member_id": member.pk}, triggered_by="api"
        )


def test_a_job_shows_every_step(manager, member):
    job = open_job(member)

    shown = manager.get(url(member.site, f"{job.pk}/")).json()

    assert shown["id"] == job.pk
    assert (shown["status"], shown["status_label"]) == ("pending", "排队中")
    assert shown["steps"] == [
        {
            "key": f"app3_clue:{member.pk}",
            "status": "pending",
            "status_label": "排队中",
            "attempt": 1,
            "error_code": "",
        }
    ]
    assert (shown["steps_done"], shown["steps_total"], shown["coalesced_count"]) == (0, 1, 0)


def test_the_list_is_newest_first_page_by_page(manager, site):
    jobs = [open_job(push_member(site)) for _ in range(3)]

    first = manager.get(url(site, "?page_size=2")).json()
    second = manager.get(first["next"]).json()

    shown = [job["id"] for job in (*first["results"], *second["results"])]
    assert shown == [job.pk for job in reversed(jobs)]
    assert second["next"] is None


def test_the_list_takes_as_many_queries_for_20_as_for_1(manager, site):
    open_job(push_member(site))
    with CaptureQueriesContext(connection) as one:
        manager.get(url(site))
    for _ in range(19):
        open_job(push_member(site))
    with CaptureQueriesContext(connection) as twenty:
        assert len(manager.get(url(site)).json()["results"]) == 20

    assert len(twenty) == len(one)


@pytest.mark.parametrize("cursor", ["p=abc", "p=" + "9" * 40, "p=-1", "p=%00", "o=x"])
def test_a_forged_cursor_is_refused(manager, site, cursor):
    refused = manager.get(url(site), {"cursor": base64.b64encode(cursor.encode()).decode()})

    assert refused.status_code in (400, 404)
    assert {"code", "message"} <= set(refused.json())


def test_a_cancelled_job_is_over_and_cannot_be_cancelled_again(manager, member):
    job = open_job(member)

    cancelled = manager.post(url(member.site, f"{job.pk}/cancel/"))
    again = manager.post(url(member.site, f"{job.pk}/cancel/"))

    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert (again.status_code, again.json()["code"]) == (409, "not_cancellable")


def test_a_job_that_did_not_fail_cannot_be_retried(manager, member):
    job = open_job(member)

    refused = manager.post(url(member.site, f"{job.pk}/retry/"))

    assert (refused.status_code, refused.json()["code"]) == (409, "not_retryable")


@pytest.mark.parametrize("who", ["auditor", "assistant", "connector"])
@pytest.mark.parametrize("action", ["retry", "cancel"])
def test_only_managers_look_after_jobs(request, member, who, action):
    job = open_job(member)

    refused = request.getfixturevalue(who).post(url(member.site, f"{job.pk}/{action}/"))

    assert refused.status_code == 403


def test_an_assistant_sees_jobs_of_own_customers_only(assistant, member):
    job = open_job(member)

    assert assistant.get(url(member.site)).json()["results"] == []
    assert assistant.get(url(member.site, f"{job.pk}/")).status_code == 404


@pytest.mark.parametrize("rest", ["{job}/", "{job}/retry/", "{job}/cancel/"])
def test_another_stores_job_is_404(manager, site, other_site, rest):
    job = open_job(make_member(other_site))
    address = url(site, rest.format(job=job.pk))

    answer = manager.get(address) if rest == "{job}/" else manager.post(address)

    assert answer.status_code == 404


@pytest.mark.parametrize("pk", [0, 2**63, 10**40])
def test_an_id_that_is_none_is_404(manager, site, pk):
    assert manager.get(url(site, f"{pk}/")).status_code == 404


def test_jobs_after_d_are_not_there_in_the_past(manager, member):
    job = open_job(member)

    assert manager.get(url(member.site, f"{job.pk}/?as_of={PAST}")).status_code == 404


# --- Events --------------------------------------------------------------------------------------


def fire(client, site, **event):
    return client.post(f"/api/v1/sites/{site.pk}/events/", event, "json")


@pytest.fixture
def bill(member) -> Settlement:
    external_id = push_bill(member.site, PAST, 100, member=member)
    with use_context(live_context(member.site)):
        return Settlement.objects.get(external_id=external_id)


def test_an_event_opens_a_job_and_the_next_of_the_day_joins_it(manager, site, bill):
    event = {"event_type": "consumption", "member": bill.member_id, "settlement": bill.pk}

    first = fire(manager, site, **event)
    second = fire(manager, site, **event)

    assert first.status_code == 202
    assert first.json()["coalesced"] is False
    assert second.json() == {"job": first.json()["job"], "coalesced": True}
    with use_context(live_context(site)):
        job = TriggerJob.objects.get(pk=first.json()["job"])
    assert (job.mode, job.business_date) == ("live", TODAY)
    assert (job.triggered_by, job.triggered_by_user_id) == ("api", manager.user.pk)


def test_a_forced_event_gets_a_job_of_its_own(operator, site, bill):
    event = {"event_type": "consumption", "member": bill.member_id, "settlement": bill.pk}
    first = fire(operator, site, **event).json()

    forced = fire(operator, site, **event, is_forced=True).json()

    assert forced["job"] != first["job"]
    assert forced["coalesced"] is False


def test_the_old_name_of_an_event_is_accepted(connector, site, bill):
    fired = fire(
        connector,
        site,
        event_type="ai_consumption_settled",
        member=bill.member_id,
        settlement=bill.pk,
    )

    assert fired.status_code == 202


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({}, "event_type"),
        ({"event_type": "birthday"}, "event_type"),
        ({"event_type": "consumption"}, "member"),
        ({"event_type": "consumption", "member": "{member}"}, "settlement"),
        ({"event_type": "consumption", "member": 2**62}, "member"),
        ({"event_type": "consumption", "member": 2**63}, "member"),
        ({"event_type": "consumption", "member": "{member}", "settlement": 1}, "settlement"),
        ({"event_type": "note_created", "member": "{member}"}, "note"),
        ({"event_type": "note_created", "member": "{member}", "note": 77}, "note"),
    ],
)
def test_an_event_that_lacks_something_names_it(manager, site, member, event, field):
    sent = {key: member.pk if value == "{member}" else value for key, value in event.items()}

    refused = fire(manager, site, **sent)

    assert refused.status_code == 400
    assert field in refused.json()["fields"]
    with use_context(live_context(site)):
        assert not TriggerJob.objects.exists()


def test_a_task_is_fired_for_its_assistant(connector, site, member):
    push_assistant(site, "A-task")
    with use_context(live_context(site)):
        assistant = Assistant.objects.get(external_id="A-task").pk

    fired = fire(connector, site, event_type="task_assigned", member=member.pk, assistant=assistant)

    assert fired.status_code == 202
    with use_context(live_context(site)):
        assert TriggerJob.objects.get().app_chain == "app4→app5"


@pytest.mark.parametrize(("who", "status"), [("operator", 202), ("manager", 403)])
def test_only_an_operator_prewarms_every_store(who, status, site, other_site, request):
    client = request.getfixturevalue(who)

    assert fire(client, site, event_type="ai_dws_prewarm").status_code == status

    opened = 1 if status == 202 else 0
    for each in (site, other_site):
        with use_context(live_context(each)):
            assert TriggerJob.objects.filter(event_type="dws_completed").count() == opened


def test_another_stores_bill_is_refused(manager, site, bill, other_site):
    foreign = make_member(other_site)

    refused = fire(manager, site, event_type="consumption", member=foreign.pk, settlement=bill.pk)

    assert list(refused.json()["fields"]) == ["member", "settlement"]


def test_in_the_past_a_person_fires_nothing_and_the_till_goes_on(manager, connector, site, bill):
    RuntimeSetting.objects.create(site=site, mode="sandbox", business_date=PAST)
    event = {"event_type": "consumption", "member": bill.member_id, "settlement": bill.pk}

    refused = fire(manager, site, **event)

    assert (refused.status_code, refused.json()["code"]) == (409, "sandbox_read_only")
    assert fire(connector, site, **event).status_code == 202


@pytest.mark.parametrize("who", ["auditor", "assistant"])
def test_others_fire_nothing(request, site, bill, who):
    refused = fire(
        request.getfixturevalue(who),
        site,
        event_type="consumption",
        member=bill.member_id,
        settlement=bill.pk,
    )

    assert refused.status_code == 403
