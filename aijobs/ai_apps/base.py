"""The contract of an AI app: what goes in, what it is asked, what must come out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from pydantic import BaseModel

from aijobs.models import Run
from aijobs.targets import Target
from metrics.models import Member, Note
from sandbox.context import RuntimeContext
from sandbox.errors import BadRequest, NotFound

# What the apps before this one in the same job found; None for one that did not succeed. An app
# that is not a key here is not part of the job: its result comes from the cache.
InChain = Mapping[str, dict[str, Any] | None]

_PLACEHOLDER = "{{features}}"


@dataclass(frozen=True)
class Features:
    """What an app is told, and where it comes from.

    Attributes:
        values: JSON-ready; no names and no phone numbers, people are 会员#12 and 助教#3.
        metrics: keys of the catalog used.
        rows: ids of the facts read, by table.
        dates: the business dates the values rest on, oldest first.
    """

    values: dict[str, Any]
    metrics: tuple[str, ...] = ()
    rows: dict[str, list[int]] = field(default_factory=dict)
    dates: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(canonical_json(self.values).encode()).hexdigest()

    def references(self) -> dict[str, Any]:
        """The `_references` of a result: how a reader opens the evidence."""
        return {
            "metrics": list(self.metrics),
            "rows": self.rows,
            "dates": list(self.dates),
            "fingerprint": self.sha256,
        }


@dataclass(frozen=True)
class AIApp:
    """One prompt with its inputs and its output.

    Attributes:
        key: stable, stored in rows. cache_type: what its results are kept as.
        needs: fields of the target without which it cannot run.
        needs_note: it works on a note: the target's, else the newest at D.
        build_features: (ctx, target, in_chain) -> Features, everything as of ctx.
        rules: the same answer computed from the features alone.
        after_write: stores what follows from a result, in the transaction that stores the result.
    """

    key: str
    title: Promise | str
    cache_type: str
    needs: tuple[str, ...]
    target_id: Callable[[Target], str]
    build_features: Callable[[RuntimeContext, Target, InChain], Features]
    output: type[BaseModel]
    rules: Callable[[dict[str, Any]], BaseModel]
    max_output_tokens: int
    needs_note: bool = False
    after_write: Callable[[Run, Target, dict[str, Any]], None] | None = None

    def check_target(self, ctx: RuntimeContext, target: Target) -> None:
        """Refuse a target that the app cannot work on at D.

        Raises:
            BadRequest: naming what it lacks. NotFound: the member is not known at D.
        """
        missing = [need.removesuffix("_id") for need in self.needs if getattr(target, need) is None]
        if missing:
            raise BadRequest(
                _("%(app)s needs: %(missing)s.") % {"app": self.key, "missing": ", ".join(missing)},
                code="target_incomplete",
                fields={name: [_("This app needs it.")] for name in missing},
            )
        if target.member_id is None:
            return
        if not Member.objects.filter(site=ctx.site, pk=target.member_id).exists():
            raise NotFound(_("There is no such member on %(date)s.") % {"date": ctx.business_date})
        notes = Note.objects.filter(site=ctx.site, member_id=target.member_id)
        if target.note_id is not None:
            notes = notes.filter(pk=target.note_id)
        if self.needs_note and not notes.exists():
            message = _("The member has no such note on %(date)s; name one.") % {
                "date": ctx.business_date
            }
            raise BadRequest(message, code="note_required", fields={"note": [message]})

    def prompt(self, values: dict[str, Any]) -> str:
        """The prompt file with the features in their place."""
        return read_prompt(self.key).replace(_PLACEHOLDER, canonical_json(values))


def canonical_json(values: Any) -> str:
    """One text for equal values: sorted keys, no spaces, Chinese as it is."""
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@cache
def read_prompt(key: str) -> str:
    return (Path(settings.BASE_DIR) / "aijobs" / "prompts" / f"{key}.md").read_text("utf-8")
