"""Who sees the store in sight: granted, revoked, on record; an assistant's account by name."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from metrics.models import Assistant
from sandbox.context import live_context, use_context
from sandbox.models import AuditEntry, SiteGrant
from tests.admin.pages import count_queries, text_of
from tests.factories import push_assistant

GRANTS = reverse("admin:sandbox_sitegrant_changelist")
ADD = reverse("admin:sandbox_sitegrant_add")


@pytest.fixture
def user(db) -> User:
    return User.objects.create_user("xiaoli", last_name="李", first_name="小")


def assistant_in(site, external_id: str, name: str) -> Assistant:
    push_assistant(site, external_id, name=name)
    with use_context(live_context(site)):
        return Assistant.objects.get(site=site, external_id=external_id)


def change_page(grant: SiteGrant) -> str:
    return reverse("admin:sandbox_sitegrant_change", args=[grant.pk])


def audited(site, action: str) -> list[AuditEntry]:
    with use_context(live_context(site)):
        return list(AuditEntry.objects.filter(action=action, object_type="sandbox.sitegrant"))


def test_the_store_in_sight_is_granted_and_revoked_on_record(operator, east, user):
    operator.post(ADD, {"user": user.pk})
    grant = SiteGrant.objects.get(user=user)
    revoke = reverse("admin:sandbox_sitegrant_delete", args=[grant.pk])
    asked = text_of(operator.get(revoke))
    operator.post(revoke, {"post": "yes"})

    assert f"xiaoli → {east.name}" in asked
    (made,), (gone,) = audited(east, "created"), audited(east, "deleted")
    assert (grant.site, made.after["user"], gone.before["site"]) == (east, user.pk, east.pk)
    assert not SiteGrant.objects.filter(user=user).exists()


def test_many_are_revoked_at_once_each_on_record(operator, east, user):
    others = [User.objects.create_user(name) for name in ("a", "b")]
    grants = [SiteGrant.objects.create(user=one, site=east) for one in others]

    operator.post(
        GRANTS,
        {
            "action": "delete_selected",
            "_selected_action": [grant.pk for grant in grants],
            "post": "yes",
        },
    )

    assert len(audited(east, "deleted")) == 2
    assert not SiteGrant.objects.filter(user__in=others).exists()


def test_an_assistants_account_is_chosen_by_name_among_those_of_the_store(
    operator, east, west, user
):
    ours = assistant_in(east, "A1", "小优")
    theirs = assistant_in(west, "A1", "小薇")

    page = text_of(operator.get(ADD))
    refused = operator.post(ADD, {"user": user.pk, "assistant": theirs.pk})
    assert not SiteGrant.objects.filter(user=user).exists()
    operator.post(ADD, {"user": user.pk, "assistant": ours.pk})

    assert ("小优" in page, "小薇" in page) == (True, False)
    assert refused.context["adminform"].form.errors.keys() == {"assistant"}
    assert SiteGrant.objects.get(user=user).assistant_id == ours.pk
    assert "小优" in text_of(operator.get(GRANTS))
    assert audited(east, "created")[0].after["assistant_id"] == ours.pk


def test_which_assistant_somebody_is_changes_and_the_user_does_not(operator, east, user):
    one, other = assistant_in(east, "A1", "小优"), assistant_in(east, "A2", "小薇")
    grant = SiteGrant.objects.create(user=user, site=east, assistant_id=one.pk)

    form = operator.get(change_page(grant)).context["adminform"].form
    operator.post(change_page(grant), {"user": operator.user.pk, "assistant": other.pk})

    grant.refresh_from_db()
    assert form.fields["assistant"].initial == one.pk
    assert (grant.user, grant.assistant_id) == (user, other.pk)
    (changed,) = audited(east, "changed")
    assert (changed.before, changed.after) == (
        {"assistant_id": one.pk},
        {"assistant_id": other.pk},
    )


def test_nobody_is_granted_a_store_twice(operator, east, user):
    SiteGrant.objects.create(user=user, site=east)

    answer = operator.post(ADD, {"user": user.pk})

    assert answer.context["adminform"].form.errors.keys() == {"user"}
    assert SiteGrant.objects.filter(user=user).count() == 1


def test_grants_of_another_store_do_not_exist(sign_in, operator, east, west, user):
    grant = SiteGrant.objects.create(user=user, site=west)

    for client in (operator, sign_in("auditor", east)):
        assert "xiaoli" not in text_of(client.get(GRANTS))
        assert client.get(change_page(grant)).status_code == 404


def test_an_auditor_reads_and_a_manager_does_not(sign_in, manager, east, user):
    grant = SiteGrant.objects.create(user=user, site=east)
    auditor = sign_in("auditor", east)

    assert [auditor.get(page).status_code for page in (GRANTS, change_page(grant))] == [200, 200]
    assert manager.get(GRANTS).status_code == 403
    for client in (auditor, manager):
        assert client.get(ADD).status_code == 403
        assert client.post(change_page(grant), {"assistant": ""}).status_code == 403


def test_a_users_page_shows_their_stores(operator, east, west, user):
    user.groups.add(Group.objects.get(name="manager"))
    page = reverse("admin:auth_user_change", args=[user.pk])
    stores = [reverse("admin:sandbox_site_change", args=[site.pk]) for site in (east, west)]

    before = text_of(operator.get(page))
    for site in (east, west):
        SiteGrant.objects.create(user=user, site=site)
    after = text_of(operator.get(page))

    assert [address in before for address in stores] == [False, False]
    assert [address in after for address in stores] == [True, True]


def test_the_list_costs_the_same_however_long(operator, east, user):
    SiteGrant.objects.create(user=user, site=east)
    few = count_queries(operator, GRANTS)

    for n in range(20):
        other = User.objects.create_user(f"user{n}")
        SiteGrant.objects.create(user=other, site=east)

    assert count_queries(operator, GRANTS) == few
