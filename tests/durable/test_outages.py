from __future__ import annotations

import pytest
from django.db import OperationalError, connection, transaction

from zqyy.durable.outages import insist


def end_own_connection() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


@pytest.mark.django_db(transaction=True)
def test_it_comes_back_after_the_connection_has_gone():
    attempts = []

    def action() -> str:
        attempts.append(1)
        if len(attempts) == 1:
            end_own_connection()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 'answer'")
            return cursor.fetchone()[0]

    assert insist(action) == "answer"
    assert len(attempts) == 2


@pytest.mark.django_db(transaction=True)
def test_other_errors_are_not_repeated():
    with pytest.raises(ZeroDivisionError):
        insist(lambda: 1 / 0)


@pytest.mark.django_db(transaction=True)
def test_it_refuses_to_repeat_a_part_of_a_transaction():
    with transaction.atomic(), pytest.raises(RuntimeError):
        insist(lambda: OperationalError)
