"""Prompts in their versions: a new one is added, none is changed or deleted."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import F, Max, Model, QuerySet, Window
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from aijobs.models import Prompt
from aijobs.prompt_versions import add_prompt, clean_template, newest_prompt
from aijobs.registry import AI_APPS, app_title
from sandbox.errors import BadRequest
from sandbox.site_admin import SiteModelAdmin


def _app_choices() -> list[tuple[str, Any]]:
    return [(app.key, app.title) for app in AI_APPS.values()]


class PromptForm(forms.ModelForm):  # type: ignore[type-arg]
    app = forms.ChoiceField(
        label=gettext_lazy("app"), choices=_app_choices, widget=UnfoldAdminSelectWidget
    )
    template = forms.CharField(
        label=gettext_lazy("template"),
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 30}),
    )

    class Meta:
        model = Prompt
        fields = ["app", "template", "note"]

    def clean_template(self) -> str:
        try:
            return clean_template(self.cleaned_data["template"])
        except BadRequest as error:
            raise forms.ValidationError(error.fields["template"]) from error


@admin.register(Prompt)
class PromptAdmin(SiteModelAdmin):
    """Every version of every app's prompt, the same for all stores."""

    form = PromptForm
    list_display = ["app_title", "version", "state", "note", "author", "created_at", "again"]
    list_display_links = ["version"]
    list_filter = ["app"]
    list_select_related = ["author"]
    ordering = ["app", "-version"]
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Prompt]:
        newest = Window(Max("version"), partition_by=[F("app"), F("output_version")])
        return Prompt.objects.annotate(newest=newest)

    def get_fields(self, request: HttpRequest, obj: Prompt | None = None) -> list[str]:
        if obj is None:
            return ["app", "note", "template"]
        return ["app_title", "version", "note", "author", "created_at", "text"]

    def get_readonly_fields(self, request: HttpRequest, obj: Prompt | None = None) -> list[str]:
        return [] if obj is None else self.get_fields(request, obj)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, str | list[str]]:
        """`?app=`: its newest version, to be changed."""
        initial = super().get_changeform_initial_data(request)
        if app := AI_APPS.get(str(initial.get("app", ""))):
            initial["template"] = newest_prompt(app).template
        return dict(initial)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("aijobs.add_prompt"))

    def save_model(self, request: HttpRequest, obj: Prompt, form: Any, change: bool) -> None:
        values = form.cleaned_data
        prompt = add_prompt(
            app=values["app"],
            template=values["template"],
            note=values["note"],
            actor_id=request.user.pk,
        )
        obj.pk, obj.version = prompt.pk, prompt.version

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:
        """add_prompt has recorded it."""

    @admin.display(description=gettext_lazy("app"), ordering="app")
    def app_title(self, prompt: Prompt) -> str:
        return app_title(prompt.app)

    @display(  # type: ignore[untyped-decorator]
        description=gettext_lazy("status"), label={"newest": "success", "replaced": ""}
    )
    def state(self, prompt: Any) -> tuple[str, str]:
        app = AI_APPS.get(prompt.app)
        if app and (prompt.version, prompt.output_version) == (prompt.newest, app.output_version):
            return "newest", _("newest")
        return "replaced", _("replaced")

    @admin.display(description=gettext_lazy("template"))
    def text(self, prompt: Prompt) -> str:
        return format_html('<pre class="zq-raw" tabindex="0">{}</pre>', prompt.template)

    @admin.display(description="")
    def again(self, prompt: Prompt) -> str:
        address = reverse("admin:aijobs_prompt_add")
        link = '<a class="zq-link" href="{}?app={}">{}</a>'
        return format_html(link, address, prompt.app, _("New version"))
