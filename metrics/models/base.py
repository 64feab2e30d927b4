"""What every fact has in common."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from sandbox.models import Site

# valid_to of what is still in force; psycopg cannot read a date of infinity.
FOREVER = date(9999, 12, 31)


def same_site(
    to: str, *, null: bool = False, related_name: str = "+", **kwargs: Any
) -> models.ForeignKey[Any, Any]:
    """A reference within one store.

    The constraint is a composite foreign key (site_id, id), made in SQL: a plain one bypasses
    row-level security and would accept another store's row. Indexes start with the site, so the
    single-column one is left out.
    """
    return models.ForeignKey(
        to,
        models.DO_NOTHING,
        null=null,
        blank=null,
        db_constraint=False,
        db_index=False,
        related_name=related_name,
        **kwargs,
    )


class SiteRow(models.Model):
    """A row of one store. Concrete classes declare UNIQUE (site, id) for composite references."""

    site = models.ForeignKey(
        Site, models.PROTECT, db_index=False, related_name="+", verbose_name=_("store")
    )

    class Meta:
        abstract = True


class Fact(SiteRow):
    """Something that happened, once, on a business date. Append-only.

    The same external_id with the same content is the same fact; with other content it is a
    conflict. `batch` says since when it is known.
    """

    external_id = models.CharField(_("external id"), max_length=64)
    occurred_at = models.DateTimeField(_("time"))
    business_date = models.DateField(_("business date"))
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())
    batch = same_site("metrics.IngestBatch")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.external_id


def fact_constraints(table: str) -> list[models.BaseConstraint]:
    """The two unique rules of a fact table."""
    return [
        models.UniqueConstraint(fields=["site", "external_id"], name=f"{table}_external_id"),
        models.UniqueConstraint(fields=["site", "id"], name=f"{table}_site_id"),
    ]


def money(verbose_name: Any, *, null: bool = False) -> models.DecimalField[Any, Any]:
    """An amount in yuan with 2 places; unknown is null, never 0."""
    return models.DecimalField(verbose_name, max_digits=12, decimal_places=2, null=null, blank=null)
