"""Prompts, as an operator reads them and adds a version."""

from __future__ import annotations

import pytest
from django.urls import reverse

from aijobs.ai_apps.base import PLACE_OF_FEATURES
from aijobs.models import Prompt
from sandbox.models import AuditEntry
from tests.admin.pages import text_of

PROMPTS = reverse("admin:aijobs_prompt_changelist")
ADD = reverse("admin:aijobs_prompt_add")
TEMPLATE = f"请写一句话。\n{PLACE_OF_FEATURES}\n"


def add(client, template: str = TEMPLATE, **form):
    sent = {"app": "app7_customer", "note": "写得短一些", "template": template}
    return client.post(ADD, sent | form)


def versions() -> list[int]:
    found = Prompt.objects.filter(app="app7_customer").order_by("version")
    return list(found.values_list("version", flat=True))


def test_a_version_is_added_and_audited(operator, east):
    assert add(operator, TEMPLATE.replace("\n", "\r\n")).status_code == 302

    newest = Prompt.objects.get(app="app7_customer", version=2)
    assert (newest.template, newest.author, newest.note) == (TEMPLATE, operator.user, "写得短一些")
    audited = AuditEntry.objects.filter(site=None).get()
    assert (audited.action, audited.object_id) == ("prompt_added", str(newest.pk))
    assert audited.after == {"app": "app7_customer", "version": 2, "note": "写得短一些"}


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"template": "没有资料"}, "template"),
        ({"template": "{{features}}"}, "template"),
        ({"template": TEMPLATE * 2}, "template"),
        ({"template": TEMPLATE + "长" * 20_000}, "template"),
        ({"note": ""}, "note"),
        ({"app": "app9_unknown"}, "app"),
    ],
)
def test_what_is_no_version_is_said_beside_its_field(operator, east, form, field):
    answer = add(operator, **form)

    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [field]
    assert versions() == [1]


def test_a_new_version_starts_from_the_newest(operator, east):
    add(operator)

    form = operator.get(ADD, {"app": "app7_customer"}).context["adminform"].form

    assert (form.initial["app"], form.initial["template"]) == ("app7_customer", TEMPLATE)


def test_the_list_shows_which_version_counts(operator, east):
    add(operator)

    rows = operator.get(PROMPTS, {"app": "app7_customer"}).context["cl"].result_list

    assert [(row.version, row.newest) for row in rows] == [(2, 2), (1, 2)]


def test_a_version_is_read_and_neither_changed_nor_deleted(operator, east):
    prompt = Prompt.objects.get(app="app7_customer")
    page = reverse("admin:aijobs_prompt_change", args=[prompt.pk])

    assert "不是指令" in text_of(operator.get(page))
    assert operator.post(page, {"template": TEMPLATE, "note": "x"}).status_code == 403
    delete = reverse("admin:aijobs_prompt_delete", args=[prompt.pk])
    assert operator.post(delete, {"post": "yes"}).status_code == 403


def test_an_auditor_reads_them_and_adds_none(sign_in, east):
    auditor = sign_in("auditor", east)

    assert auditor.get(PROMPTS).status_code == 200
    assert add(auditor).status_code == 403


def test_a_manager_finds_no_way_to_them(manager, east):
    assert PROMPTS not in text_of(manager.get(reverse("admin:index")))
    assert add(manager).status_code == 403
    prompt = Prompt.objects.first()
    page = reverse("admin:aijobs_prompt_change", args=[prompt.pk])
    assert manager.get(page).status_code == 403
