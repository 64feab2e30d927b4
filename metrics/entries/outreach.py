"""Reaching out to members: who is asked to, about whom nobody is, and who wants quiet."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Max, TextChoices
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from metrics.assistant_board import employed_assistants
from metrics.calculations.relationships import OWN_DAYS
from metrics.consent import Consent, consents_of
from metrics.entries.members import record_contact
from metrics.entries.writing import find, new_name, write_rows
from metrics.models import (
    Assistant,
    AssistantCustomer,
    CoachTask,
    CoachTaskEvent,
    Contact,
    Member,
    MemberAssignment,
    MemberVersion,
)
from sandbox.audit import record_change
from sandbox.context import RuntimeContext, use_build_context
from sandbox.errors import BadRequest, Conflict, NotFound

MOST_MEMBERS = 500


class Skipped(TextChoices):
    """Why a member was passed over."""

    MINOR = "minor", gettext_lazy("minors")
    DO_NOT_CONTACT = "do_not_contact", gettext_lazy("asked not to be contacted")
    CONTACTED = "contacted", gettext_lazy("contacted within the last days")
    OPEN_TASK = "open_task", gettext_lazy("such a task is open already")
    NO_ASSISTANT = "no_assistant", gettext_lazy("no assistant of their own")


@dataclass(frozen=True)
class Assigned:
    """Tasks handed out, and the names of those passed over, by reason."""

    tasks: int = 0
    skipped: dict[Skipped, list[str]] = field(default_factory=dict)


def assign_tasks(
    *,
    ctx: RuntimeContext,
    member_ids: Collection[int],
    kind: str,
    assistant_id: int | None = None,
    due_on: date | None = None,
    reason: str = "",
    actor: AbstractBaseUser,
) -> Assigned:
    """Ask assistants, now, to do something about members: all of it or nothing.

    Args:
        assistant_id: who is asked; None: each member's own assistant.

    Raises:
        SandboxReadOnly: the context is in the past. NotFound: no such assistant, or one of the
            members is not of this store. BadRequest: a value is wrong, or too many members; names
            it.
    """
    ctx.require_live()
    wanted = set(member_ids)
    if not 0 < len(wanted) <= MOST_MEMBERS:
        text = _("Choose 1 to %(limit)d members.") % {"limit": MOST_MEMBERS}
        raise BadRequest(text, fields={"members": [text]})
    if due_on is not None and due_on < ctx.business_date:
        raise BadRequest(fields={"due_on": [_("A task cannot be due before today.")]})
    with use_build_context(ctx.site) as writing:
        # Of two people at once the second sees the tasks of the first. So does whoever says that a
        # member wants quiet.
        members = dict(
            Member.objects.select_for_update(no_key=True)
            .filter(site=ctx.site, pk__in=wanted)
            .order_by("pk")
            .values_list("pk", "external_id")
        )
        if members.keys() != wanted:
            raise NotFound
        assistants = _assistants_for(writing, members, assistant_id)
        skipped = _passed_over(writing, members, kind, assistants)
        rows = [
            {
                "external_id": new_name("task"),
                "assistant": assistants[pk],
                "member": name,
                "kind": kind,
                "assigned_at": timezone.now(),
                "due_on": due_on,
                "reason": reason,
            }
            for pk, name in members.items()
            if pk not in skipped
        ]
        if rows:
            write_rows(ctx=ctx, kind="tasks", rows=rows, actor=actor)
        by_reason = _named(writing, skipped)
        record_change(
            action="tasks_assigned",
            subject=ctx.site,
            site_id=ctx.site.pk,
            actor_id=actor.pk,
            after={
                "kind": kind,
                "due_on": due_on,
                "reason": reason,
                "tasks": [[row["member"], row["assistant"], row["external_id"]] for row in rows],
                "skipped": {pk: why.value for pk, why in skipped.items()},
            },
        )
    return Assigned(len(rows), by_reason)


def set_do_not_contact(
    *, ctx: RuntimeContext, member_id: int, value: bool, actor: AbstractBaseUser
) -> bool:
    """Note, from today on, whether a member wants to be left alone; False: that was known.

    Raises:
        SandboxReadOnly: the context is in the past. NotFound: no such member in the store.
    """
    ctx.require_live()
    with use_build_context(ctx.site):
        members = Member.objects.select_for_update(no_key=True)
        member = members.filter(site=ctx.site, pk=member_id).first()
        if member is None:
            raise NotFound
        newest = MemberVersion.objects.filter(site=ctx.site, member=member).order_by("-valid_to")
        known = newest.first()
        before = known is not None and known.do_not_contact
        if before == value:
            return False
        row = {
            "external_id": member.external_id,
            # What is left out stays as it is; a name has to be said.
            "name": (known and known.name) or member.external_id,
            "do_not_contact": value,
        }
        write_rows(ctx=ctx, kind="members", rows=[row], actor=actor)
        record_change(
            action="consent_changed",
            subject=member,
            site_id=ctx.site.pk,
            actor_id=actor.pk,
            before={"do_not_contact": before},
            after={"do_not_contact": value},
        )
    return True


def note_contacted(*, ctx: RuntimeContext, member_id: int, actor: AbstractBaseUser) -> Contact:
    """Write down that somebody has just reached a member by phone.

    Raises:
        SandboxReadOnly: the context is in the past. NotFound: no such member.
        Conflict: somebody did within the last days.
    """
    ctx.require_live()
    with transaction.atomic():
        # Of two people at once the second is told what the first one did.
        members = Member.objects.select_for_update(no_key=True)
        if members.filter(site=ctx.site, pk=member_id).first() is None:
            raise NotFound
        consent = consents_of(member_ids=[member_id], ctx=ctx).get(member_id, Consent())
        if consent.free_from is not None:
            text = _("This member was contacted on %(day)s.") % {"day": consent.last_contact}
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


def _assistants_for(
    ctx: RuntimeContext, members: Collection[int], assistant_id: int | None
) -> dict[int, str]:
    """By member, the name of whom to ask; without those who have nobody."""
    if assistant_id is not None:
        asked = find(Assistant, site=ctx.site, pk=assistant_id).external_id
        return dict.fromkeys(members, asked)
    own = own_assistants(member_ids=members, ctx=ctx)
    named = Assistant.objects.filter(site=ctx.site, pk__in=own.values())
    names = dict(named.values_list("pk", "external_id"))
    return {member_id: names[pk] for member_id, pk in own.items()}


def own_assistants(*, member_ids: Collection[int], ctx: RuntimeContext) -> dict[int, int]:
    """By member, their assistant at D: assigned, else who served them last in (D−90, D].

    Only those who still work there.
    """
    day = ctx.business_date
    of_members = {"site": ctx.site, "member__in": member_ids}
    served = (
        AssistantCustomer.objects.filter(
            **of_members, stat_date__gt=day - timedelta(days=OWN_DAYS), stat_date__lte=day
        )
        .values_list("member_id", "assistant_id")
        .annotate(last=Max("stat_date"))
        .order_by("last", "-assistant_id")
    )
    assigned = (
        MemberAssignment.objects.filter(**of_members, business_date__lte=day)
        .order_by("member_id", "-business_date", "-id")
        .distinct("member_id")
        .values_list("member_id", "assistant_id")
    )
    there = employed_assistants(ctx=ctx)
    own = {member_id: pk for member_id, pk, _last in served if pk in there}
    return own | {member_id: pk for member_id, pk in assigned if pk in there}


def _passed_over(
    ctx: RuntimeContext, members: Mapping[int, str], kind: str, assistants: Mapping[int, str]
) -> dict[int, Skipped]:
    """Whom nobody is to approach now, with the first reason that holds."""
    consents = consents_of(member_ids=members, ctx=ctx)
    closed = CoachTaskEvent.objects.filter(
        site=ctx.site, kind__in=(CoachTaskEvent.Kind.DONE, CoachTaskEvent.Kind.CANCELLED)
    )
    tasks = CoachTask.objects.filter(site=ctx.site, member__in=members, kind=kind)
    asked = set(tasks.exclude(pk__in=closed.values("task")).values_list("member_id", flat=True))
    found = {}
    for member_id in members:
        consent = consents.get(member_id, Consent())
        why = (
            (Skipped.MINOR, consent.is_minor),
            (Skipped.DO_NOT_CONTACT, consent.do_not_contact),
            (Skipped.CONTACTED, consent.free_from is not None),
            (Skipped.OPEN_TASK, member_id in asked),
            (Skipped.NO_ASSISTANT, member_id not in assistants),
        )
        if (reason := next((one for one, holds in why if holds), None)) is not None:
            found[member_id] = reason
    return found


def _named(ctx: RuntimeContext, skipped: Mapping[int, Skipped]) -> dict[Skipped, list[str]]:
    day = ctx.business_date
    versions = MemberVersion.objects.filter(
        site=ctx.site, member__in=skipped, business_date__lte=day, valid_to__gt=day
    ).order_by("member_id")
    by_reason: dict[Skipped, list[str]] = {}
    for member_id, name, number in versions.values_list("member_id", "name", "member__external_id"):
        by_reason.setdefault(skipped[member_id], []).append(name or number)
    return by_reason
