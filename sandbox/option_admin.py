"""Options with their history: a new value is added, none is ever changed."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import F, Max, Model, Q, QuerySet, Window
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from sandbox.context import RuntimeContext
from sandbox.errors import BadRequest
from sandbox.models import Option, Site
from sandbox.options import OPTIONS, OPTIONS_BY_KEY, clean_option, option_values, set_option
from sandbox.site_admin import SiteModelAdmin, context_of


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
        now = option_values([declared.key for declared in OPTIONS], self.ctx.site)
        self.fields["key"].choices = [  # type: ignore[attr-defined]
            (one.key, f"{one.key} = {_written(now[one.key])} · {one.title}") for one in OPTIONS
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
    """Every value an option was given, in the store in sight and for the whole chain."""

    form = OptionForm
    list_display = ["key", "title", "written", "where", "state", "recorded_at", "recorded_by"]
    list_filter = ["key"]
    search_fields = ["key"]
    list_select_related = ["site", "recorded_by"]
    ordering = ["-id"]
    fields = ["key", "value", "where"]
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Option]:
        in_sight = Q(site=context_of(request).site) | Q(site=None)
        newest = Window(Max("id"), partition_by=[F("key"), F("site")])
        return Option.objects.filter(in_sight).annotate(newest_id=newest)

    def get_form(self, request: HttpRequest, obj: Option | None = None, **kwargs: Any) -> Any:
        if obj is not None:
            return super().get_form(request, obj, form=forms.ModelForm, **kwargs)
        form = super().get_form(request, obj, **kwargs)
        return type("OptionFormOfStore", (form,), {"ctx": context_of(request)})

    def get_readonly_fields(self, request: HttpRequest, obj: Option | None = None) -> list[str]:
        return [] if obj is None else self.get_fields(request, obj)

    def get_fields(self, request: HttpRequest, obj: Option | None = None) -> list[str]:
        if obj is None:
            return ["key", "value", "where"]
        return ["key", "title", "written", "where", "recorded_at", "recorded_by"]

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

    @admin.display(description=gettext_lazy("meaning"))
    def title(self, row: Option) -> str:
        declared = OPTIONS_BY_KEY.get(row.key)
        return str(declared.title) if declared else "—"

    @admin.display(description=gettext_lazy("value"))
    def written(self, row: Option) -> str:
        return _written(row.value) or "—"

    @admin.display(description=gettext_lazy("where"), ordering=F("site").asc(nulls_first=True))
    def where(self, row: Option) -> str:
        return str(row.site or _("All stores"))

    @display(  # type: ignore[untyped-decorator]
        description=gettext_lazy("status"), label={"newest": "success"}
    )
    def state(self, row: Any) -> tuple[str, str]:
        if row.pk == row.newest_id:
            return "newest", _("newest")
        return "replaced", _("replaced")


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
