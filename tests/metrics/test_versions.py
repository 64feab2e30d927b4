"""Summaries built with other options beside the ones in force, and the flip."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from metrics.builds import beside, build_site, repairs
from metrics.calculations.members import consumption_60d
from metrics.models import FinanceDaily, MemberConsumption, MemberLifecycle
from sandbox.context import live_context, use_build_context, use_context
from sandbox.models import SiteIngest
from sandbox.options import set_option
from tests.factories import bill, days_before, make_site, push_bill, push_bills, push_member

SUMMARIES = (MemberConsumption, MemberLifecycle)


def rows_of(site, version):
    """Everything of a version, without ids."""
    with use_build_context(site):
        return [
            sorted(
                tuple(v for name, v in row.items() if name not in ("id", "version"))
                for row in model.objects.filter(site=site, version=version).values()
            )
            for model in SUMMARIES
        ]


def set_window(site, days=30, key="consumption_window_days"):
    with use_context(live_context(site)):
        set_option(key=key, value=days, site=site, actor_id=None)


def spent(site, member, ctx=None):
    with use_context(ctx or live_context(site)) as ctx:
        return consumption_60d(member.pk, ctx=ctx)


def in_force(site):
    return SiteIngest.objects.get(site=site).summary_version


def make_store(members=5):
    site = make_site()
    people = [push_member(site) for _ in range(members)]
    for number, member in enumerate(people):
        days = (0, 29, 30, 59, 60, 110 + number)
        push_bills(site, [bill(days_before(site, n), 10, member=member) for n in days])
    build_site(site=site)
    return site, people


@pytest.fixture
def store(db):
    return make_store()


def truth(site, window=30):
    """What a store would hold that always had the option."""
    with use_build_context(site):
        for model in (*SUMMARIES, FinanceDaily):
            model.objects.filter(site=site).delete()
    build_site(site=site, full=True)
    return rows_of(site, in_force(site))


def test_until_it_is_built_the_version_in_force_answers(store):
    site, (member, *_rest) = store

    set_window(site)

    assert spent(site, member) == 40


def test_a_changed_option_is_built_beside_and_flipped_to(store):
    site, (member, *_rest) = store
    set_window(site)

    [build] = build_site(site=site)

    assert (build.version, build.status, in_force(site)) == (2, "done", 2)
    assert spent(site, member) == 20
    assert build_site(site=site) == []
    assert rows_of(site, 2) == truth(site)


def test_how_long_away_counts_as_returned_is_built_in_too(store):
    site, _members = store
    before = rows_of(site, 1)[1]
    set_window(site, 29, key="churn_days")

    build_site(site=site)

    assert rows_of(site, 2)[1] != before
    assert rows_of(site, 2) == truth(site)


def test_a_new_store_is_built_with_what_the_options_say(db):
    set_option(key="churn_days", value=20, site=None, actor_id=None)
    site = make_site()
    push_bill(site, days_before(site, 3))

    build_site(site=site)

    assert in_force(site) == 1
    assert SiteIngest.objects.get(site=site).summary_options["away_days"] == 20


def test_a_build_that_was_killed_goes_on(store, monkeypatch):
    site, _members = store
    set_window(site)
    monkeypatch.setattr(repairs, "CHUNK", 2)
    beside._build_next(site)
    rebuild = beside.rebuild_members

    def killed(**kwargs):
        rebuild(**kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(beside, "rebuild_members", killed)
    with pytest.raises(KeyboardInterrupt):
        build_site(site=site)
    monkeypatch.setattr(beside, "rebuild_members", rebuild)

    assert in_force(site) == 1
    [build] = build_site(site=site)

    assert (build.counts["members"], in_force(site)) == (5, 2)
    assert rows_of(site, 2) == truth(site)


def test_facts_that_come_meanwhile_count_in_both_versions(store, monkeypatch):
    site, members = store
    set_window(site)
    monkeypatch.setattr(repairs, "CHUNK", 2)
    beside._build_next(site)

    for number, member in enumerate([*members, push_member(site)]):
        push_bill(site, days_before(site, 20 * number), 1, member=member)

    assert spent(site, members[1]) == 41
    build_site(site=site)
    assert spent(site, members[1]) == 21
    assert rows_of(site, 2) == truth(site)


def test_an_option_that_changes_again_begins_the_build_anew(store, monkeypatch):
    site, _members = store
    set_window(site, 20)
    monkeypatch.setattr(repairs, "CHUNK", 2)
    beside._build_next(site)
    beside._build_next(site)

    set_window(site, 30)
    [build] = build_site(site=site)

    assert (build.version, build.options["window_days"], build.counts["members"]) == (2, 30, 5)
    assert rows_of(site, 2) == truth(site)


def test_an_option_that_is_set_back_abandons_the_build(store, monkeypatch):
    site, (member, *_rest) = store
    set_window(site, 20)
    monkeypatch.setattr(repairs, "CHUNK", 2)
    beside._build_next(site)

    set_window(site, 60)

    assert build_site(site=site) == []
    assert (in_force(site), spent(site, member)) == (1, 40)
    set_window(site, 30)
    build_site(site=site)
    assert rows_of(site, 2) == truth(site)


def test_a_later_build_deletes_the_version_that_nobody_reads(store):
    site, _members = store
    set_window(site)
    build_site(site=site)
    assert rows_of(site, 1) != [[], []]

    build_site(site=site)

    with use_build_context(site):
        assert {row.version for row in MemberConsumption.objects.filter(site=site)} == {2}
        assert {row.version for row in MemberLifecycle.objects.filter(site=site)} == {2}


def test_new_members_of_the_store_are_the_same_in_every_version(store):
    site, _members = store
    with use_build_context(site):
        before = list(FinanceDaily.objects.filter(site=site).values_list("pk", "new_members"))
    set_window(site)
    build_site(site=site)

    build_site(site=site, full=True)

    with use_build_context(site):
        after = FinanceDaily.objects.filter(site=site).values_list("pk", "new_members")
        assert list(after) == before


# --- Two connections -----------------------------------------------------------------------------


def on_another_connection(function):
    try:
        return function()
    finally:
        connection.close()


def elsewhere(function):
    """Run it on a connection of its own, to the end."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(on_another_connection, function).result(60)


