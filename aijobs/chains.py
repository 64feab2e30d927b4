"""CHAINS: which AI apps a business event starts, in which order. Data only; drive.py walks it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from aijobs.models import Run
from aijobs.registry import AI_APPS
from aijobs.targets import Target
from metrics.events import Event
from sandbox.errors import BadRequest


@dataclass(frozen=True)
class ChainStep:
    """An app, and the apps of its group that end, in whatever state, before it starts."""

    app: str
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """Steps that belong together and are claimed together.

    Attributes:
        key: the claim's group.
        claimed_by: the event's field that names the claim's subject.
    """

    key: str
    claimed_by: str
    steps: tuple[ChainStep, ...]


@dataclass(frozen=True)
class Chain:
    """What one event type needs and starts.

    Attributes:
        needs: fields of the event that must be there.
        source: whose clues app8 replaces at its end.
    """

    event_type: str
    alias: str
    needs: tuple[str, ...]
    groups: tuple[Group, ...]
    source: str = "ai_consumption"


CHAINS = [
    Chain(
        event_type="consumption",
        alias="ai_consumption_settled",
        needs=("member_id", "settlement_id"),
        groups=(
            Group(
                key="member",
                claimed_by="member_id",
                steps=(
                    ChainStep("app3_clue"),
                    ChainStep("app8_consolidate", after=("app3_clue",)),
                    ChainStep("app7_customer", after=("app8_consolidate",)),
                ),
            ),
        ),
    ),
    Chain(
        event_type="note_created",
        alias="ai_note_created",
        needs=("member_id", "note_id"),
        source="ai_note",
        groups=(
            Group(
                key="note",
                claimed_by="note_id",
                steps=(
                    ChainStep("app6_note"),
                    ChainStep("app8_consolidate", after=("app6_note",)),
                ),
            ),
        ),
    ),
    Chain(
        event_type="dws_completed",
        alias="ai_dws_completed",
        needs=(),
        # Claimed once a store and day; it has no steps yet, so its job completes at once.
        groups=(Group(key="prewarm", claimed_by="site_id", steps=()),),
    ),
]


@dataclass(frozen=True)
class PlannedStep:
    """One step of a job, its position left to the job."""

    app: str
    target: Target
    after: tuple[str, ...] = ()

    @property
    def target_id(self) -> str:
        return AI_APPS[self.app].target_id(self.target)

    @property
    def key(self) -> str:
        return f"{self.app}:{self.target_id}"


@dataclass(frozen=True)
class PlannedGroup:
    group: str
    subject: str
    steps: tuple[PlannedStep, ...]


def find_chain(event_type: str) -> Chain:
    """The chain of an event type or of its alias.

    Raises:
        BadRequest: no chain works this event off.
    """
    for chain in CHAINS:
        if event_type in (chain.event_type, chain.alias):
            return chain
    known = ", ".join(chain.event_type for chain in CHAINS)
    message = _("No chain works off “%(event)s”; choose one of: %(known)s.") % {
        "event": event_type[:64],
        "known": known,
    }
    raise BadRequest(message, code="unknown_event_type", fields={"event_type": [message]})


def plan(chain: Chain, event: Event) -> list[PlannedGroup]:
    """The groups of steps that the event asks for.

    Raises:
        BadRequest: naming what the event lacks.
    """
    missing = [need for need in chain.needs if getattr(event, need) is None]
    if missing:
        fields = {need.removesuffix("_id"): [_("This event needs it.")] for need in missing}
        raise BadRequest(
            _("The event lacks: %(missing)s.") % {"missing": ", ".join(fields)}, fields=fields
        )
    target = target_of(chain, event)
    return [
        PlannedGroup(
            group=group.key,
            subject=str(getattr(event, group.claimed_by)),
            steps=plan_steps(group.steps, target),
        )
        for group in chain.groups
    ]


def target_of(chain: Chain, event: Event) -> Target:
    """What the chain's steps work on."""
    return Target(
        member_id=event.member_id,
        settlement_id=event.settlement_id,
        note_id=event.note_id,
        source=chain.source,
    )


def plan_steps(steps: Sequence[ChainStep], target: Target) -> tuple[PlannedStep, ...]:
    """Steps of one target, their predecessors by key."""
    planned = {step.app: PlannedStep(step.app, target) for step in steps}
    return tuple(
        replace(planned[step.app], after=tuple(planned[app].key for app in step.after))
        for step in steps
    )


def find_ready(runs: Sequence[Run]) -> list[Run]:
    """Of the newest attempts of a job's steps: those that may start now, in the job's order."""
    open_keys = {run.step for run in runs if run.status in Run.OPEN}
    return [
        run
        for run in sorted(runs, key=_position)
        if run.status == Run.Status.PENDING and not open_keys.intersection(run.after)
    ]


def _position(run: Run) -> int:
    return run.position


def describe(steps: Sequence[PlannedStep]) -> str:
    """The chain as a person reads it: `app3→app8→app7`."""
    return "→".join(step.app.partition("_")[0] for step in steps)[:200]
