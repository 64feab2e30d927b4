"""Two people at once about one member: the second is told what the first one did."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from metrics.entries import note_contacted
from metrics.models import Contact
from sandbox.context import RuntimeContext, live_context, use_context
from sandbox.errors import Conflict
from tests.factories import days_before, make_site, push_bill, push_member


@pytest.mark.django_db(transaction=True)
def test_of_two_people_at_once_one_is_refused(django_user_model, events):
    site = make_site()
    member = push_member(site)
    push_bill(site, days_before(site, 9), member=member)
    actor = django_user_model.objects.create_user("lan")

    def contact(ctx: RuntimeContext) -> None:
        note_contacted(ctx=ctx, member_id=member.pk, actor=actor)

    assert sorted(at_once(site, contact)) == ["conflict", "done"]
    with use_context(live_context(site)):
        assert Contact.objects.count() == 1


def at_once(site: Any, act: Callable[[RuntimeContext], None]) -> list[str]:
    """What becomes of doing it twice, from two connections."""
    both = Barrier(2)

    def do(_nth: int) -> str:
        try:
            with use_context(live_context(site)) as ctx:
                both.wait(timeout=30)
                act(ctx)
            return "done"
        except Conflict as refused:
            return refused.code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as people:
        return [*people.map(do, range(2))]
