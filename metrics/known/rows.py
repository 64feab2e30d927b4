"""Facts, identities, versions and whatever else is recorded, as known at K: views."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import connection
from django.db.models import Model

from metrics.builds.versions import wanted_options
from metrics.known.recorded import Recorded
from metrics.models import (
    Area,
    AreaVersion,
    Assistant,
    AssistantVersion,
    DwsBuild,
    IngestBatch,
    Member,
    MemberVersion,
)
from metrics.models.base import FOREVER
from metrics.models.identities import Version
from sandbox.models import Site

# A view of more than one table takes no writes.
_FROM = "FROM public.{table} r CROSS JOIN (SELECT) AS nothing"
_VERSIONS: dict[type[Model], type[Version]] = {
    Area: AreaVersion,
    Member: MemberVersion,
    Assistant: AssistantVersion,
}


def recorded_in_batches() -> list[type[Model]]:
    """Every model whose rows say in which batch they came."""
    return [model for model in apps.get_models() if _comes_in_batches(model)]


def recorded_at_a_time() -> list[type[Model]]:
    """Every model whose rows say since when they are there (`known_since`)."""
    return [model for model in apps.get_models() if hasattr(model, "known_since")]


def shadow_rows(recorded: Recorded) -> list[str]:
    """Shadow everything that is recorded, the summaries aside; returns the views' names."""
    views: dict[str, str] = {}
    for model in recorded_at_a_time():
        views[_name(model)] = _since_a_time(model, recorded)
    views[_name(IngestBatch)] = _select(IngestBatch, where=f"r.number <= {recorded.number}")
    # None under way: nothing is repaired but what this transaction reads.
    views[_name(DwsBuild)] = _select(DwsBuild, where=f"r.watermark <= {recorded.number}")
    if not recorded.is_all:
        for model in recorded_in_batches():
            views[_name(model)] = _of_batches(model, recorded)
        _shadow_identities(views, recorded)
    create = ";".join(f"CREATE TEMPORARY VIEW {name} AS {text}" for name, text in views.items())
    with connection.cursor() as cursor:
        cursor.execute(create, {"known_at": recorded.known_at})
        # The options as they were say what the summaries are to be built with.
        cursor.execute(f"CREATE TEMPORARY VIEW site_ingest AS {_INGEST}", _ingest_of(recorded))
    return ["site_ingest", *reversed(views)]


# --- Views -------------------------------------------------------------------------------------


def _select(model: type[Model], *, where: str, changed: Mapping[str, str] | None = None) -> str:
    """All columns of a table's rows; `changed` says which come out different, by column."""
    changed = changed or {}
    columns = (
        f"{changed[field.attname]} AS {_quote(field.attname)}"
        if field.attname in changed
        else f"r.{_quote(field.attname)}"
        for field in model._meta.concrete_fields
    )
    origin = _FROM.format(table=_name(model))
    return f"SELECT {', '.join(columns)} {origin} WHERE {where}"


def _of_batches(model: type[Model], recorded: Recorded) -> str:
    return _select(model, where=recorded.known("r"))


def _since_a_time(model: type[Model], recorded: Recorded) -> str:
    """Rows written by K; what has ended since had not."""
    since: str = model.known_since  # type: ignore[attr-defined]
    moment, *others = getattr(model, "known_until", ()) or (None,)
    changed = {
        column: f"CASE WHEN r.{moment} <= %(known_at)s THEN r.{column} END"
        for column in (moment, *others)
        if column
    }
    return _select(model, where=f"r.{since} <= %(known_at)s", changed=changed)


_INGEST = """
SELECT site_id, %(number)s::bigint AS last_batch, %(committed_at)s::timestamptz AS last_committed_at,
       %(first_date)s::date AS first_business_date,
       (SELECT max(occurred_at) FROM settlements
        WHERE site_id = %(site)s AND void_of_id IS NULL) AS last_settled_at,
       %(version)s::smallint AS summary_version, %(options)s::jsonb AS summary_options
FROM public.site_ingest WHERE site_id = %(site)s
UNION ALL
SELECT site_id, last_batch, last_committed_at, first_business_date, last_settled_at,
       summary_version, summary_options
FROM public.site_ingest WHERE site_id <> %(site)s
"""


