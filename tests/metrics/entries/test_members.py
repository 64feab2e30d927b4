from __future__ import annotations

import pytest

from metrics.entries import assign_member, record_contact, record_note
from metrics.models import Assistant, Note
from sandbox.context import as_of_context, live_context, use_context
from sandbox.errors import BadRequest, NotFound, SandboxReadOnly
from tests.factories import days_before, make_site, push_assistant, push_bill, push_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    return make_site()


@pytest.fixture
def member(site):
    return push_member(site)


@pytest.fixture
def actor(django_user_model):
    return django_user_model.objects.create_user("lan", first_name="兰", last_name="王")


def test_a_note_is_written_down_and_set_off(site, member, actor, events):
    with use_context(live_context(site)) as ctx:
        note, results = record_note(ctx=ctx, member_id=member.pk, text=" 周四老位置 ", actor=actor)

        assert Note.objects.get(member=member) == note
    assert (note.text, note.author, note.business_date) == ("周四老位置", actor, ctx.business_date)
    assert [(e.event_type, e.note_id) for e in events] == [("note_created", note.pk)]
    assert [r.event_type for r in results] == ["note_created"]


@pytest.mark.parametrize("text", ["", "   ", "x" * 2001, "a\0b"])
def test_a_text_that_cannot_be_is_refused_by_name(site, member, actor, text):
    with use_context(live_context(site)) as ctx, pytest.raises(BadRequest) as error:
        record_note(ctx=ctx, member_id=member.pk, text=text, actor=actor)

    assert list(error.value.fields) == ["text"]


def test_nothing_is_written_into_the_past(site, member, actor):
    push_bill(site, days_before(site, 9), member=member)

    with use_context(as_of_context(site, days_before(site, 3))) as ctx:
        with pytest.raises(SandboxReadOnly):
            record_note(ctx=ctx, member_id=member.pk, text="x", actor=actor)


def test_another_stores_member_is_not_found(site, actor):
    stranger = push_member(make_site())

    with use_context(live_context(site)) as ctx, pytest.raises(NotFound):
        record_note(ctx=ctx, member_id=stranger.pk, text="x", actor=actor)


@pytest.fixture
def assistant(site):
    external_id = push_assistant(site)
    with use_context(live_context(site)):
        return Assistant.objects.get(site=site, external_id=external_id)


def test_a_contact_is_written_down(site, member, assistant, actor):
    with use_context(live_context(site)) as ctx:
        contact = record_contact(
            ctx=ctx,
            member_id=member.pk,
            assistant_id=assistant.pk,
            channel="phone",
            outcome="booked",
            words="张哥，这周四晚老位置给您留着？",
            actor=actor,
        )

    assert (contact.member_id, contact.assistant_id, contact.outcome) == (
        member.pk,
        assistant.pk,
        "booked",
    )


@pytest.mark.parametrize(
    ("field", "value"), [("channel", ""), ("outcome", "maybe"), ("words", "x" * 501)]
)
def test_a_contact_that_cannot_be_is_refused_by_name(site, member, actor, field, value):
    given = {"channel": "phone", "outcome": "reached", "words": "", field: value}

    with use_context(live_context(site)) as ctx, pytest.raises(BadRequest) as error:
        record_contact(ctx=ctx, member_id=member.pk, actor=actor, **given)

    assert list(error.value.fields) == [field]


def test_a_member_is_given_to_an_assistant_and_taken_back(site, member, assistant, actor):
    with use_context(live_context(site)) as ctx:
        given = assign_member(ctx=ctx, member_id=member.pk, assistant_id=assistant.pk, actor=actor)
        taken = assign_member(ctx=ctx, member_id=member.pk, assistant_id=None, actor=actor)

    assert (given.assistant_id, given.business_date) == (assistant.pk, ctx.business_date)
    assert taken.assistant_id is None


def test_another_stores_assistant_is_not_found(site, member, actor):
    other = make_site()
    push_assistant(other, "A9")
    with use_context(live_context(other)):
        stranger = Assistant.objects.get(external_id="A9")

    with use_context(live_context(site)) as ctx, pytest.raises(NotFound):
        assign_member(ctx=ctx, member_id=member.pk, assistant_id=stranger.pk, actor=actor)
