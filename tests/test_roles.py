"""The roles are there after every migrate and flush, with what they may do."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.utils.functional import SimpleLazyObject

from sandbox.access import role_of
from zqyy.database import as_owner
from zqyy.roles import make_roles

pytestmark = pytest.mark.django_db


def member_of(role: str) -> User:
    user = User.objects.create_user(role)
    user.groups.add(Group.objects.get(name=role))
    return user


@pytest.mark.parametrize("role", ["operator", "manager", "assistant", "auditor"])
def test_a_member_of_a_group_has_its_role(role):
    assert role_of(member_of(role)) == role


@pytest.mark.parametrize(
    ("permission", "roles"),
    [
        ("sandbox.change_context", {"operator", "manager"}),
        ("sandbox.time_travel", {"operator", "manager", "auditor"}),
        ("metrics.view_settlement", {"operator", "manager", "auditor"}),
        ("metrics.add_note", {"operator", "manager"}),
        ("metrics.add_coachtask", {"operator", "manager"}),
        ("metrics.add_contact", {"operator", "manager"}),
        ("metrics.change_member", {"operator", "manager"}),
        ("metrics.add_fileimport", {"operator"}),
        ("aijobs.view_triggerjob", {"operator", "manager", "auditor"}),
        ("aijobs.view_run", {"operator", "auditor"}),
        ("aijobs.change_retentionclue", {"operator", "manager"}),
        ("sandbox.change_option", {"operator"}),
        ("sandbox.view_auditentry", {"operator", "auditor"}),
        ("auth.change_user", set()),
    ],
)
def test_a_permission_belongs_to_its_roles(permission, roles):
    users = [member_of(role) for role in ("operator", "manager", "assistant", "auditor")]

    assert {user.username for user in users if user.has_perm(permission)} == roles


def test_role_and_permissions_are_one_query(django_assert_num_queries):
    user = User.objects.get(pk=member_of("auditor").pk)
    user.user_permissions.set(Permission.objects.filter(codename="add_note"))

    with django_assert_num_queries(1):
        # As a request has it.
        assert role_of(SimpleLazyObject(lambda: user)) == "auditor"
        assert user.has_perms(["aijobs.view_run", "metrics.add_note"])
        assert not user.has_perm("metrics.change_member")


@pytest.mark.parametrize("field", ["is_active", "is_superuser"])
def test_without_a_role_nobody_may_anything_but_a_superuser(field):
    user = User.objects.create_user("x", **{"is_active": True, field: field == "is_superuser"})

    assert user.has_perm("metrics.add_note") is (field == "is_superuser")


def test_making_the_roles_again_undoes_what_was_added_by_hand():
    manager = Group.objects.get(name="manager")
    before = set(manager.permissions.all())
    manager.permissions.set(Group.objects.get(name="operator").permissions.all())

    make_roles()

    assert set(manager.permissions.all()) == before


@pytest.mark.django_db(transaction=True)
def test_a_flush_leaves_the_roles_in_place():
    with as_owner():
        call_command("flush", interactive=False, verbosity=0)

    assert Group.objects.get(name="auditor").permissions.exists()
