"""What people say of clues, and what they write by hand: what it changes, and from when on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from aijobs.clues import told_clues
from aijobs.feedback import clue_subject
from aijobs.manual_clues import edit_manual_clue, withdraw_manual_clue
from aijobs.models import ClueFeedback, RetentionClue
from sandbox.context import use_context
from sandbox.errors import BadRequest, Conflict, NotFound, SandboxReadOnly
from sandbox.models import AuditEntry
from tests.aijobs.driving import rows
from tests.aijobs.opinions import judge, live_at, person, shown, write_clue
from tests.aijobs.store import Store

SAID = "和老李一起来"


@pytest.fixture
def said(store) -> RetentionClue:
    """A clue that somebody wrote down nine days ago."""
    return write_clue(store, SAID, ago=9)


# --- Words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", ["wrong", "unsuitable", "outdated"])
def test_a_no_hides_a_clue_from_everybody_and_from_prompts(store, said, verdict):
    judge(store, said, verdict)

    assert shown(store) == []
    with use_context(store.live) as ctx:
        assert told_clues(member_id=store.member.pk, ctx=ctx) == ([], [])


@pytest.mark.parametrize("verdict", ["useful", "used"])
def test_praise_hides_nothing(store, said, verdict):
    judge(store, said, verdict)

    assert shown(store) == [SAID]


def test_the_newest_word_of_each_person_counts(store, said):
    judge(store, said, "wrong", user="a")
    judge(store, said, "wrong", user="b")

    judge(store, said, "useful", user="a")
    assert shown(store) == []

    judge(store, said, "used", user="b")
    assert shown(store) == [SAID]
    assert len(rows(store, ClueFeedback)) == 4


def test_the_same_word_again_changes_nothing_and_another_reason_does(store, said):
    first, is_first_new = judge(store, said, "wrong", reason="周四才来")
    again, is_again_new = judge(store, said, "wrong", reason="周四才来")
    _row, is_silent_new = judge(store, said, "wrong")
    _row, is_other_new = judge(store, said, "wrong", reason="不是他")

    assert (is_first_new, is_again_new, is_silent_new, is_other_new) == (True, False, False, True)
    assert first.pk == again.pk


def test_a_word_is_in_the_audit_log_with_what_was_said_before(store, said):
    judge(store, said, "useful")
    row, _is_new = judge(store, said, "wrong", reason="周四才来")

    with use_context(store.live):
        entry = AuditEntry.objects.filter(action="feedback_given").latest("pk")
    assert (entry.object_id, entry.actor_id) == (str(row.pk), person().pk)
    assert entry.before == {"verdict": "useful", "reason": ""}
    assert entry.after == {
        "member": store.member.pk,
        "verdict": "wrong",
        "reason": "周四才来",
    }


@pytest.mark.parametrize(
    ("values", "field"),
    [({"verdict": "great"}, "verdict"), ({"verdict": "wrong", "reason": "长" * 301}, "reason")],
)
def test_a_word_that_cannot_be_names_the_field(store, said, values, field):
    with pytest.raises(BadRequest) as refusal:
        judge(store, said, **values)

    assert list(refusal.value.fields) == [field]


def test_nobody_judges_in_the_past(store, said):
    with pytest.raises(SandboxReadOnly):
        judge(store, said, ctx=store.sandbox(1))

    assert rows(store, ClueFeedback) == []


def test_a_clue_of_another_store_or_of_a_later_date_is_not_there(store, said):
    other = Store("west")

    for ctx in (other.live, live_at(store, 10)):
        with use_context(ctx), pytest.raises(NotFound):
            clue_subject(ctx=ctx, clue_id=said.pk)


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_are_both_heard_and_one_person_twice_once(store, said):
    def say(user: str, verdict: str) -> bool:
        try:
            return judge(store, said, verdict, user=user)[1]
        finally:
            connection.close()

    for name in ("a", "b"):
        person(name)
    with ThreadPoolExecutor(8) as pool:
        news = list(
            pool.map(say, ["a", "b", "a", "b", "a", "b"], ["useful", "wrong"] * 3),
        )

    assert sum(news) == 2
    assert {(row.user.username, row.verdict) for row in rows(store, ClueFeedback)} == {
        ("a", "useful"),
        ("b", "wrong"),
    }


# --- Dates ---------------------------------------------------------------------------------------


def test_a_clue_is_hidden_from_the_day_of_the_word_on_and_not_before(store, said):
    judge(store, said, ctx=live_at(store, 5))

    assert shown(store, store.sandbox(10)) == []
    assert shown(store, store.sandbox(9)) == [SAID]
    assert shown(store, store.sandbox(6)) == [SAID]
    assert shown(store, store.sandbox(5)) == []
    assert shown(store, store.sandbox(4)) == []
    assert shown(store) == []


def test_a_change_of_mind_counts_from_its_own_day_on(store, said):
    judge(store, said, ctx=live_at(store, 7))

    judge(store, said, "useful", ctx=live_at(store, 3))

    assert shown(store, store.sandbox(4)) == []
    assert shown(store, store.sandbox(3)) == [SAID]


# --- By hand -------------------------------------------------------------------------------------


def edit(store: Store, clue: RetentionClue, summary: str, detail: str = "") -> RetentionClue:
    with use_context(store.live) as ctx:
        return edit_manual_clue(
            ctx=ctx,
            clue_id=clue.pk,
            category="社交关系",
            summary=summary,
            detail=detail,
            actor=person(),
        )


def test_an_edit_supersedes_and_the_old_text_stays_readable_at_its_time(store):
    clue = write_clue(store, SAID, ago=5)

    edit(store, clue, "和老王一起来")

    assert shown(store) == ["和老王一起来"]
    assert shown(store, store.sandbox(1)) == [SAID]
    with use_context(store.live):
        entry = AuditEntry.objects.get(action="clue_edited")
    assert (entry.before["summary"], entry.after["summary"]) == (SAID, "和老王一起来")


def test_an_edit_of_nothing_writes_nothing_and_of_the_detail_alone_works(store):
    clue = write_clue(store, SAID, ago=5)

    assert edit(store, clue, SAID).pk == clue.pk
    assert edit(store, clue, SAID, "前台说的").pk != clue.pk
    assert shown(store) == [SAID]


def test_a_clue_that_somebody_changed_meanwhile_is_a_conflict(store):
    clue = write_clue(store, SAID, ago=5)
    edit(store, clue, "和老王一起来")

    with pytest.raises(Conflict):
        edit(store, clue, "和老张一起来")
    with use_context(store.live) as ctx, pytest.raises(Conflict):
        withdraw_manual_clue(ctx=ctx, clue_id=clue.pk, actor=person())

    assert shown(store) == ["和老王一起来"]


def test_an_edit_into_another_clue_changes_nothing(store):
    write_clue(store, "和老王一起来")
    clue = write_clue(store, SAID)

    with use_context(store.live) as ctx:
        # As a page does: the refusal is told, the transaction goes on.
        with pytest.raises(BadRequest):
            edit_manual_clue(
                ctx=ctx,
                clue_id=clue.pk,
                category="社交关系",
                summary="和老王一起来",
                actor=person(),
            )

    assert sorted(shown(store)) == [SAID, "和老王一起来"]


def test_a_withdrawn_clue_is_gone_from_today_on(store):
    clue = write_clue(store, SAID, ago=5)

    with use_context(store.live) as ctx:
        withdraw_manual_clue(ctx=ctx, clue_id=clue.pk, actor=person())

    assert shown(store) == []
    assert shown(store, store.sandbox(1)) == [SAID]


def test_only_clues_written_by_hand_here_and_now_can_be_edited(store):
    mine, theirs = write_clue(store, SAID, ago=5), write_clue(store, "嫌空调太冷")
    other = Store("west")

    with use_context(store.live):
        RetentionClue.objects.filter(pk=theirs.pk).update(source=RetentionClue.Source.AI_NOTE)

    with pytest.raises(NotFound):
        edit(store, theirs, "x")
    with pytest.raises(NotFound):
        edit(other, mine, "x")
    with use_context(store.sandbox(1)) as ctx, pytest.raises(SandboxReadOnly):
        withdraw_manual_clue(ctx=ctx, clue_id=mine.pk, actor=person())


def test_what_a_colleague_marked_wrong_can_be_written_by_hand_again(store):
    clue = write_clue(store, SAID)
    judge(store, clue, user="colleague")
    assert shown(store) == []

    write_clue(store, SAID)

    assert shown(store) == [SAID]
