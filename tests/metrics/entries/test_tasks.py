from __future__ import annotations

from datetime import timedelta

import pytest

from metrics.entries import cancel_task, complete_task, record_task
from metrics.importers import push_rows
from metrics.models import Assistant, CoachTaskDaily
from sandbox.context import as_of_context, live_context, use_context
from sandbox.errors import BadRequest, Conflict, NotFound, SandboxReadOnly
from tests.factories import days_before, make_site, push_assistant, push_bill, push_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    return make_site()


@pytest.fixture
def member(site):
    return push_member(site, "M1")


@pytest.fixture
def assistant(site):
    push_assistant(site, "A1")
    with use_context(live_context(site)):
        return Assistant.objects.get(site=site)


@pytest.fixture
def actor(django_user_model):
    return django_user_model.objects.create_user("lan")


@pytest.fixture
def task(site, member, assistant, actor):
    with use_context(live_context(site)) as ctx:
        return record_task(
            ctx=ctx,
            assistant_id=assistant.pk,
            member_id=member.pk,
            kind="recall",
            due_on=ctx.business_date + timedelta(days=3),
            reason="三周没来了",
            actor=actor,
        )


def test_a_task_is_recorded_and_counted(site, task, assistant):
    assert (task.kind, task.assistant_id, task.reason) == ("recall", assistant.pk, "三周没来了")
    with use_context(live_context(site)):
        assert CoachTaskDaily.objects.get(assistant=assistant).assigned == 1


def test_a_task_is_completed_once(site, task, assistant, actor):
    with use_context(live_context(site)) as ctx:
        event = complete_task(
            ctx=ctx, task_id=task.pk, outcome="visited", note="聊得不错", actor=actor
        )
        with pytest.raises(Conflict):
            complete_task(ctx=ctx, task_id=task.pk, outcome="visited", actor=actor)
        with pytest.raises(Conflict):
            cancel_task(ctx=ctx, task_id=task.pk, actor=actor)
        row = CoachTaskDaily.objects.get(assistant=assistant)

    assert (event.kind, event.outcome, event.note) == ("done", "visited", "聊得不错")
    assert row.done == 1


def test_a_cancelled_task_is_not_completed(site, task, actor):
    with use_context(live_context(site)) as ctx:
        assert cancel_task(ctx=ctx, task_id=task.pk, actor=actor).kind == "cancelled"
        with pytest.raises(Conflict):
            complete_task(ctx=ctx, task_id=task.pk, outcome="reached", actor=actor)


def test_what_the_till_closed_stays_closed(site, task, actor):
    done = {
        "external_id": "till-7",
        "task": task.external_id,
        "occurred_at": task.occurred_at,
        "kind": "done",
    }
    push_rows(site=site, kind="task_events", rows=[done])

    with use_context(live_context(site)) as ctx, pytest.raises(Conflict):
        complete_task(ctx=ctx, task_id=task.pk, outcome="reached", actor=actor)


@pytest.mark.parametrize(
    ("field", "value"), [("kind", "dance"), ("reason", "x" * 301), ("reason", "a\0b")]
)
def test_a_task_that_cannot_be_is_refused_by_name(site, assistant, actor, field, value):
    given = {"kind": "recall", field: value}

    with use_context(live_context(site)) as ctx, pytest.raises(BadRequest) as error:
        record_task(ctx=ctx, assistant_id=assistant.pk, actor=actor, **given)

    assert list(error.value.fields) == [field]


def test_an_outcome_that_is_none_is_refused_by_name(site, task, actor):
    with use_context(live_context(site)) as ctx, pytest.raises(BadRequest) as error:
        complete_task(ctx=ctx, task_id=task.pk, outcome="maybe", actor=actor)

    assert list(error.value.fields) == ["outcome"]


def test_another_stores_task_is_not_found(task, actor):
    with use_context(live_context(make_site())) as ctx, pytest.raises(NotFound):
        complete_task(ctx=ctx, task_id=task.pk, outcome="reached", actor=actor)


def test_nothing_is_written_into_the_past(site, member, task, actor):
    push_bill(site, days_before(site, 9), member=member)

    with use_context(as_of_context(site, days_before(site, 3))) as ctx:
        with pytest.raises(SandboxReadOnly):
            cancel_task(ctx=ctx, task_id=task.pk, actor=actor)
