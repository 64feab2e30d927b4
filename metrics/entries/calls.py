"""What becomes of a member whom somebody should call: a task, a contact, or nothing any more.

Each holds the member's row while it looks and writes, so that of two people at once the second is
told what the first one did.
"""

from __future__ import annotations

from datetime import date

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils.translation import gettext as _

from metrics.calls import contacts_within_days, open_recalls
from metrics.entries.members import record_contact, withhold_contact
from metrics.entries.tasks import record_task
from metrics.models import CoachTask, CoachTaskEvent, Contact, Member, MemberVersion
from sandbox.audit import record_change
from sandbox.context import RuntimeContext
from sandbox.errors import BadRequest, Conflict, NotFound


def assign_recall(
    *,
    ctx: RuntimeContext,
    member_id: int,
    assistant_id: int,
    due_on: date,
    note: str = "",
    actor: AbstractBaseUser,
) -> CoachTask:
    """Ask an assistant to win a member back.

    Raises:
        SandboxReadOnly: the context is in the past. NotFound: no such member or assistant.
        BadRequest: a value is wrong; names it. Conflict: somebody is asked already.
    """
    ctx.require_live()
    if due_on < ctx.business_date:
        raise BadRequest(fields={"due_on": [_("The task cannot be due before today.")]})
    with transaction.atomic():
        _hold(member_id, ctx)
        if open_recalls(ctx=ctx).filter(member=member_id).exists():
            raise Conflict(_("This member is being recalled already."))
        task = record_task(
            ctx=ctx,
            assistant_id=assistant_id,
            member_id=member_id,
            kind=CoachTask.Kind.RECALL.value,
            due_on=due_on,
            reason=note,
            actor=actor,
        )
        record_change(
            action="task_assigned",
            subject=task,
            site_id=ctx.site.pk,
            actor_id=actor.pk,
            before={},
            after={"member": member_id, "assistant": assistant_id, "due_on": due_on, "note": note},
        )
    return task


def note_contacted(*, ctx: RuntimeContext, member_id: int, actor: AbstractBaseUser) -> Contact:
    """Write down that somebody has just reached a member by phone.

    Raises:
        SandboxReadOnly: the context is in the past. NotFound: no such member.
        Conflict: somebody did within the last 7 days.
    """
    ctx.require_live()
    with transaction.atomic():
        _hold(member_id, ctx)
        last = contacts_within_days(ctx=ctx).filter(member=member_id).order_by("-business_date")
        if (earlier := last.first()) is not None:
            text = _("This member was contacted on %(day)s.") % {"day": earlier.business_date}
            raise Conflict(text)
        contact = record_contact(
            ctx=ctx,
            member_id=member_id,
            channel="phone",
            outcome=CoachTaskEvent.Outcome.REACHED.value,
            actor=actor,
        )
        record_change(
            action="member_contacted",
            subject=contact,
            site_id=ctx.site.pk,
            actor_id=actor.pk,
            before={},
            after={"member": member_id, "channel": contact.channel, "outcome": contact.outcome},
        )
    return contact


def spare_member(*, ctx: RuntimeContext, member_id: int, actor: AbstractBaseUser) -> Member:
    """Have nobody contact a member from today on. A second time changes nothing.

    Raises:
        SandboxReadOnly: the context is in the past. NotFound: no such member.
    """
    ctx.require_live()
    with transaction.atomic():
        member = _hold(member_id, ctx)
        in_force = MemberVersion.objects.filter(
            site=ctx.site,
            member=member,
            business_date__lte=ctx.business_date,
            valid_to__gt=ctx.business_date,
        )
        if in_force.filter(do_not_contact=True).exists():
            return member
        withhold_contact(ctx=ctx, member_id=member_id, actor=actor)
        record_change(
            action="do_not_contact_set",
            subject=member,
            site_id=ctx.site.pk,
            actor_id=actor.pk,
            before={"do_not_contact": False},
            after={"do_not_contact": True},
        )
    return member


def _hold(member_id: int, ctx: RuntimeContext) -> Member:
    """The member's row, locked until the transaction ends.

    Raises:
        NotFound: there is none, or it is another store's.
    """
    rows = Member.objects.select_for_update(no_key=True).filter(site=ctx.site, pk=member_id)
    member = rows.first()
    if member is None:
        raise NotFound
    return member