@pytest.mark.django_db(transaction=True)
def test_a_reader_sees_the_version_it_began_with_across_the_flip():
    site, (member, *_rest) = make_store()
    set_window(site)

    with use_context(live_context(site)) as ctx:
        elsewhere(lambda: build_site(site=site))
        assert in_force(site) == 2
        assert consumption_60d(member.pk, ctx=ctx) == 40
        # A later build leaves alone what is still being read.
        elsewhere(lambda: build_site(site=site))
        assert consumption_60d(member.pk, ctx=ctx) == 40
    assert spent(site, member) == 20

    build_site(site=site)

    assert rows_of(site, 1) == [[], []]


@pytest.mark.django_db(transaction=True)
def test_a_push_that_waited_for_the_flip_counts_in_the_new_version():
    site, (member, *_rest) = make_store()
    set_window(site)

    with use_build_context(site):  # a writer that began before the flip
        elsewhere(lambda: build_site(site=site))
        set_window(site, 20)
        elsewhere(lambda: build_site(site=site))
        elsewhere(lambda: set_window(site, 30))
        elsewhere(lambda: beside._build_next(site))
        push_bill(site, days_before(site, 25), 1, member=member)

    build_site(site=site)
    assert rows_of(site, in_force(site)) == truth(site)
    assert spent(site, member) == 21


@pytest.mark.django_db(transaction=True)
def test_two_builds_of_one_store_end_in_one_flip():
    site, _members = make_store()
    set_window(site)

    with ThreadPoolExecutor(2) as pool:
        for build in [
            pool.submit(on_another_connection, lambda: build_site(site=site)) for _ in range(2)
        ]:
            build.result(60)

    assert in_force(site) == 2
    assert rows_of(site, 2) == truth(site)
