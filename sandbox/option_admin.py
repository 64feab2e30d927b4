"""Options in one place: what each is here, where that comes from, every value that it was given.

A new value is added, none is ever changed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from sandbox.context import RuntimeContext
from sandbox.errors import BadRequest
from sandbox.models import Option, Site
from sandbox.options import (
    OPTIONS,
    OPTIONS_BY_KEY,
    OptionDeclaration,
    clean_option,
    option,
    set_option,
)
from sandbox.site_admin import SiteModelAdmin, admin_page, context_of


@dataclass(frozen=True)
class OptionHere:
    """An option in one store.

    Attributes:
        rows: every value given for the store or for the chain, the newest first.
        in_force: the one that counts; None: the default does.
    """

    declared: OptionDeclaration
    rows: Sequence[Option]
    in_force: Option | None

    @property
    def written(self) -> str:
        return _written(self.declared.default if self.in_force is None else self.in_force.value)

    @property
    def default(self) -> str:
        return _written(self.declared.default)


def options_here(site: Site) -> list[OptionHere]:
    """Every option with all of its values, in one query."""
    rows_of: dict[str, list[Option]] = {}
    given = Option.objects.filter(Q(site=site) | Q(site=None)).order_by("-id")
    for row in given.select_related("recorded_by"):
        row.written = _written(row.value)  # type: ignore[attr-defined]
        rows_of.setdefault(row.key, []).append(row)
    return [_here(declared, rows_of.get(declared.key, [])) for declared in OPTIONS]


def _here(declared: OptionDeclaration, rows: Sequence[Option]) -> OptionHere:
    # The store's own value wins over a newer one of the chain.
    own = next((row for row in rows if row.site_id is not None), None)
    return OptionHere(declared, rows, own or next(iter(rows), None))


class OptionForm(forms.ModelForm):  # type: ignore[type-arg]
    """A value as people write it; `ctx` is put on the class made for a request."""

    ctx: RuntimeContext
    key = forms.ChoiceField(label=gettext_lazy("option"), widget=UnfoldAdminSelectWidget)
    value = forms.CharField(
        label=gettext_lazy("value"), required=False, widget=UnfoldAdminTextInputWidget
    )
    where = forms.ChoiceField(
        label=gettext_lazy("where"),
        choices=[
            ("store", gettext_lazy("The store in sight")),
            ("chain", gettext_lazy("All stores that have no value of their own")),
        ],
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = Option
        fields = ["key"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["key"].choices = [  # type: ignore[attr-defined]
            (one.key, f"{one.key} · {one.title}") for one in OPTIONS
        ]

    @property
    def site(self) -> Site | None:
        return self.ctx.site if self.cleaned_data["where"] == "store" else None

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if {"key", "value", "where"} <= values.keys():
            try:
                values["value"] = clean_option(
                    key=values["key"],
                    value=_read(values["key"], values["value"]),
                    site=self.site,
                )
            except BadRequest as error:
                names = {"site": "where"}
                for name, texts in error.fields.items():
                    self.add_error(names.get(name, name), texts)
        return values


@admin.register(Option)
class OptionAdmin(SiteModelAdmin):
    """The list is of options, each with its values in the store in sight and for the chain."""

    form = OptionForm
    fields = ["key", "value", "where"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return Option.objects.filter(Q(site=context_of(request).site) | Q(site=None))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return admin_page(
            request,
            "sandbox/options.html",
            title=_("Options"),
            options=options_here(context_of(request).site),
            may_set=self.has_add_permission(request),
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A value among the others of its option."""
        row = self.get_readable(request, unquote(object_id))
        return HttpResponseRedirect(f"{reverse('admin:sandbox_option_changelist')}#{row.key}")

    def get_form(self, request: HttpRequest, obj: Option | None = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        return type("OptionFormOfStore", (form,), {"ctx": context_of(request)})

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, str | list[str]]:
        """`?key=`: its value here, to be changed."""
        initial = dict(super().get_changeform_initial_data(request))
        if declared := OPTIONS_BY_KEY.get(str(initial.get("key", ""))):
            initial["value"] = _written(option(declared.key, context_of(request).site))
            initial["where"] = "chain" if declared.is_chain_wide else "store"
        return initial

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("sandbox.add_option"))

    def save_model(self, request: HttpRequest, obj: Option, form: Any, change: bool) -> None:
        values = form.cleaned_data
        row = set_option(
            key=values["key"], value=values["value"], site=form.site, actor_id=request.user.pk
        )
        obj.pk, obj.value, obj.site = row.pk, row.value, row.site

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:
        """set_option has recorded it."""


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read(key: str, text: str) -> Any:
    """The value that a text means, for an option whose values are not texts.

    Raises:
        BadRequest: it is no JSON.
    """
    if OPTIONS_BY_KEY[key].kind is str:
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        message = _("“%(text)s” is no value of this option.") % {"text": text[:40]}
        raise BadRequest(fields={"value": [message]}) from error
