"""The whole chain: a function of the plan."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from zqyy.demo.days import lay_out_days
from zqyy.demo.history import StoreHistory, play_history
from zqyy.demo.members import make_members
from zqyy.demo.names import phone_numbers, stage_names
from zqyy.demo.parameters import LEVELS, MEMBERS, STORES
from zqyy.demo.plan import Plan
from zqyy.demo.shares import deal
from zqyy.demo.staff import make_assistants


def make_chain(plan: Plan) -> Iterator[StoreHistory]:
    """Store after store, so that one at a time is in memory."""
    random = Random(plan.seed)  # noqa: S311  invented figures, no secrets
    days = lay_out_days(last_day=plan.last_day, until=plan.until)
    phones = phone_numbers(random, round(MEMBERS * plan.scale) + len(STORES))
    names = stage_names(random)
    tables = sum(store.table_count for store in STORES)
    counts = [max(4, round(store.assistants * plan.scale)) for store in STORES]
    levels = deal(random, {level: level.share for level in LEVELS}, sum(counts))
    for store, assistant_count in zip(STORES, counts, strict=True):
        count = round(MEMBERS * plan.scale * store.table_count / tables)
        members = make_members(random, store=store, count=count, phones=phones[:count], days=days)
        del phones[:count]
        assistants = make_assistants(
            random,
            store=store,
            seats=max(2, round(store.seats * plan.scale)),
            levels=levels[:assistant_count],
            names=names,
        )
        del levels[:assistant_count]
        yield play_history(random, store=store, days=days, members=members, assistants=assistants)
