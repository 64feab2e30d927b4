"""The database refuses: every table with a site, read with no filter at all.

Rows of two stores and two dates stand in every protected table. The application role must see the
ones of its context and no others; each way of breaking the protection must be noticed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.utils import DatabaseError, IntegrityError

from sandbox.context import RuntimeContext, use_context
from sandbox.models import Mode, Site
from zqyy.checks import WITHOUT_POLICY
from zqyy.database import as_owner

D = date(2026, 4, 20)
LATER = D + timedelta(days=1)

pytestmark = pytest.mark.django_db(transaction=True)


def site_models() -> list[type[models.Model]]:
    return [
        model
        for model in apps.get_models()
        if any(field.column == "site_id" for field in model._meta.concrete_fields)
    ]


def protected_models() -> list[type[models.Model]]:
    return [model for model in site_models() if model._meta.db_table not in WITHOUT_POLICY]


def date_columns() -> dict[str, str | None]:
    """Each protected table's date column as its policy has it; None: the policy has no date."""
    return {model._meta.db_table: _date_column(model) for model in protected_models()}


def _date_column(model: type[models.Model]) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_expr(polqual, polrelid) FROM pg_policy WHERE polrelid = %s::regclass",
            [model._meta.db_table],
        )
        (rule,) = cursor.fetchone()
    found = re.search(r"(business_date|stat_date) <=", rule)
    return found.group(1) if found else None


class Rows:
    """Makes one minimal valid row per (model, store, date), references first."""

    def __init__(self) -> None:
        self.made: dict[tuple[type[models.Model], int, date], models.Model] = {}

    def make(self, model: type[models.Model], site: Site, day: date) -> models.Model:
        key = (model, site.pk, day)
        if key not in self.made:
            values = {
                field.attname: self.value(field, site, day)
                for field in model._meta.concrete_fields
                if not isinstance(field, models.BigAutoField)
            }
            self.made[key] = model._base_manager.create(
                **{name: value for name, value in values.items() if value is not Ellipsis}
            )
        return self.made[key]

    def value(self, field: models.Field, site: Site, day: date) -> Any:
        if field.column == "site_id":
            return site.pk
        if field.name in ("business_date", "stat_date"):
            return day
        if field.name == "valid_to":
            return day + timedelta(days=30)
        if field.null:
            return None
        if isinstance(field, models.ForeignKey):
            return self.make(field.remote_field.model, site, day).pk
        if field.name == "mode":
            return Mode.LIVE
        if field.has_default() or field.db_default is not models.NOT_PROVIDED:
            return Ellipsis
        if field.choices:
            return field.choices[0][0]
        if isinstance(field, models.CharField | models.TextField):
            return uuid4().hex[: field.max_length or 32]
        if isinstance(field, models.DateTimeField):
            return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        if isinstance(field, models.DateField):
            return day
        if isinstance(field, models.JSONField):
            return {}
        if isinstance(field, models.DecimalField):
            return Decimal(0)
        if isinstance(field, models.BooleanField):
            return False
        if isinstance(field, models.IntegerField):
            # unique per row where the model counts something up
            return len(self.made) + 1
        if isinstance(field, models.FloatField):
            return 0.0
        raise AssertionError(f"no value known for {field}")


@pytest.fixture
def stores(transactional_db) -> Iterator[tuple[Site, Site]]:
    with as_owner():
        ours = Site.objects.create(code="ours", name="ours")
        theirs = Site.objects.create(code="theirs", name="theirs")
        rows = Rows()
        for model in protected_models():
            for site, day in ((ours, D), (ours, LATER), (theirs, D)):
                rows.make(model, site, day)
    yield ours, theirs


def leaks(ours: Site, date_columns: dict[str, str | None]) -> set[str]:
    """Tables of which a reader at D in our store sees what it must not, or not what it must."""
    found = set()
    for model in protected_models():
        column = date_columns[model._meta.db_table]
        fields = ["site_id", *([column] if column else [])]
        with use_context(RuntimeContext(ours, Mode.LIVE, D)):
            seen = list(model._base_manager.values_list(*fields))
        if seen != ([(ours.pk, D)] if column else [(ours.pk,), (ours.pk,)]):
            found.add(model._meta.db_table)
    return found


def test_a_reader_sees_only_its_store_up_to_its_date(stores):
    ours, _theirs = stores

    assert leaks(ours, date_columns()) == set()


def test_without_a_context_every_table_raises(stores):
    for model in protected_models():
        with pytest.raises(DatabaseError) as raised:
            list(model._base_manager.all())
        assert raised.value.__cause__.sqlstate == "ZQ001", model


@pytest.mark.parametrize(
    "mutation",
    [
        "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
        "ALTER POLICY in_context ON {table} USING ({date} <= (SELECT business_date_now()))",
        "ALTER POLICY in_context ON {table}"
        " USING (site_id = ANY ((SELECT current_site_ids())::bigint[]))",
        "ALTER POLICY in_context ON {table}"
        " USING (site_id = ANY ((SELECT current_site_ids())::bigint[])"
        " AND {date} <= (SELECT business_date_now()) + 1)",
    ],
    ids=["no security", "no site", "no date", "a day too late"],
)
def test_each_way_of_breaking_a_policy_is_noticed(stores, mutation):
    ours, _theirs = stores
    columns = date_columns()
    targets = {
        table: column
        for table, column in columns.items()
        # a policy without a date is only broken by what concerns its store
        if column or mutation.endswith("DISABLE ROW LEVEL SECURITY")
    }
    with as_owner(), connection.cursor() as cursor:
        originals = {}
        for table, column in targets.items():
            cursor.execute(
                "SELECT pg_get_expr(polqual, polrelid) FROM pg_policy WHERE polrelid = %s::regclass",
                [table],
            )
            originals[table] = cursor.fetchone()[0]
            cursor.execute(mutation.format(table=table, date=column))
    try:
        assert leaks(ours, columns) == set(targets)
    finally:
        with as_owner(), connection.cursor() as cursor:
            for table, rule in originals.items():
                cursor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
                cursor.execute(f"ALTER POLICY in_context ON {table} USING ({rule})")


def test_a_row_of_another_store_cannot_be_written(stores):
    ours, theirs = stores

    with pytest.raises(DatabaseError) as raised, use_context(RuntimeContext(ours, Mode.LIVE, D)):
        apps.get_model("metrics", "IngestBatch").objects.create(site=theirs, source="test")

    assert raised.value.__cause__.sqlstate == "42501"


def test_a_reference_to_another_store_is_refused(stores):
    ours, theirs = stores
    note = apps.get_model("metrics", "Note")
    with as_owner():
        mine = note._base_manager.get(site=ours, business_date=D)
        foreign = note._base_manager.get(site=theirs).member_id

    with pytest.raises(IntegrityError), use_context(RuntimeContext(ours, Mode.LIVE, D)):
        note.objects.filter(pk=mine.pk).update(member_id=foreign)


def test_tables_without_a_policy_are_the_listed_ones():
    unprotected = set()
    with connection.cursor() as cursor:
        for model in site_models():
            cursor.execute(
                "SELECT relrowsecurity FROM pg_class WHERE oid = %s::regclass",
                [model._meta.db_table],
            )
            if not cursor.fetchone()[0]:
                unprotected.add(model._meta.db_table)

    assert unprotected == WITHOUT_POLICY
