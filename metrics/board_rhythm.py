"""The rhythm of a board's members, computed by the database from the dates of their visits.

A page that is sorted by something else looks up the visits of the rows it shows. One that is sorted
or filtered by a rhythm needs everybody's: then the visits of the store are grouped by member once
and joined. Django has no join of a grouped query, hence one of our own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any

from django.db.models import DecimalField, F, Field, Func, QuerySet
from django.db.models.sql import Query
from django.db.models.sql.constants import LOUTER
from django.db.models.sql.datastructures import BaseTable

from metrics.calculations.rhythm import ENOUGH_VISITS, RHYTHM_DAYS, StickinessOptions
from metrics.models import Member, MemberConsumption
from sandbox.context import RuntimeContext

_ALIAS = "rhythm"
_VISITS = f"""
FROM {MemberConsumption._meta.db_table}
WHERE site_id = %s AND stat_date = last_visit AND stat_date > %s AND stat_date <= %s"""


# Behind the policies PostgreSQL expects one member who came, and would compare every member with
# every one of them. A series whose end it does not know counts as a thousand rows: it hashes.
_VISITS_OF_ALL = f"""
SELECT member_id, days
FROM (SELECT member_id, array_agg(stat_date) AS days {_VISITS} GROUP BY member_id) came,
     generate_series(1, (SELECT 1))"""  # noqa: S608 (constants)


def join_visits(members: QuerySet[Member], *, names: Collection[str]) -> None:
    """Have the visits of all members at hand where the named columns are made of them."""
    for name in names:
        annotation = members.query.annotations.get(name)
        for part in annotation.flatten() if annotation else ():
            if isinstance(part, _OfVisits):
                part.join_to(members.query)


class _VisitsJoin(BaseTable):
    """LEFT JOIN of each member's visits, as an array of dates."""

    join_type = LOUTER

    def __init__(
        self, table_name: str, alias: str | None, parent: str, params: Sequence[Any]
    ) -> None:
        super().__init__(table_name, alias)
        self.parent = parent
        self.params = tuple(params)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        alias, parent = map(compiler.quote_name_unless_alias, (self.table_alias, self.parent))
        join = f"LEFT JOIN ({_VISITS_OF_ALL}) {alias} ON ({alias}.member_id = {parent}.id)"
        return join, self.params

    def relabeled_clone(self, change_map: dict[str | None, str]) -> _VisitsJoin:
        alias = change_map.get(self.table_alias) or self.table_alias
        parent = change_map.get(self.parent) or self.parent
        return _VisitsJoin(self.table_name, alias, parent, self.params)


class _OfVisits(Func):
    """SQL over the dates of a member's visits in a window; `{days}` stands for the array."""

    def __init__(
        self,
        sql: str,
        *,
        params: Sequence[Any],
        visits: Sequence[Any],
        output_field: Field[Any, Any],
    ) -> None:
        super().__init__(F("pk"), output_field=output_field)
        self.sql, self.params, self.visits = sql, params, visits

    def join_to(self, query: Query) -> None:
        """Have the visits of all members of a query at hand."""
        parent = query.get_initial_alias()
        if parent and _ALIAS not in query.alias_map:
            table = MemberConsumption._meta.db_table
            query.alias_map[_ALIAS] = _VisitsJoin(table, _ALIAS, parent, self.visits)
            query.alias_refcount[_ALIAS] = 1

    def as_sql(
        self, compiler: Any, connection: Any, *_: Any, **__: Any
    ) -> tuple[str, tuple[Any, ...]]:
        joins = compiler.query.alias_map.values()
        join = next((join for join in joins if isinstance(join, _VisitsJoin)), None)
        if join is not None:
            days = f"{compiler.quote_name_unless_alias(join.table_alias)}.days"
            return self.sql.format(days=days), (*self.params,)
        member, _none = compiler.compile(self.source_expressions[0])
        days = f"(SELECT array_agg(stat_date) {_VISITS} AND member_id = {member})"
        return self.sql.format(days=days), (*self.visits, *self.params)


def add_rhythms(
    members: QuerySet[Member], *, ctx: RuntimeContext, options: StickinessOptions
) -> QuerySet[Member]:
    """Annotate stickiness, visit_interval_median and overdue_ratio; needs last_visit_days.

    What calculations.rhythm says of one member, of each row.
    """
    day = ctx.business_date
    window = timedelta(days=max(RHYTHM_DAYS, options.window_days))
    visits = [ctx.site.pk, day - window, day]
    return members.annotate(
        stickiness=_OfVisits(
            _STICKINESS,
            params=[day, options.window_days, day, float(options.half_life), options.k],
            visits=visits,
            output_field=DecimalField(max_digits=4, decimal_places=1),
        ),
        visit_interval_median=_interval_median(day, visits),
        overdue_ratio=Func(
            F("last_visit_days"),
            _interval_median(day, visits),
            template="round(%(expressions)s, 2)",
            arg_joiner=" / ",
            output_field=DecimalField(max_digits=6, decimal_places=2),
        ),
    )


def _interval_median(day: date, visits: Sequence[Any]) -> _OfVisits:
    field: DecimalField[Any, Any] = DecimalField(max_digits=5, decimal_places=1)
    return _OfVisits(_INTERVAL_MEDIAN, params=[day], visits=visits, output_field=field)


# Both take the array first, for the order of parameters.
_STICKINESS = """coalesce((
    WITH visit AS (
        SELECT day FROM unnest({days}) AS day WHERE day > %s::date - %s
    ), decayed AS (
        SELECT sum(power(2::float8, (day - %s::date)::float8 / %s) ORDER BY day) AS total FROM visit
    )
    SELECT round((100 * total / (total + %s))::numeric, 1) FROM decayed
), 0.0)"""
_INTERVAL_MEDIAN = f"""(
    WITH visit AS (
        SELECT day FROM unnest({{days}}) AS day WHERE day > %s::date - {RHYTHM_DAYS}
    ), gaps AS (
        SELECT day - lag(day) OVER (ORDER BY day) AS gap FROM visit
    )
    SELECT CASE WHEN count(gap) >= {ENOUGH_VISITS - 1}
                THEN round((percentile_cont(0.5) WITHIN GROUP (ORDER BY gap))::numeric, 1) END
    FROM gaps
)"""  # noqa: S608 (the numbers are ours)
