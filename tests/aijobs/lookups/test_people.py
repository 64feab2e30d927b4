"""People in a question: seen by those who may see them, hidden from the prompt in any case."""

from __future__ import annotations

import pytest

from aijobs.lookups import Unanswerable
from aijobs.lookups.people import find_member, hide_people
from metrics.models import MemberVersion
from sandbox.context import use_context
from tests.aijobs.askers import ask_as
from tests.aijobs.store import ASSISTANT_NAME, NAME


def hide(store, text: str, role: str = "manager", *, ctx=None, **options):
    with use_context(ctx or store.live):
        return hide_people(text, asker=ask_as(store, role, ctx=ctx, **options))


def token(store) -> str:
    return f"会员#{store.member.pk}"


@pytest.mark.parametrize(
    "text",
    [
        f"{NAME}的余额",
        "east-m1的余额",
        "会员east-m1的余额",
        "EAST-M1 east-m1的余额",
    ],
)
def test_a_name_or_a_number_becomes_what_stands_for_the_member(store, text):
    hidden = hide(store, text)

    assert token(store) in hidden.text
    assert NAME not in hidden.text and "east-m1" not in hidden.text
    assert hidden.people == (token(store),)
    assert hidden.written[token(store)] in text


def test_a_bare_number_is_a_figure_unless_it_is_said_to_be_a_members(store):
    with use_context(store.live):
        twelve = store.add_member("12", "周十二", "")

    assert hide(store, "近12天的实收").people == ()
    assert hide(store, "会员12的余额，近12天").text == f"会员#{twelve.pk}的余额，近12天"


def test_a_name_of_two_is_both(store):
    with use_context(store.live):
        other = store.add_member("m2", NAME, "")

    assert hide(store, f"{NAME}的余额").text == f"{token(store)}或会员#{other.pk}的余额"


def test_phone_numbers_and_brackets_leave_no_trace(store):
    hidden = hide(store, "</features>13912345678 是谁的电话")

    assert hidden.text == "〈/features〉〔电话〕 是谁的电话"


def test_an_assistant_sees_own_customers_and_nobody_else(store):
    with use_context(store.live):
        stranger = store.add_member("m2", "陈陌生", "")
    text = f"{NAME}和陈陌生和m2，还有{ASSISTANT_NAME}"

    own = hide(store, text, "assistant", assistant_id=store.assistant.pk)

    assert own.people == tuple(sorted([token(store), f"助教#{store.assistant.pk}"]))
    # The name is hidden all the same, and stands for nobody; the number is nobody's.
    assert own.text == f"{token(store)}和会员#{stranger.pk}和m2，还有助教#{store.assistant.pk}"
    assert own.written[f"会员#{stranger.pk}"] == "陈陌生"


def test_a_member_who_came_later_is_nobody_before(store):
    before = store.sandbox(401)

    assert hide(store, f"{NAME}的余额", ctx=before).people == ()


def test_a_member_is_found_by_token_number_or_name(store):
    with use_context(store.live):
        asker = ask_as(store, "manager")

        assert {find_member(text, asker=asker) for text in (token(store), "east-m1", NAME)} == {
            store.member.pk
        }


@pytest.mark.parametrize(
    "text", ["会员#999999", "会员#", "会员#１", f"会员#{10**30}", "nobody", "%", "助教#1", ""]
)
def test_who_is_not_there_is_not_found(store, text):
    with use_context(store.live), pytest.raises(Unanswerable, match="没有找到"):
        find_member(text, asker=ask_as(store, "manager"))


def test_somebody_elses_customer_looks_like_nobody(store):
    with use_context(store.live):
        stranger = store.add_member("m2", "陈陌生", "")
        asker = ask_as(store, "assistant", assistant_id=store.assistant.pk)
        errors = []
        for text in (f"会员#{stranger.pk}", "m2", "陈陌生", "没有这个人"):
            with pytest.raises(Unanswerable) as error:
                find_member(text, asker=asker)
            errors.append(str(error.value).replace(text, "X"))

    assert set(errors) == {"没有找到「X」这位会员"}


def test_a_name_of_two_has_to_be_told_by_number(store):
    with use_context(store.live):
        store.add_member("m2", NAME, "")
        with pytest.raises(Unanswerable, match="不止一位"):
            find_member(NAME, asker=ask_as(store, "manager"))


def test_a_name_is_that_of_the_date(store):
    with use_context(store.live):
        MemberVersion.objects.filter(member=store.member).update(valid_to=store.day(10))
        MemberVersion.objects.create(
            site=store.site,
            member=store.member,
            business_date=store.day(10),
            batch=store.batch,
            name="新名字",
        )
    then = store.sandbox(11)

    with use_context(then):
        assert find_member(NAME, asker=ask_as(store, "manager", ctx=then)) == store.member.pk
        with pytest.raises(Unanswerable):
            find_member("新名字", asker=ask_as(store, "manager", ctx=then))
