"""What a person enters, on its way in."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import uuid4

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Model

from metrics.importers import PushResult, push_rows
from metrics.importers.errors import RowErrors
from sandbox.context import RuntimeContext
from sandbox.errors import BadRequest, Conflict, NotFound
from sandbox.models import Site

M = TypeVar("M", bound=Model)


def write_row(
    *, ctx: RuntimeContext, kind: str, row: dict[str, Any], actor: AbstractBaseUser
) -> PushResult:
    """Take in one row of a person's; raises what write_rows does."""
    return write_rows(ctx=ctx, kind=kind, rows=[row], actor=actor)


def write_rows(
    *, ctx: RuntimeContext, kind: str, rows: list[dict[str, Any]], actor: AbstractBaseUser
) -> PushResult:
    """Take in rows of a person's, all or nothing.

    Raises:
        BadRequest: values are wrong, each under its column's name. Conflict: a row's external id
            is taken.
    """
    try:
        return push_rows(
            site=ctx.site,
            kind=kind,
            rows=rows,
            source="entry",
            actor_id=actor.pk,
            author_id=actor.pk,
        )
    except RowErrors as refused:
        if any(error.code == "conflict" for error in refused.errors):
            raise Conflict from refused
        fields: dict[str, list[str]] = {}
        for error in refused.errors:
            fields.setdefault(error.column, []).append(error.message)
        raise BadRequest(fields=fields) from refused


def new_name(kind: str) -> str:
    """An external id for what nobody else has a name for."""
    return f"{kind}-{uuid4()}"


def find(model: type[M], *, site: Site, pk: int) -> M:
    """The store's row of that id, as it can be seen now.

    Raises:
        NotFound: there is none, or it is another store's.
    """
    found = model._default_manager.filter(site=site, pk=pk).first()
    if found is None:
        raise NotFound
    return found


def written(model: type[M], *, site: Site, external_id: str) -> M:
    """What has just been taken in."""
    return model._default_manager.get(site=site, external_id=external_id)
