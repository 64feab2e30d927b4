from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from sandbox.context import live_context
from sandbox.models import SandboxAuditEntry, Site
from tests.factories import at, bill, days_before, make_site, push_bill, push_member
from tests.metrics.histories import write_csv

pytestmark = pytest.mark.django_db


def run(*args, **options):
    out = StringIO()
    call_command(*args, stdout=out, **options)
    return json.loads(out.getvalue())


@pytest.fixture
def bills(tmp_path):
    site = make_site()
    rows = [bill(days_before(site, n), member=f"M{n}") for n in (1, 2)]
    return write_csv(tmp_path / "bills.csv", rows)


def test_import_facts_makes_store_and_members_and_answers_in_json(bills, capfd):
    answer = run(
        "import_facts",
        "settlements",
        str(bills),
        "--site",
        "NEW",
        "--create-site",
        "--create-members",
        "--progress",
    )

    assert (answer["accepted"], answer["created_members"], answer["site"]) == (2, 2, "NEW")
    assert Site.objects.get(code="NEW").ingest.last_batch == answer["batch"]
    assert "2/2" in capfd.readouterr().err


def test_import_facts_names_line_column_and_reason(bills):
    site, err = make_site(), StringIO()

    with pytest.raises(CommandError):
        call_command("import_facts", "settlements", str(bills), "--site", site.code, stderr=err)

    first = err.getvalue().splitlines()[0]
    assert first.startswith("line 2, member:") and "M1" in first and "unknown_member" in first


@pytest.mark.parametrize(
    "args",
    [
        ("weather", "x.csv", "--site", "S"),
        ("settlements", "/nowhere/x.csv", "--site", "NEW", "--create-site"),
        ("settlements", __file__, "--site", "NEW", "--create-site"),
        ("settlements", "x.csv", "--site", "missing"),
        ("settlements",),
    ],
)
def test_import_facts_refuses_what_it_cannot_do(args):
    with pytest.raises(CommandError):
        call_command("import_facts", *args)
    assert not Site.objects.filter(code="NEW").exists()


def test_import_facts_prints_the_columns_of_a_kind():
    columns = run("import_facts", "card-entries", columns=True)

    assert [c["name"] for c in columns if c["in_every_row"]] == [
        "external_id",
        "member",
        "occurred_at",
        "kind",
        "principal",
        "gift",
    ]


@pytest.mark.django_db(transaction=True)
def test_build_dws_carries_out_what_was_left(bills):
    run(
        "import_facts",
        "settlements",
        str(bills),
        "--site",
        "NEW",
        "--create-site",
        "--create-members",
        "--no-build",
    )

    [build] = run("build_dws", site="NEW")

    assert (build["members"], build["site"]) == (2, "NEW")
    assert run("build_dws", site="NEW") == []
    assert len(run("build_dws", site="NEW", full=True)) == 1


def test_metric_answers_at_a_date():
    site = make_site()
    member = push_member(site, joined_at="2025-01-01")
    day = days_before(site, 9)
    push_bill(site, day, "70.5", member=member)

    answer = run(
        "metric",
        "total_consumption",
        "--site",
        site.code,
        "--member",
        member.external_id,
        "--as-of",
        str(day),
    )

    assert answer == {
        "metric": "total_consumption",
        "site": site.code,
        "as_of": str(day),
        "known_at": None,
        "mode": "sandbox",
        "value": "70.50",
    }
    with at(site, day):
        assert SandboxAuditEntry.objects.filter(site=site).count() == 1


def test_metric_by_area_and_range():
    site = make_site()
    today = live_context(site).business_date
    push_bill(site, today, 70, area="vip")

    answer = run("metric", "gmv", "--site", site.code, "--area", "vip", "--range", "this_month")

    assert (answer["value"], answer["mode"], answer["as_of"]) == ("70.00", "live", str(today))


@pytest.mark.parametrize(
    "args",
    [
        ("weather",),
        ("gmv", "--known-at", "2026-01-01T00:00:00"),
        ("gmv", "--as-of", "2999-01-01"),
        ("gmv", "--range", "soon"),
        ("gmv", "--area", "roof"),
        ("last_visit_days", "--member", "nobody"),
        ("last_visit_days",),
    ],
)
def test_metric_refuses_what_it_cannot_answer(args):
    site = make_site()

    with pytest.raises(CommandError):
        call_command("metric", *args, "--site", site.code)
