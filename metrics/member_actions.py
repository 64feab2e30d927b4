"""What people do about members from a page: hand out tasks, note a contact, leave them alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from metrics.assistant_board import employed_assistants
from metrics.entries import assign_tasks, record_contact, set_do_not_contact
from metrics.entries.outreach import Assigned
from metrics.member_forms import (
    MAY_ASSIGN,
    MAY_CHANGE_CONSENT,
    MAY_CONTACT,
    ConsentForm,
    ContactForm,
    TaskForm,
)
from metrics.models import CoachTask, CoachTaskEvent
from sandbox.errors import BadRequest, ZqyyError
from sandbox.site_admin import admin_page, context_of

# Longer ones are no ids: the database could not hold them.
_ID_DIGITS = 19
# Names beyond these are counted, not listed.
_MOST_NAMES = 20
View = Callable[..., HttpResponse]


def urls(wrap: Callable[[View], View]) -> list[URLPattern]:
    """The addresses of this module's views, behind a sign-in."""
    return [
        path("assign/", wrap(assign), name="metrics_members_assign"),
        path("<int:member_id>/contact/", wrap(contact), name="metrics_member_contact"),
        path("<int:member_id>/consent/", wrap(consent), name="metrics_member_consent"),
    ]


# --- Views ---------------------------------------------------------------------------------------


def ask_for_tasks(request: HttpRequest, *, member_ids: Sequence[int], back: str) -> HttpResponse:
    """The page on which tasks about chosen members are described."""
    ctx = context_of(request)
    try:
        ctx.require_live()
    except ZqyyError as refused:
        return _ask(request, None, back=back, errors=[refused.message], status=refused.status)
    form = TaskForm(
        assistants=employed_assistants(ctx=ctx), initial={"kind": CoachTask.Kind.RECALL}
    )
    return _ask(request, form, back=back, member_ids=member_ids)


@require_POST
def assign(request: HttpRequest) -> HttpResponse:
    """Hand out a task about each of the members."""
    _require(request, MAY_ASSIGN)
    ctx = context_of(request)
    sent = request.POST.getlist("member")
    if not all(value.isdecimal() and len(value) < _ID_DIGITS for value in sent):
        raise Http404
    member_ids = [int(value) for value in sent]
    form = TaskForm(request.POST, assistants=employed_assistants(ctx=ctx))

    def hand_out() -> None:
        assigned = assign_tasks(
            ctx=ctx,
            member_ids=member_ids,
            kind=form.cleaned_data["kind"],
            assistant_id=form.assistant_id,
            due_on=form.cleaned_data["due_on"],
            reason=form.cleaned_data["reason"],
            actor=_actor(request),
        )
        _tell(request, assigned)

    return _act(request, form, hand_out, member_ids=member_ids)


@require_POST
def contact(request: HttpRequest, member_id: int) -> HttpResponse:
    """Note that somebody has reached out to a member."""
    _require(request, MAY_CONTACT)
    ctx = context_of(request)
    form = ContactForm(request.POST, assistants=employed_assistants(ctx=ctx))

    def note() -> None:
        outcome = form.cleaned_data["outcome"]
        record_contact(
            ctx=ctx,
            member_id=member_id,
            assistant_id=form.assistant_id,
            channel=form.cleaned_data["channel"],
            outcome=outcome,
            words=form.cleaned_data["words"],
            actor=_actor(request),
        )
        if outcome == CoachTaskEvent.Outcome.DO_NOT_CONTACT:
            set_do_not_contact(ctx=ctx, member_id=member_id, value=True, actor=_actor(request))
        messages.success(request, _("The contact is recorded."))

    return _act(request, form, note)


@require_POST
def consent(request: HttpRequest, member_id: int) -> HttpResponse:
    """Leave a member alone from now on, or no longer."""
    _require(request, MAY_CHANGE_CONSENT)
    form = ConsentForm(request.POST)

    def change() -> None:
        value = form.cleaned_data["do_not_contact"]
        set_do_not_contact(
            ctx=context_of(request), member_id=member_id, value=value, actor=_actor(request)
        )
        said = _("Nobody will reach out to this member.") if value else _("May be contacted again.")
        messages.success(request, said)

    return _act(request, form, change)


def _act(
    request: HttpRequest,
    form: forms.Form,
    do: Callable[[], None],
    *,
    member_ids: Sequence[int] = (),
) -> HttpResponse:
    """Do it and go back; what is refused comes back as the form, with its reasons."""
    back = _back(request)
    try:
        context_of(request).require_live()
        if not form.is_valid():
            return _ask(request, form, back=back, member_ids=member_ids, status=400)
        do()
    except BadRequest as refused:
        reasons = [text for texts in refused.fields.values() for text in texts]
        return _ask(
            request,
            form,
            back=back,
            member_ids=member_ids,
            errors=reasons or [refused.message],
            status=refused.status,
        )
    except ZqyyError as refused:
        if refused.status == 404:
            raise Http404 from refused
        return _ask(request, None, back=back, errors=[refused.message], status=refused.status)
    return HttpResponseRedirect(back)


def _ask(
    request: HttpRequest,
    form: forms.Form | None,
    *,
    back: str,
    member_ids: Sequence[int] = (),
    errors: Sequence[Any] = (),
    status: int = 200,
) -> HttpResponse:
    title = ngettext(
        "Assign tasks: %(count)d member", "Assign tasks: %(count)d members", len(member_ids)
    ) % {"count": len(member_ids)}
    return admin_page(
        request,
        "metrics/member_action.html",
        status=status,
        title=title if member_ids else _("Members"),
        form=form,
        errors=errors,
        action=reverse("admin:metrics_members_assign") if member_ids else request.path,
        member_ids=member_ids,
        back=back,
        address=back,
    )


def _tell(request: HttpRequest, assigned: Assigned) -> None:
    if assigned.tasks:
        told = ngettext(
            "%(count)d task is assigned.", "%(count)d tasks are assigned.", assigned.tasks
        ) % {"count": assigned.tasks}
        messages.success(request, told)
    for why, names in assigned.skipped.items():
        listed = "、".join(names[:_MOST_NAMES])
        more = len(names) - _MOST_NAMES
        told = _("Left out (%(reason)s): %(names)s") % {"reason": why.label, "names": listed}
        messages.warning(request, f"{told} +{more}" if more > 0 else told)


def _back(request: HttpRequest) -> str:
    """Where the form was; a page of ours."""
    asked = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(asked, allowed_hosts=None):
        return asked
    return reverse("admin:metrics_member_changelist")


def _require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def _actor(request: HttpRequest) -> AbstractBaseUser:
    return cast(AbstractBaseUser, request.user)  # the admin's views need a sign-in
