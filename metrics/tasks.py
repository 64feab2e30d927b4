"""What the workers of our clusters call, each with the lease that it holds."""

from __future__ import annotations

from datetime import date

from django.utils.translation import override

from metrics.build_jobs import drive_build
from metrics.closing import close_day
from metrics.import_jobs import drive_import
from sandbox.models import Site
from zqyy.durable.leases import Held


def build_store(held: Held, *, site_id: int) -> None:
    """Carry out what is to be built in a store, as far as earlier deliveries left it."""
    drive_build(held, site=Site.objects.get(pk=site_id))


def close_store_day(held: Held, *, site_id: int, business_date: str) -> None:
    """The night of a store on a business date: build, check, write down, tell."""
    close_day(held, site=Site.objects.get(pk=site_id), day=date.fromisoformat(business_date))


def work_on_import(held: Held, *, site_id: int, import_id: int, language: str) -> None:
    """Look at an uploaded file or take it in, telling mistakes in its user's language."""
    with override(language):
        drive_import(held, site=Site.objects.get(pk=site_id), import_id=import_id)
