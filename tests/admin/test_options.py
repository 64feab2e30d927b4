"""Options in one place: what counts here, where it comes from, every value there was."""

from __future__ import annotations

import pytest
from django.urls import reverse

from sandbox.context import live_context, use_context
from sandbox.models import AuditEntry, Option
from sandbox.option_admin import OptionHere
from sandbox.options import OPTIONS as DECLARED
from sandbox.options import option, set_option
from tests.admin.pages import count_queries, text_of

OPTIONS = reverse("admin:sandbox_option_changelist")
ADD = reverse("admin:sandbox_option_add")
RATE = "ai_rate_per_minute"


def add(client, key: str, value: str, where: str = "store"):
    return client.post(ADD, {"key": key, "value": value, "where": where})


def option_in(site, key: str):
    with use_context(live_context(site)):
        return option(key, site)


def shown(client, key: str) -> OptionHere:
    found = {one.declared.key: one for one in client.get(OPTIONS).context["options"]}
    return found[key]


def audited(site, action: str) -> int:
    with use_context(live_context(site)):
        return AuditEntry.objects.filter(action=action).count()


def test_every_option_is_shown_with_its_default(operator):
    page = text_of(operator.get(OPTIONS))

    for declared in DECLARED:
        assert f'id="{declared.key}"' in page
    rate = shown(operator, RATE)
    assert (rate.written, rate.default, rate.in_force) == ("60", "60", None)


def test_a_value_is_added_for_the_store_in_sight(operator, east, west):
    assert add(operator, RATE, "30").status_code == 302

    assert (option_in(east, RATE), option_in(west, RATE)) == (30, 60)
    assert (audited(east, "option_set"), audited(east, "created")) == (1, 0)


def test_the_stores_own_value_counts_before_a_newer_one_of_the_chain(operator, east):
    for value, where in (("30", "store"), ("20", "store"), ("10", "chain")):
        add(operator, RATE, value, where)

    rate = shown(operator, RATE)

    assert [row.value for row in rate.rows] == [10, 20, 30]
    assert [row.recorded_by for row in rate.rows] == [operator.user] * 3
    assert (rate.written, rate.in_force.site) == ("20", east)
    assert option_in(east, RATE) == 20


def test_a_value_of_the_chain_counts_where_a_store_has_none(operator, sign_in, east, west):
    add(operator, RATE, "10", "chain")

    elsewhere = sign_in("auditor", west)

    assert (shown(elsewhere, RATE).written, option_in(west, RATE)) == ("10", 10)


def test_values_of_other_stores_are_not_shown(operator, sign_in, east, west):
    add(operator, RATE, "31337")

    assert shown(sign_in("auditor", west), RATE).rows == []
    assert "31337" not in text_of(sign_in("auditor", west).get(OPTIONS))


@pytest.mark.parametrize(
    ("key", "value", "where"),
    [(RATE, "30", "store"), ("budget_chain_day", "5", "chain")],
)
def test_the_form_begins_with_the_value_here(key, value, where, operator):
    add(operator, key, value, where)

    form = operator.get(f"{ADD}?key={key}").context["adminform"].form

    assert [form.initial[name] for name in ("key", "value", "where")] == [key, value, where]


def test_a_value_leads_to_its_option_and_is_never_changed(operator, east):
    add(operator, RATE, "30")
    with use_context(live_context(east)):
        row = Option.objects.get()
    address = reverse("admin:sandbox_option_change", args=[row.pk])

    assert operator.get(address).url == f"{OPTIONS}#{RATE}"
    assert operator.post(address, {"value": "7"}).status_code == 403
    assert option_in(east, RATE) == 30


def test_an_empty_text_is_a_value(operator, east):
    add(operator, "ai_rate_by_hour", "0-7:1.4")
    assert option_in(east, "ai_rate_by_hour") == "0-7:1.4"

    add(operator, "ai_rate_by_hour", "")

    assert option_in(east, "ai_rate_by_hour") == ""


@pytest.mark.parametrize(
    ("key", "value", "where"),
    [
        (RATE, "many", "store"),
        (RATE, "1.5", "store"),
        (RATE, "-1", "store"),
        ("ai_rate_by_hour", "0-25:1", "store"),
        ("chain_timezone", "Mars", "chain"),
        ("chain_day_starts_at", "24:00", "chain"),
        ("budget_chain_day", "5", "store"),
        ("no_such_option", "5", "store"),
    ],
)
def test_what_makes_no_sense_is_said_beside_its_field(operator, east, key, value, where):
    answer = add(operator, key, value, where)

    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors
    with use_context(live_context(east)):
        assert not Option.objects.exists()


@pytest.mark.parametrize(("role", "sees"), [("manager", 403), ("auditor", 200)])
def test_only_an_operator_sets_them(role, sees, sign_in, east):
    client = sign_in(role, east)

    page = client.get(OPTIONS)

    assert page.status_code == sees
    assert ADD not in text_of(page)
    assert add(client, RATE, "1").status_code == 403


def test_the_page_costs_the_same_however_long_the_history(operator, east):
    with use_context(live_context(east)):
        set_option(key=RATE, value=1, site=east, actor_id=operator.user.pk)
    few = count_queries(operator, OPTIONS)

    with use_context(live_context(east)):
        for value in range(1, 21):
            set_option(key=RATE, value=value, site=east, actor_id=None)

    assert count_queries(operator, OPTIONS) == few
