"""A member's page: the timeline, what may be done, and the number that is shown on demand."""

from __future__ import annotations

import re
from datetime import date

import pytest
from django.urls import reverse

from metrics.importers import push_rows
from metrics.models import Contact, MemberVersion
from sandbox.context import live_context, use_context
from sandbox.models import AuditEntry
from tests.admin.conftest import PAST, PHONE
from tests.admin.pages import CONTEXT, go_back, page_of, text_of
from tests.factories import (
    bill,
    card_entry,
    member_of,
    push_assistant,
    push_bills,
    push_member,
)


@pytest.fixture
def member(east):
    """Zhang San, about whom there is something of every kind."""
    push_assistant(east, "A1", name="小林")
    about = {"member": "M1"}
    noted = {"external_id": "N1", "occurred_at": "2026-04-11T12:00:00", "text": "喜欢安静"}
    push_rows(site=east, kind="notes", rows=[noted | about])
    task = {
        "external_id": "T1",
        "assistant": "A1",
        "kind": "recall",
        "assigned_at": "2026-04-12T12:00:00",
        "reason": "三周没来了",
    }
    push_rows(site=east, kind="tasks", rows=[task | about])
    done = {"external_id": "E1", "task": "T1", "occurred_at": "2026-04-22T12:00:00"}
    rows = [done | {"kind": "done", "outcome": "reached", "note": "周末来"}]
    push_rows(site=east, kind="task_events", rows=rows)
    said = {"external_id": "K1", "occurred_at": "2026-04-22T11:00:00", "channel": "wechat"}
    rows = [said | about | {"outcome": "reached", "words": "老位置留着？", "assistant": "A1"}]
    push_rows(site=east, kind="contacts", rows=rows)
    return member_of(east, "M1")


def moments(client, member, **asked) -> list[tuple[str, str]]:
    page = text_of(client.get(page_of(member), asked))
    return re.findall(r'<li data-kind="(\w+)"><time datetime="([-\d]+)">', page)


def test_the_timeline_merges_everything_newest_first(manager, member):
    assert moments(manager, member) == [
        ("visit", "2026-04-28"),
        ("money", "2026-04-25"),
        ("task", "2026-04-22"),
        ("contact", "2026-04-22"),
        ("task", "2026-04-12"),
        ("note", "2026-04-11"),
        ("visit", "2026-04-10"),
        ("money", "2026-04-01"),
    ]


def test_at_a_past_date_the_timeline_ends_there(manager, member):
    go_back(manager, PAST)

    assert moments(manager, member) == [
        ("task", "2026-04-12"),
        ("note", "2026-04-11"),
        ("visit", "2026-04-10"),
        ("money", "2026-04-01"),
    ]


def test_the_timeline_shows_one_kind(manager, member):
    assert moments(manager, member, kind="contact") == [("contact", "2026-04-22")]


def test_older_moments_come_on_demand(manager, member, east):
    push_bills(east, [bill(date(2026, 4, 1), 10 + n, member="M1") for n in range(30)])

    assert len(moments(manager, member)) == 20
    assert f'href="{page_of(member)}?show=40#timeline"' in text_of(manager.get(page_of(member)))
    assert len(moments(manager, member, show="40")) == 38


def test_the_number_is_shown_on_demand_once_and_that_is_on_record(manager, member, east):
    push_member(east, "M2", name="李四", phone=PHONE)
    phone = reverse("admin:metrics_member_phone", args=[member.pk])

    assert PHONE in text_of(manager.post(phone, follow=True))
    assert PHONE not in text_of(manager.get(page_of(member)))
    manager.post(phone)
    assert PHONE not in text_of(manager.get(page_of(member_of(east, "M2"))))
    assert PHONE not in text_of(manager.get(page_of(member)))
    with use_context(live_context(east)):
        noted = AuditEntry.objects.filter(action="phone_shown")
        assert [(one.actor_id, one.object_id) for one in noted] == [
            (manager.user.pk, str(member.pk))
        ] * 2


def test_what_leads_back_from_a_refused_note_leads_to_the_member(manager, member):
    page = page_of(member)
    note = reverse("admin:metrics_member_note", args=[member.pk])

    refused = text_of(manager.post(note, {"text": " "}))

    assert 'role="alert"' in refused
    assert f'href="{CONTEXT}?next={page}"' in refused
    assert f'name="next" value="{page}"' in refused
    assert f'href="{page}?kind=visit#timeline"' in refused
    assert f'href="{page}#timeline"' in refused
    assert note not in refused.replace(f'action="{note}"', "")


