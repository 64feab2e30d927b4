"""The whole chain: a function of seed, scale and clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from random import Random

from zqyy.demo.days import lay_out_days
from zqyy.demo.history import StoreHistory, play_history
from zqyy.demo.members import make_members
from zqyy.demo.names import phone_numbers, stage_names
from zqyy.demo.parameters import MEMBERS, STORES
from zqyy.demo.staff import make_assistants


def make_chain(
    *, seed: int, scale: float, last_day: date, until: datetime
) -> Iterator[StoreHistory]:
    """Store after store, so that one at a time is in memory.

    Args:
        scale: share of the members and assistants; the stores and the two years stay.
        last_day: the open business day.
        until: the stores' clock: nothing is dated after it.
    """
    random = Random(seed)  # noqa: S311  invented figures, no secrets
    days = lay_out_days(last_day=last_day, until=until)
    phones = phone_numbers(random, round(MEMBERS * scale) + len(STORES))
    names = stage_names(random)
    tables = sum(store.table_count for store in STORES)
    for store in STORES:
        count = round(MEMBERS * scale * store.table_count / tables)
        members = make_members(random, store=store, count=count, phones=phones[:count], days=days)
        del phones[:count]
        assistants = make_assistants(
            random,
            store=store,
            seats=max(2, round(store.seats * scale)),
            count=max(4, round(store.assistants * scale)),
            names=names,
        )
        yield play_history(random, store=store, days=days, members=members, assistants=assistants)
