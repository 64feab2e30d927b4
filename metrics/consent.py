"""Whom nobody may approach, and why: minors, who asked for quiet, who has just been contacted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Max

from metrics.models import Contact, MemberVersion
from sandbox.context import RuntimeContext
from sandbox.options import option


@dataclass(frozen=True)
class Consent:
    """What a member has agreed to at D.

    Attributes:
        free_from: the first date of the next contact; None when it may be today.
    """

    is_minor: bool = False
    do_not_contact: bool = False
    last_contact: date | None = None
    free_from: date | None = None

    @property
    def is_open(self) -> bool:
        """Somebody may reach out today."""
        return not (self.is_minor or self.do_not_contact or self.free_from)


def consents_of(*, member_ids: Collection[int], ctx: RuntimeContext) -> dict[int, Consent]:
    """By member, at D; whoever has made the last contact, it counts for all."""
    day = ctx.business_date
    pause = timedelta(days=option("contact_pause_days", ctx.site))
    last = dict(
        Contact.objects.filter(site=ctx.site, member__in=member_ids, business_date__lte=day)
        .order_by("member_id")
        .values_list("member_id")
        .annotate(Max("business_date"))
    )
    versions = MemberVersion.objects.filter(
        site=ctx.site, member__in=member_ids, business_date__lte=day, valid_to__gt=day
    )
    found = {}
    for member_id, is_minor, is_quiet in versions.values_list(
        "member_id", "is_minor", "do_not_contact"
    ):
        contacted = last.get(member_id)
        free_from = contacted + pause if contacted else None
        found[member_id] = Consent(
            is_minor=is_minor,
            do_not_contact=is_quiet,
            last_contact=contacted,
            free_from=free_from if free_from and free_from > day else None,
        )
    return found
