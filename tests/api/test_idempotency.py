"""The same request sent twice."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
import time_machine
from django.db import connection

from aijobs.models import RetentionClue
from sandbox.context import live_context, use_context
from sandbox.idempotency import forget_expired
from sandbox.models import IdempotencyRecord

from .conftest import NOW, client_of, make_user

pytestmark = pytest.mark.django_db

CLUE = {"category": "重要反馈", "summary": "球杆要轻的 🎱"}


def post(client, member, body=CLUE, key="k1", query=""):
    return client.post(
        f"/api/v1/sites/{member.site_id}/members/{member.pk}/clues/{query}",
        body,
        "json",
        headers={"Idempotency-Key": key},
    )


def clues(member) -> int:
    with use_context(live_context(member.site)):
        return RetentionClue.objects.filter(member=member).count()


def test_the_second_gets_the_answer_of_the_first(manager, member):
    first = post(manager, member)
    second = post(manager, member)

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert clues(member) == 1


def test_another_body_is_422(manager, member):
    post(manager, member)
    refused = post(manager, member, {**CLUE, "summary": "别的"})

    assert refused.status_code == 422
    assert refused.json()["code"] == "idempotency_mismatch"


def test_the_order_of_keys_in_the_body_is_no_difference(manager, member):
    first = post(manager, member)

    assert post(manager, member, dict(reversed(CLUE.items()))).json() == first.json()


def test_a_key_is_one_principals(manager, operator, member):
    post(manager, member)

    other = post(operator, member, {**CLUE, "summary": "别的"})

    assert other.status_code == 201


def test_a_refusal_is_decided_anew(manager, member):
    assert post(manager, member, {}).status_code == 400

    assert post(manager, member).status_code == 201


def test_after_24_hours_the_key_is_free_again(manager, member):
    post(manager, member)

    with time_machine.travel(NOW + timedelta(hours=25), tick=False):
        again = client_of(manager.user)
        assert post(again, member, {**CLUE, "summary": "别的"}).status_code == 201


def test_the_sweeper_forgets_what_is_over(manager, member):
    post(manager, member)
    assert forget_expired() == 0

    with time_machine.travel(NOW + timedelta(hours=25), tick=False):
        assert forget_expired() == 1
    assert not IdempotencyRecord.objects.exists()


def test_one_in_flight_is_409(manager, member):
    principal = f"user:{manager.user.pk}"
    route = f"POST /api/v1/sites/{member.site_id}/members/{member.pk}/clues/"
    with psycopg.connect(**connection.get_connection_params()) as elsewhere:
        elsewhere.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{principal}\n{route}\nk1"]
        )
        refused = post(manager, member)

    assert refused.status_code == 409
    assert refused.json()["code"] == "idempotency_in_flight"
    assert clues(member) == 0


@pytest.mark.parametrize("key", ["", "x" * 129, "键"], ids=["empty", "long", "not ascii"])
def test_a_key_that_is_none_is_400(manager, member, key):
    refused = post(manager, member, key=key.encode().decode("latin-1"))

    assert refused.status_code == 400
    assert list(refused.json()["fields"]) == ["Idempotency-Key"]


def test_without_a_role_nothing_is_replayed(manager, member):
    post(manager, member)
    stranger = client_of(make_user("auditor", member.site))

    assert post(stranger, member).status_code == 403
