"""Signing in and out."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from rest_framework.test import APIClient

from .conftest import NOW, PASSWORD, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(site):
    return make_user("manager", site)


def sign_in(client: APIClient, username: str, password: str = PASSWORD):
    return client.post("/api/v1/auth/token/", {"username": username, "password": password}, "json")


def test_a_password_gives_two_tokens_and_the_first_opens_the_door(anonymous, user):
    tokens = sign_in(anonymous, user.username).json()

    assert set(tokens) == {"access", "refresh"}
    anonymous.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
    assert anonymous.get("/api/v1/me/").json()["username"] == user.username


def test_signing_in_makes_no_session(anonymous, user):
    response = sign_in(anonymous, user.username)

    assert not response.cookies


def test_a_wrong_password_is_refused_in_the_one_shape(anonymous, user):
    response = sign_in(anonymous, user.username, "wrong")

    assert response.status_code == 401
    assert response.json()["code"] == "wrong_credentials"


def test_an_inactive_account_cannot_sign_in(anonymous, user):
    user.is_active = False
    user.save()

    assert sign_in(anonymous, user.username).status_code == 401


def test_five_wrong_passwords_lock_for_15_minutes(anonymous, user):
    answers = [sign_in(anonymous, user.username, "wrong") for _ in range(5)]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 401, 429]
    assert answers[-1].json()["code"] == "locked_out"
    assert sign_in(anonymous, user.username).status_code == 429
    with time_machine.travel(NOW + timedelta(minutes=14), tick=False):
        assert sign_in(anonymous, user.username).status_code == 429
    with time_machine.travel(NOW + timedelta(minutes=16), tick=False):
        assert sign_in(anonymous, user.username).status_code == 200


def test_a_right_password_forgets_the_wrong_ones(anonymous, user):
    for _ in range(2):
        for _ in range(4):
            sign_in(anonymous, user.username, "wrong")
        assert sign_in(anonymous, user.username).status_code == 200


def test_a_locked_out_user_does_not_lock_another(anonymous, user, site):
    other = make_user("manager", site)
    for _ in range(5):
        sign_in(anonymous, user.username, "wrong")

    assert sign_in(anonymous, other.username).status_code == 200


def test_a_refresh_token_works_once_and_a_second_use_ends_the_family(anonymous, user):
    first = sign_in(anonymous, user.username).json()["refresh"]
    second = refresh(anonymous, first).json()["refresh"]

    again = refresh(anonymous, first)

    assert again.status_code == 401
    assert again.json()["code"] == "token_reused"
    assert refresh(anonymous, second).status_code == 401


def test_the_end_of_a_family_leaves_the_others(anonymous, user):
    first = sign_in(anonymous, user.username).json()["refresh"]
    elsewhere = sign_in(anonymous, user.username).json()["refresh"]
    refresh(anonymous, first)
    refresh(anonymous, first)

    assert refresh(anonymous, elsewhere).status_code == 200


def test_signing_out_ends_the_family(anonymous, user):
    tokens = sign_in(anonymous, user.username).json()
    second = refresh(anonymous, tokens["refresh"]).json()["refresh"]

    response = anonymous.post("/api/v1/auth/logout/", {"refresh": second}, "json")

    assert response.status_code == 204
    assert refresh(anonymous, second).status_code == 401


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "\x00", 7, None, "x" * 5000])
def test_what_is_no_refresh_token_is_refused(anonymous, db, text):
    assert refresh(anonymous, text).status_code in (400, 401)


def test_an_access_token_is_no_refresh_token(anonymous, user):
    access = sign_in(anonymous, user.username).json()["access"]

    assert refresh(anonymous, access).json()["code"] == "token_invalid"


def test_an_access_token_ends_after_30_minutes_and_a_refresh_token_after_14_days(anonymous, user):
    tokens = sign_in(anonymous, user.username).json()
    anonymous.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")

    with time_machine.travel(NOW + timedelta(minutes=31), tick=False):
        assert anonymous.get("/api/v1/me/").status_code == 401
    anonymous.credentials()
    with time_machine.travel(NOW + timedelta(days=13), tick=False):
        assert refresh(anonymous, tokens["refresh"]).status_code == 200


@pytest.mark.parametrize(
    "header", ["Bearer x", "Bearer", "Bearer a b", "Api-Key x", "Api-Key zqyy_9_x", "Api-Key"]
)
def test_bad_credentials_are_401_in_the_one_shape(anonymous, db, header):
    anonymous.credentials(HTTP_AUTHORIZATION=header)

    response = anonymous.get("/api/v1/me/")

    assert response.status_code == 401
    assert set(response.json()) == {"code", "message"}
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="api"'


def refresh(client: APIClient, text: str):
    return client.post("/api/v1/auth/refresh/", {"refresh": text}, "json")
