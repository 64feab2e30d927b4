"""The demo into the database, by the ways a till has: files first, then the newest bills."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from django.contrib.auth.models import User
from django.db import connection, transaction

from metrics.builds import build_site
from metrics.entries.pay import apply_adjustments, preview_adjustments
from metrics.importers import AreaPlan, create_site, import_file, push_rows
from metrics.importers.sites import STANDARD_AREAS
from sandbox.context import live_context, use_context
from sandbox.models import Site
from sandbox.options import set_option
from zqyy.demo.days import lay_out_days
from zqyy.demo.insights import ask_about_calls
from zqyy.demo.parameters import HOURLY_PRICE, STORES, Store
from zqyy.demo.plan import Plan
from zqyy.demo.prepared import Prepared, prepare_chain
from zqyy.demo.progress import note_begun, note_complete
from zqyy.demo.users import make_users

Say = Callable[[str], None]
# Calls a minute, ten times the usual.
AI_RATE = 600


def begin_demo(*, plan: Plan) -> list[Site]:
    """Make the stores and note what is to be loaded into them, both or neither.

    Raises:
        UncoveredYear: the lunar calendar of the plan's years is not listed.
    """
    lay_out_days(last_day=plan.last_day, until=plan.until)
    with transaction.atomic():
        sites = [
            create_site(code=store.code, name=store.name, areas=_areas_of(store))
            for store in STORES
        ]
        note_begun(sites=sites, plan=plan)
    return sites


def fill_demo(*, sites: list[Site], plan: Plan, password: str, say: Say) -> None:
    """Load everything; what an earlier load brought already is known and left as it is."""
    by_code = {site.code: site for site in sites}
    stores = []
    with (
        TemporaryDirectory(prefix="zqyy-demo-") as folder,
        closing(prepare_chain(plan=plan, folder=Path(folder))) as chain,
    ):
        for store in chain:
            site = by_code[store.code]
            for kind, path in store.files:
                import_file(site=site, kind=kind, path=path, build=False)
            build_site(site=site)
            stores.append(store)
            say(f"{site.name}: {store.members:,} members, {store.bills:,} bills")
    for store in stores:
        for kind in ("settlements", "card_entries"):
            rows = [row for name, row in store.late if name == kind]
            push_rows(site=by_code[store.code], kind=kind, rows=rows, source="demo")
    say(f"{sum(len(store.late) for store in stores)} newest bills and card entries pushed")
    for site in sites:
        with use_context(live_context(site)):
            # Its AI computes on this machine: nobody has to wait for a night's prewarm.
            set_option(key="ai_rate_per_minute", value=AI_RATE, site=site, actor_id=None)
        ask_about_calls(site=site)
    with transaction.atomic():
        make_users(sites=sites, assistant_number=stores[0].assistant, password=password)
        for store in stores:
            if store.corrections:
                _upload_corrections(store, site=by_code[store.code])
        note_complete(sites=sites)
    with connection.cursor() as cursor:
        # Pages are looked at before autovacuum has counted what there is.
        cursor.execute("ANALYZE")


def _upload_corrections(store: Prepared, *, site: Site) -> None:
    """The batch that the operator took in at the end of the month: a file as from a page."""
    name = f"{store.month} 奖惩.xlsx"
    operator = User.objects.get(username="operator")
    with use_context(live_context(site)) as ctx:
        seen = preview_adjustments(ctx=ctx, rows=store.corrections, file_name=name)
        apply_adjustments(
            ctx=ctx,
            rows=seen.rows,
            file_name=seen.file_name,
            file_hash=seen.file_hash,
            actor=operator,
        )


def _areas_of(store: Store) -> list[AreaPlan]:
    """The standard areas that the store has tables in, with their number and price."""
    return [
        AreaPlan(
            area.code,
            area.name,
            parent=area.parent,
            is_virtual=area.is_virtual,
            tables=store.tables.get(area.code),
            hourly_price=Decimal(HOURLY_PRICE[area.code]) / 100
            if area.code in HOURLY_PRICE
            else None,
        )
        for area in STANDARD_AREAS
        if area.code in store.tables or area.code not in HOURLY_PRICE
    ]