def test_who_only_reads_sees_no_number_and_no_buttons(sign_in, member, east):
    auditor = sign_in("auditor", east)
    deeds = [
        reverse("admin:metrics_member_phone", args=[member.pk]),
        reverse("admin:metrics_member_contact", args=[member.pk]),
        reverse("admin:metrics_member_consent", args=[member.pk]),
    ]

    assert "data-deed" not in text_of(auditor.get(page_of(member)))
    assert [auditor.post(deed).status_code for deed in deeds] == [403, 403, 403]


def test_a_contact_is_noted_and_a_wish_for_quiet_with_it(manager, member, east):
    answer = manager.post(
        reverse("admin:metrics_member_contact", args=[member.pk]),
        {"channel": "phone", "outcome": "do_not_contact", "next": page_of(member)},
    )

    assert (answer.status_code, answer.url) == (302, page_of(member))
    with use_context(live_context(east)):
        newest = MemberVersion.objects.filter(member=member).order_by("-valid_to").first()
        assert Contact.objects.filter(member=member, channel="phone").count() == 1
    assert newest.do_not_contact


def test_quiet_is_asked_for_and_lifted(manager, member):
    consent = reverse("admin:metrics_member_consent", args=[member.pk])

    manager.post(consent, {"do_not_contact": "1"})
    assert 'name="do_not_contact" value="0"' in text_of(manager.get(page_of(member)))

    manager.post(consent, {"do_not_contact": "0"})
    assert 'name="do_not_contact" value="1"' in text_of(manager.get(page_of(member)))


def test_in_the_past_nothing_is_done(manager, member):
    go_back(manager, PAST)

    for name in ("contact", "consent"):
        deed = reverse(f"admin:metrics_member_{name}", args=[member.pk])
        answer = manager.post(deed, {"do_not_contact": "1", "channel": "phone"})
        assert answer.status_code == 409
        assert 'role="alert"' in text_of(answer)
    assert "data-deed" not in text_of(manager.get(page_of(member)))


def test_one_goes_back_to_no_other_host(manager, member):
    answer = manager.post(
        reverse("admin:metrics_member_consent", args=[member.pk]),
        {"do_not_contact": "1", "next": "//example.com/"},
    )

    assert answer.url == reverse("admin:metrics_member_changelist")


# --- The receipt ---------------------------------------------------------------------------------


def test_the_receipt_opens_words_and_bills_and_names_its_week(manager, member, east):
    page = text_of(manager.get(reverse("admin:metrics_receipt"), {"week": "2026-04-20"}))

    [paid] = manager.get(page_of(member)).context["bills"][:1]
    assert "老位置留着？" in page
    assert reverse("admin:metrics_settlement_change", args=[paid.pk]) in page
    assert "¥1,000.00" in page


@pytest.mark.parametrize("week", ["x", "2026-04-21", "2026-05-04"])
def test_a_wrong_week_is_refused_in_words(week, manager):
    answer = manager.get(reverse("admin:metrics_receipt"), {"week": week})

    assert answer.status_code == 400
    assert 'role="alert"' in text_of(answer)


def test_the_receipt_says_who_was_left_out_and_why(manager, east, member):
    row = bill("2026-04-22T10:00:00", 60, member="M1", started_at="2026-04-22T09:00:00")
    push_bills(east, [row])

    page = text_of(manager.get(reverse("admin:metrics_receipt"), {"week": "2026-04-20"}))

    left_out = page[page.index('id="left-out"') :]
    assert f'href="{page_of(member)}"' in left_out
    assert re.search("in the store before|联系前已到店", left_out)


# --- What is behind the figures ------------------------------------------------------------------


def rows_behind(client, member) -> dict[str, list[str]]:
    page = client.get(page_of(member))
    return {
        metric.address: [
            row.external_id for row in client.get(metric.address).context["cl"].result_list
        ]
        for metric in page.context["metrics"]
    }


def test_every_figure_opens_the_members_own_rows(manager, east, member):
    push_bills(east, [bill(date(2026, 2, 1), 30, member="M1", external_id="old")])
    spent = card_entry("M1", date(2026, 4, 28), -10, external_id="C")
    push_rows(site=east, kind="card_entries", rows=[spent])

    found = rows_behind(manager, member)

    bills = reverse("admin:metrics_settlement_changelist") + f"?member={member.pk}"
    entries = reverse("admin:metrics_cardentry_changelist") + f"?member={member.pk}"
    assert {len(rows) for rows in found.values()} == {1, 2, 3}
    assert len(found[bills]) == 3
    assert len(found[f"{bills}&day=2026-04-28"]) == 1
    assert len(found[f"{bills}&day=2026-03-07~2026-05-05"]) == 2
    assert "C" in found[entries]


def test_the_recent_bills_open(manager, member):
    page = manager.get(page_of(member))

    for one in page.context["bills"]:
        address = reverse("admin:metrics_settlement_change", args=[one.pk])
        assert text_of(page).count(f'href="{address}"') == 2  # also in the timeline
