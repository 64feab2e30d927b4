"""Finding a member by what somebody at the desk knows of them."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from metrics.models import Member, MemberVersion
from sandbox.context import RuntimeContext

# What a masked phone number shows anyway.
SHOWN_DIGITS = 4


def search_members(
    members: QuerySet[Member], text: str, *, ctx: RuntimeContext
) -> QuerySet[Member]:
    """Those whose name at D contains the text, whose external id begins with it, or whose phone
    number it is, whole or its last 4 digits. Other parts of a number would give it away bit by bit.
    """
    in_force = MemberVersion.objects.filter(
        site=ctx.site,
        member=OuterRef("pk"),
        business_date__lte=ctx.business_date,
        valid_to__gt=ctx.business_date,
    )
    known = Q(name__icontains=text) | Q(phone=text)
    if text.isdecimal() and len(text) == SHOWN_DIGITS:
        known |= Q(phone__endswith=text)
    return members.filter(Q(external_id__istartswith=text) | Exists(in_force.filter(known)))