def _ingest_of(recorded: Recorded) -> dict[str, Any]:
    return {
        "site": recorded.site_id,
        "number": recorded.number,
        "committed_at": recorded.committed_at,
        "first_date": recorded.first_date,
        "version": recorded.summary_version,
        "options": json.dumps(wanted_options(Site(pk=recorded.site_id)).as_json()),
    }


# --- Identities and their versions -------------------------------------------------------------


def _shadow_identities(views: dict[str, str], recorded: Recorded) -> None:
    for identity, versions in _VERSIONS.items():
        views[_name(identity)] = _identity(identity, recorded)
        if _has_unknown(versions, recorded):
            valid_to = (
                f"coalesce(lead(r.business_date) OVER (PARTITION BY r.site_id, r.{_entity(versions)}"
                " ORDER BY r.business_date, r.id), '9999-12-31')"
            )
            views[_name(versions)] = _select(
                versions, where=recorded.known("r"), changed={"valid_to": valid_to}
            )


def _identity(identity: type[Model], recorded: Recorded) -> str:
    """Those known, each as old as was known: facts recorded since may have made some older."""
    younger = _dates_before(identity, recorded)
    if not younger:
        return _of_batches(identity, recorded)
    cases = " ".join(f"WHEN {key} THEN '{day}'::date" for key, day in younger.items())
    date_of = f"CASE r.id {cases} ELSE r.business_date END"
    return _select(
        identity,
        where=f"{recorded.known('r')} AND {date_of} <= (SELECT business_date_now())",
        changed={"business_date": date_of},
    )


def _dates_before(identity: type[Model], recorded: Recorded) -> dict[int, date]:
    """The dates of the identities that have become older since.

    An identity is as old as its first version and the first fact naming it; so whoever has become
    older is named by an unknown row of the very date it has now.
    """
    naming = list(_naming(identity))
    unknown = " UNION ".join(
        f"SELECT x.{column} AS id, x.business_date FROM public.{table} x"  # noqa: S608
        f" WHERE x.site_id = %(site)s AND {recorded.unknown('x')}"
        for table, column in naming
    )
    known = ", ".join(
        f"(SELECT min(x.business_date) FROM public.{table} x"  # noqa: S608
        f" WHERE x.site_id = %(site)s AND x.{column} = i.id AND {recorded.known('x')})"
        for table, column in naming
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH named AS MATERIALIZED ({unknown}), older AS MATERIALIZED ("  # noqa: S608
            f" SELECT i.id FROM named JOIN public.{_name(identity)} i"
            " ON i.site_id = %(site)s AND i.id = named.id AND i.business_date = named.business_date"
            f" WHERE {recorded.known('i')})"
            f" SELECT i.id, least({known}) FROM older i",
            {"site": recorded.site_id},
        )
        # Without a date: all that had been known of them is dated after D.
        return {key: day or FOREVER for key, day in cursor.fetchall()}


def _naming(identity: type[Model]) -> Iterator[tuple[str, str]]:
    """The tables, by batch, that name an identity, and the columns that do."""
    for model in recorded_in_batches():
        if issubclass(model, Version):
            # Of its own identity: a part that turns out older does not make the whole older.
            if _VERSIONS[identity] is model:
                yield _name(model), _entity(model)
            continue
        for field in model._meta.concrete_fields:
            if field.related_model is identity:
                yield _name(model), field.attname


def _has_unknown(versions: type[Version], recorded: Recorded) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT EXISTS (SELECT FROM public.{_name(versions)} x"  # noqa: S608
            f" WHERE x.site_id = %(site)s AND {recorded.unknown('x')})",
            {"site": recorded.site_id},
        )
        return bool(cursor.fetchone()[0])


def _entity(versions: type[Version]) -> str:
    """The column that names the identity of a version."""
    return next(
        field.attname
        for field in versions._meta.concrete_fields
        if field.remote_field and getattr(field.remote_field, "related_name", "") == "versions"
    )


# --- Names -------------------------------------------------------------------------------------


def _comes_in_batches(model: type[Model]) -> bool:
    try:
        return model._meta.get_field("batch").related_model is IngestBatch
    except FieldDoesNotExist:
        return False


def _name(model: type[Model]) -> str:
    return model._meta.db_table


def _quote(name: str) -> str:
    return connection.ops.quote_name(name)
