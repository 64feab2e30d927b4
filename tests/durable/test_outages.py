from __future__ import annotations

import pytest
from django.core.management import call_command
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


def test_it_does_not_insist_for_ever_where_it_should_not(monkeypatch):
    monkeypatch.setattr("zqyy.durable.outages.RETRY_SECONDS", 0.01)
    asked = []

    def action():
        asked.append(1)
        raise OperationalError("connection refused")

    with pytest.raises(OperationalError):
        insist(action, seconds=0.05)

    assert len(asked) > 1


@pytest.mark.parametrize(
    ("command", "serve"),
    [
        ("run_cluster", "zqyy.durable.management.commands.run_cluster.supervise"),
        ("sweep", "zqyy.durable.management.commands.sweep.run_sweeper"),
    ],
)
def test_what_is_started_while_the_database_restarts_waits_for_it(monkeypatch, command, serve):
    answers = iter([OperationalError("the database system is starting up"), None])
    served = []

    def check(self, **_):
        if error := next(answers):
            raise error

    monkeypatch.setattr("django.core.management.base.BaseCommand.check", check)
    monkeypatch.setattr(serve, lambda **_: served.append(command))
    monkeypatch.setattr(f"{serve.rpartition('.')[0]}.stop_on_signals", lambda: None)

    arguments = ["realtime"] if command == "run_cluster" else []
    call_command(command, *arguments, skip_checks=True)

    assert served == [command]
