"""One refresh token used by several at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connections
from rest_framework.exceptions import AuthenticationFailed

from sandbox.tokens import TokenPair, issue_tokens, rotate_tokens

pytestmark = pytest.mark.django_db(transaction=True)


def rotate(refresh: str) -> TokenPair | str:
    try:
        return rotate_tokens(refresh=refresh)
    except AuthenticationFailed as refused:
        return refused.get_codes()
    finally:
        connections.close_all()


def test_only_one_gets_through_and_the_family_ends():
    first = issue_tokens(user=User.objects.create_user("manager")).refresh

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(rotate, [first] * 4))

    pairs = [answer for answer in answers if isinstance(answer, TokenPair)]
    assert answers.count("token_reused") == 3
    assert rotate(pairs[0].refresh) == "token_reused"
