"""Every page opens for who may, and exists for nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.urls import URLResolver, reverse

from metrics.models import Settlement
from sandbox.context import live_context, use_context
from sandbox.models import Site
from tests.admin.pages import (
    DEEDS,
    FILES,
    HOME,
    MEMBERS,
    PAGES,
    PARTS,
    ROLES,
    page_of,
    text_of,
)
from tests.factories import member_of

# --- The list of pages ---------------------------------------------------------------------------


def routes(patterns: list) -> Iterator[tuple[str, list[str]]]:
    """Name and parameters of every address among them and below."""
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns)
        elif one.name:
            yield one.name, list(one.pattern.regex.groupindex)


def first_objects() -> Iterator[tuple[str, int]]:
    """By "app_model", one of each model of the admin."""
    with use_context(live_context(Site.objects.get(code="north"))):
        for model in admin.site._registry:
            one = model._default_manager.values_list("pk", flat=True).order_by("pk").first()
            yield f"{model._meta.app_label}_{model._meta.model_name}", one


def test_every_address_of_the_admin_is_a_page_of_the_list_or_none_at_all(all_pages, owner):
    """A page that is in no list would be in no other test of this project either."""
    known = {*all_pages, *PARTS, *FILES, *DEEDS, "login", "app_list"}
    there = dict(routes(admin.site.get_urls()))

    # The others are Django's own for each model: they say no, or lead to a page of the list.
    firsts = dict(first_objects())
    forgotten = {}
    for name in there.keys() - known:
        key = firsts.get(name.rpartition("_")[0], 0) if there[name] else ""
        address = reverse(f"admin:{name}", kwargs=dict.fromkeys(there[name], key))
        if (status := owner.get(address).status_code) not in (302, 403, 404):
            forgotten[name] = status

    assert forgotten == {}
    assert known - there.keys() == set()


def test_deeds_are_done_by_post_only(owner, east):
    there = dict(routes(admin.site.get_urls()))

    answers = {
        name: owner.get(reverse(f"admin:{name}", kwargs=dict.fromkeys(there[name], 1))).status_code
        for name in DEEDS
    }

    assert answers == dict.fromkeys(DEEDS, 405)


@pytest.mark.parametrize("role", ROLES)
def test_a_page_opens_for_its_readers_and_nobody_else(role, all_pages, sign_in):
    client = sign_in(role, Site.objects.get(code="north"))

    answers = {name: client.get(address).status_code for name, address in all_pages.items()}

    assert answers == {page.name: 200 if role in page.readers else 403 for page in PAGES}


# --- Roles and stores ----------------------------------------------------------------------------


def test_an_auditor_sees_everything_and_changes_nothing(sign_in, east):
    auditor = sign_in("auditor", east)
    member = member_of(east, "M1")

    page = auditor.get(page_of(member))
    note = auditor.post(reverse("admin:metrics_member_note", args=[member.pk]), {"text": "x"})

    assert (page.status_code, note.status_code) == (200, 403)
    assert "data-run" not in text_of(page)


def test_roles_are_nobodys_to_change(owner):
    group = Group.objects.get(name="manager")
    address = reverse("admin:auth_group_change", args=[group.pk])

    answer = owner.post(address, {"name": "boss"})

    assert answer.status_code == 403
    group.refresh_from_db()
    assert group.name == "manager"


def test_somebody_without_a_store_is_told_so(sign_in):
    nobody = sign_in("manager")

    assert nobody.get(HOME).status_code == 200
    assert nobody.get(MEMBERS).status_code == 403


def test_another_stores_members_do_not_exist(manager, west):
    member = member_of(west, "M1")
    addresses = [
        page_of(member),
        reverse("admin:metrics_member_delete", args=[member.pk]),
        reverse("admin:metrics_member_history", args=[member.pk]),
        reverse("admin:aijobs_clues", args=[member.pk]),
        reverse("admin:aijobs_insight", args=["app7_customer", member.pk]),
    ]

    assert {manager.get(address).status_code for address in addresses} <= {403, 404}
    assert manager.get(page_of(member)).status_code == 404
    note = manager.post(reverse("admin:metrics_member_note", args=[member.pk]), {"text": "x"})
    run = manager.post(
        reverse("admin:aijobs_run_app"), {"app": "app7_customer", "target": member.pk}
    )

    assert (note.status_code, run.status_code) == (404, 404)
    assert "李四" not in text_of(manager.get(MEMBERS))


def test_a_bill_of_another_store_does_not_exist(manager, west):
    with use_context(live_context(west)):
        theirs = Settlement.objects.get()

    page = manager.get(reverse("admin:metrics_settlement_change", args=[theirs.pk]))

    assert page.status_code == 404
