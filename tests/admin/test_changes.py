"""Every change is in the audit log; what must not be shown is not."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.urls import reverse
from rest_framework.exceptions import AuthenticationFailed

from sandbox.authentication import create_api_key, find_api_key
from sandbox.context import live_context, use_context
from sandbox.models import ApiKey, AuditEntry
from tests.admin.pages import text_of


@pytest.fixture
def superuser(client, east):
    user = User.objects.create_superuser("root", password="old secret 1")
    client.force_login(user)
    client.user = user
    return client


def entries(site, action: str) -> list[AuditEntry]:
    with use_context(live_context(site)):
        return list(AuditEntry.objects.filter(action=action).order_by("id"))


def test_a_changed_store_is_recorded_with_before_and_after(operator, east, west):
    # The operator looks at east; the entry belongs to west.
    address = reverse("admin:sandbox_site_change", args=[west.pk])
    form = operator.get(address).context["adminform"].form
    sent = {name: value for name, value in form.initial.items() if name in form.fields}

    answer = operator.post(address, {**sent, "name": "新西店", "is_active": "on"})

    assert answer.status_code == 302
    (entry,) = entries(west, "changed")
    assert (entry.before, entry.after) == ({"name": "西店"}, {"name": "新西店"})
    assert (entry.site_id, entry.actor_id) == (west.pk, operator.user.pk)


def test_a_new_password_is_recorded_without_itself(superuser, east):
    address = reverse("admin:auth_user_password_change", args=[superuser.user.pk])

    superuser.post(
        address,
        {"password1": "new secret 77", "password2": "new secret 77", "usable_password": "true"},
    )

    (entry,) = entries(east, "changed")
    assert entry.after == {"password": "***"}


def test_roles_given_to_a_user_are_recorded(superuser, east):
    user = User.objects.create_user("new")
    address = reverse("admin:auth_user_change", args=[user.pk])
    group = user.groups.model.objects.get(name="manager")

    superuser.post(
        address,
        {
            "username": "new",
            "is_active": "on",
            "groups": [group.pk],
            "date_joined_0": "2026-05-05",
            "date_joined_1": "12:00:00",
        },
    )

    assert entries(east, "changed")[-1].after["groups"] == [group.pk]


def test_djangos_own_log_stays_empty_and_hidden(operator, east):
    operator.post(
        reverse("admin:sandbox_sitegrant_add"), {"user": operator.user.pk, "site": east.pk}
    )

    assert not LogEntry.objects.exists()
    history = reverse("admin:sandbox_site_history", args=[east.pk])
    assert operator.get(history).status_code == 404


def test_a_key_is_shown_once_and_its_hash_never(operator, east):
    shown = text_of(
        operator.post(reverse("admin:sandbox_apikey_add"), {"name": "feiqiu"}, follow=True)
    )
    with use_context(live_context(east)):
        key = ApiKey.objects.get()

    assert f"zqyy_{east.pk}_" in shown
    pages = [
        reverse("admin:sandbox_apikey_changelist"),
        reverse("admin:sandbox_apikey_change", args=[key.pk]),
        reverse("admin:sandbox_auditentry_changelist"),
    ]
    later = "".join(text_of(operator.get(page)) for page in pages)
    assert f"zqyy_{east.pk}_" not in later
    assert key.key_hash not in shown + later
    assert entries(east, "created")[0].after["key_hash"] == "***"


def test_a_revoked_key_opens_nothing_and_is_recorded(operator, east):
    with use_context(live_context(east)):
        key, text = create_api_key(site=east, name="feiqiu")

    for _ in range(2):
        operator.post(
            reverse("admin:sandbox_apikey_changelist"),
            {"action": "revoke", "_selected_action": [key.pk]},
        )

    assert len(entries(east, "api_key_revoked")) == 1
    with pytest.raises(AuthenticationFailed):
        find_api_key(text)


def test_the_audit_log_cannot_be_edited(operator, east):
    with use_context(live_context(east)):
        entry = AuditEntry.objects.create(site=east, action="deed", object_type="x", object_id="1")
    address = reverse("admin:sandbox_auditentry_change", args=[entry.pk])

    assert operator.post(address, {"action": "other"}).status_code == 403
    assert (
        operator.post(
            reverse("admin:sandbox_auditentry_delete", args=[entry.pk]), {"post": "yes"}
        ).status_code
        == 403
    )
