"""The board, a member's page, and both at a past date."""

from __future__ import annotations

import re
from datetime import date

import pytest
from django.urls import reverse

from metrics.models import Note
from sandbox.context import live_context, use_context
from tests.admin.conftest import PAST, PHONE
from tests.admin.pages import MEMBERS, go_back, page_of, text_of
from tests.factories import bill, member_of, push_bills, push_member


def rows_of(response) -> list[str]:
    """The names on the board, in their order."""
    return [member.name for member in response.context["cl"].result_list]


def test_the_board_shows_metrics_and_hides_the_phone(manager):
    page = text_of(manager.get(MEMBERS))

    for shown in ("张三", "M1", "139****5678", "2026-04-28", "¥800.00", "¥1,100.00"):
        assert shown in page
    assert PHONE not in page


def test_a_members_page_shows_metrics_bills_and_hides_the_phone(manager, east):
    page = text_of(manager.get(page_of(member_of(east, "M1"))))

    for shown in ("张三", "139****5678", "¥800.00", "¥1,100.00", "2026-04-28", "大厅A区"):
        assert shown in page
    assert PHONE not in page


def test_at_a_past_date_the_board_and_the_page_show_what_was_then(manager, east):
    go_back(manager, PAST)

    board = text_of(manager.get(MEMBERS))
    page = text_of(manager.get(page_of(member_of(east, "M1"))))

    for shown in (board, page):
        assert "¥500.00" in shown
        assert "¥100.00" in shown
        assert "2026-04-10" in shown
        assert "2026-04-28" not in shown
        assert "¥1,100.00" not in shown


def test_a_member_who_came_later_does_not_exist_yet(manager, east):
    push_member(east, "M2", joined_at="2026-05-01T12:00:00")
    push_bills(east, [bill(date(2026, 5, 1), 10, member="M2")])
    go_back(manager, PAST)

    assert manager.get(page_of(member_of(east, "M2"))).status_code == 404


@pytest.mark.parametrize(
    ("term", "found"),
    [("张", ["张三"]), ("M1", ["张三"]), ("m1", ["张三"]), ("5678", ["张三"]), ("王", [])],
)
def test_members_are_found_by(term, found, manager):
    assert rows_of(manager.get(MEMBERS, {"q": term})) == found


def test_three_digits_of_a_phone_find_nobody(manager):
    assert rows_of(manager.get(MEMBERS, {"q": "678"})) == []


@pytest.mark.parametrize("column", range(4, 17))
def test_any_metric_sorts_the_board_and_the_unknown_comes_last(column, manager, east):
    push_member(east, "M2", name="王五")
    push_bills(east, [bill(date(2026, 5, 4), 9000, member="M2")])
    push_member(east, "M3", name="没来过")

    up = rows_of(manager.get(MEMBERS, {"o": str(column)}))
    down = rows_of(manager.get(MEMBERS, {"o": f"-{column}"}))

    assert sorted(up) == sorted(down) == ["张三", "没来过", "王五"]
    if column in (4, 5):  # last visit and days away are unknown for who never came
        assert up[-1] == down[-1] == "没来过"
        assert up[:2] == down[1::-1]


def test_a_note_is_recorded_once_and_shown(manager, east):
    member = member_of(east, "M1")

    answer = manager.post(
        reverse("admin:metrics_member_note", args=[member.pk]), {"text": "喜欢靠窗的台"}
    )

    assert answer.status_code == 302
    assert "喜欢靠窗的台" in text_of(manager.get(page_of(member)))
    with use_context(live_context(east)):
        assert Note.objects.get().author_id == manager.user.pk


def test_in_the_past_a_note_is_refused_in_words(manager, east):
    member = member_of(east, "M1")
    go_back(manager, PAST)

    answer = manager.post(reverse("admin:metrics_member_note", args=[member.pk]), {"text": "x"})

    assert answer.status_code == 409
    assert re.search("Nothing can be recorded|历史视图中不能登记", text_of(answer))
    with use_context(live_context(east)):
        assert not Note.objects.exists()


def test_an_empty_note_comes_back_with_its_reason(manager, east):
    member = member_of(east, "M1")

    answer = manager.post(reverse("admin:metrics_member_note", args=[member.pk]), {"text": " "})

    assert 'role="alert"' in text_of(answer)
    with use_context(live_context(east)):
        assert not Note.objects.exists()
