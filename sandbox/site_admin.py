"""What every page of the admin keeps to: audited changes, one store in sight, 404 beyond it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import DropdownFilter
from unfold.views import ChangeList

from sandbox.audit import record_change
from sandbox.context import RuntimeContext, live_context, use_context
from sandbox.models import Site

# Fields whose values stay out of the audit log; that they changed is recorded.
_SECRET = frozenset({"password", "key_hash"})


class OnceCountedChangeList(ChangeList):  # type: ignore[misc]
    """Without a search or filter the rows found are all there are: no second count."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not (self.query or self.has_active_filters):
            self.full_result_count = self.result_count


class ColumnFilter(DropdownFilter):  # type: ignore[misc]
    """One value of the column that the parameter is named after."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(**{self.parameter_name: value}) if value else queryset


class AuditedAdmin(ModelAdmin):  # type: ignore[misc]
    """Changes go to our audit log, with before and after, instead of Django's."""

    show_full_result_count = False
    list_per_page = 50
    empty_value_display = "—"
    # What an empty list says when nobody has searched or filtered.
    nothing_yet: str | Promise = gettext_lazy("There is nothing here yet.")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return OnceCountedChangeList

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Without the menu that adds and changes what a form only points to."""
        formfield = super().formfield_for_dbfield(db_field, request, **kwargs)
        if formfield and isinstance(formfield.widget, RelatedFieldWidgetWrapper):
            formfield.widget = formfield.widget.widget
        return formfield

    # Everything about an object of another store looks as if it did not exist.
    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        raise Http404

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None and request.method == "POST":
            # The form changes the object in place: what it was must be noted here.
            request.audit_before = _values(found)  # type: ignore[attr-defined]
        return found

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Django's log knows no stores; the audit log has its own page."""
        raise Http404

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:
        self._record(request, "created", obj, {}, _values(obj))

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None:
        self._record(request, "changed", obj, getattr(request, "audit_before", {}), _values(obj))

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Model]) -> None:
        for obj in queryset:
            self._record(request, "deleted", obj, _values(obj), {})

    def _record(
        self,
        request: HttpRequest,
        action: str,
        obj: Model,
        before: dict[str, Any],
        after: dict[str, Any],
    ) -> None:
        changed = [
            name for name in {**before, **after} if before.get(name, None) != after.get(name, None)
        ]
        site = obj if isinstance(obj, Site) else getattr(obj, "site", None)
        # An operator may change another store than the one in sight: its audit row lies there.
        with use_context(live_context(site) if site is not None else context_of(request)):
            record_change(
                action=action,
                subject=obj,
                site_id=site.pk if site is not None else None,
                actor_id=request.user.pk,
                before=_shown(before, changed),
                after=_shown(after, changed),
            )


class SiteModelAdmin(AuditedAdmin):
    """Rows of the store in sight, at the date in sight. Read-only unless a subclass says more."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.filter(site=context_of(request).site)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return has_context(request) and super().has_view_permission(request, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return has_context(request) and super().has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_viewable(self, request: HttpRequest, object_id: str) -> Any:
        """The object of one of our own pages.

        Raises:
            PermissionDenied: these objects are not theirs to see.
            Http404: it does not exist, or not in this store at this date.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = self.get_object(request, object_id)
        if found is None:
            raise Http404
        return found

    def get_readable(self, request: HttpRequest, object_id: str) -> Any:
        """The object of a page that only shows it.

        Raises:
            PermissionDenied: they are not theirs to see, or something was sent to be changed.
            Http404: as `get_viewable`.
        """
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        return self.get_viewable(request, object_id)


def admin_page(
    request: HttpRequest, template: str, *, status: int = 200, address: str = "", **page: Any
) -> TemplateResponse:
    """One of our own pages, with what every page of the admin shows around it.

    Args:
        address: the page's own address, where it may also answer what is sent to another one.
    """
    if address and request.method == "POST":
        request.page_address = address  # type: ignore[attr-defined]
    everywhere = admin.site.each_context(request)
    return TemplateResponse(request, template, {**everywhere, **page}, status=status)


def address_of(request: HttpRequest) -> str:
    """Where the page that is being made can be opened again: what leads back to it leads there."""
    return getattr(request, "page_address", "") or request.get_full_path()


def has_context(request: HttpRequest) -> bool:
    """False for somebody whom no store has been granted."""
    return getattr(request, "context", None) is not None


def context_of(request: HttpRequest) -> RuntimeContext:
    """The context that the middleware put on the request.

    Raises:
        PermissionDenied: there is none: no store has been granted.
    """
    ctx: RuntimeContext | None = getattr(request, "context", None)
    if ctx is None:
        raise PermissionDenied
    return ctx


def _values(obj: Model) -> dict[str, Any]:
    """Every field's value as stored; references and sets by their keys."""
    plain = {field.name: field.value_from_object(obj) for field in obj._meta.concrete_fields}
    sets = {
        field.name: sorted(related.pk for related in field.value_from_object(obj))
        for field in obj._meta.many_to_many
    }
    return {**plain, **sets}


def _shown(values: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: "***" if name in _SECRET else values[name] for name in names if name in values}
