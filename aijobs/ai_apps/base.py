"""The contract of an AI app: what goes in, what it is asked, what must come out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from pydantic import BaseModel

from aijobs.models import Run
from aijobs.targets import Target, TargetForm, list_titles, shown_name
from metrics.calculations.areas import ALL
from metrics.models import Assistant, Member
from sandbox.context import RuntimeContext
from sandbox.errors import BadRequest, NotFound

# What the apps before this one in the same job found; None for one that did not succeed. An app
# that is not a key here is not part of the job: its result comes from the cache.
InChain = Mapping[str, dict[str, Any] | None]

_PLACEHOLDER = "{{features}}"
# How a prompt keeps what is data apart from what is asked.
PLACE_OF_FEATURES = f"<features>\n{_PLACEHOLDER}\n</features>"
# What could end a place of data or begin a line, as JSON writes it where it stands in a text.
_AS_DATA = str.maketrans({mark: f"\\u{ord(mark):04x}" for mark in "<\x85\u2028\u2029"})


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


class Listener(Protocol):
    """Somebody who reads an answer while it is written."""

    def begin(self) -> None:
        """A text begins; what came before is worth nothing."""

    def hear(self, piece: str) -> None: ...

    def finish(self) -> None:
        """The text is whole; whether it is good is not known yet."""


@dataclass(frozen=True)
class SecondRound:
    """A second question that carries what the answer to the first one asked for. Its answer is a
    text for people.

    Attributes:
        look_up: (ctx, target, the first answer) -> Features of the second question.
        read: (their values, text) -> the result; raises InvalidOutput.
        listen: (ctx, target, their values) -> who reads along.
    """

    look_up: Callable[[RuntimeContext, Target, dict[str, Any]], Features]
    read: Callable[[dict[str, Any], str], dict[str, Any]]
    listen: Callable[[RuntimeContext, Target, dict[str, Any]], Listener]


@dataclass(frozen=True)
class AIApp:
    """One prompt with its inputs and its output.

    Attributes:
        key: stable, stored in rows. cache_type: what its results are kept as; empty: nowhere.
        form: how the ids of its targets are written.
        needs: fields of the target without which it cannot run; an area other than `all`.
        build_features: (ctx, target, in_chain) -> Features, everything as of ctx.
        rules: the same answer computed from the features alone; a text in the second round.
        output_version: goes up when prompts written for the output before do not fit any more.
        check: raises a ZqyyError for a target that has all of this and still cannot be worked on.
        after_write: stores what follows from a result, in the transaction that stores the result,
            and returns what of it may be read.
        second_round: for an app whose answer to the first question only says what to look up. It
            reads its own answer against its figures.
    """

    key: str
    title: Promise | str
    cache_type: str
    form: TargetForm
    needs: tuple[str, ...]
    build_features: Callable[[RuntimeContext, Target, InChain], Features]
    output: type[BaseModel]
    rules: Callable[[dict[str, Any]], BaseModel | str]
    max_output_tokens: int
    output_version: int = 1
    check: Callable[[RuntimeContext, Target], None] | None = None
    after_write: Callable[[Run, Target, dict[str, Any]], dict[str, Any]] | None = None
    second_round: SecondRound | None = None

    def target_id(self, target: Target) -> str:
        """The id under which the results for a target are filed."""
        return self.form.write(target)

    def check_target(self, ctx: RuntimeContext, target: Target) -> None:
        """Refuse a target that the app cannot work on at D.

        Raises:
            BadRequest: naming what it lacks.
            NotFound: the member, assistant or area is not known at D.
        """
        missing = [need for need in self.needs if getattr(target, need) in (None, ALL)]
        if missing:
            raise BadRequest(
                _("%(app)s needs: %(missing)s.")
                % {"app": self.key, "missing": list_titles(missing)},
                code="target_incomplete",
                fields={shown_name(need): [_lack_of(need)] for need in missing},
            )
        at_d = {"site": ctx.site, "business_date__lte": ctx.business_date}
        if target.member_id is not None:
            if not Member.objects.filter(pk=target.member_id, **at_d).exists():
                raise NotFound(
                    _("There is no such member on %(date)s.") % {"date": ctx.business_date}
                )
        if target.assistant_id is not None:
            if not Assistant.objects.filter(pk=target.assistant_id, **at_d).exists():
                raise NotFound(
                    _("There is no such assistant on %(date)s.") % {"date": ctx.business_date}
                )
        if self.check is not None:
            self.check(ctx, target)

    def first_prompt(self) -> str:
        """The template that came with the application."""
        return read_prompt(self.key)

    def prompt(self, values: dict[str, Any], template: str | None = None) -> str:
        """A template, or the first one, with the features in their place."""
        template = self.first_prompt() if template is None else template
        return template.replace(_PLACEHOLDER, as_data(canonical_json(values)))


def _lack_of(need: str) -> str:
    if need == "area":
        return _("This app needs an area other than `all`.")
    return _("This app needs it.")


def canonical_json(values: Any) -> str:
    """One text for equal values: sorted keys, no spaces, Chinese as it is."""
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def as_data(text: str) -> str:
    """A text between delimiters that it cannot close, and on one line; JSON says the same after it."""
    return text.translate(_AS_DATA)


@cache
def read_prompt(key: str) -> str:
    return (Path(settings.BASE_DIR) / "aijobs" / "prompts" / f"{key}.md").read_text("utf-8")
