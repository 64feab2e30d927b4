"""From an event to the steps that it asks for, and from a job's steps to those that may start."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from aijobs.chains import Chain, ChainStep, Group
from aijobs.models import Run
from aijobs.registry import AI_APPS
from aijobs.targets import Target, list_titles, shown_name
from metrics.events import Event
from sandbox.errors import BadRequest


@dataclass(frozen=True)
class PlannedStep:
    """One step of a job; its position is its place in the job's list."""

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
    """A group of one subject. `follows`: the group and subject whose open job comes before."""

    group: str
    subject: str
    steps: tuple[PlannedStep, ...]
    follows: tuple[str, str] | None = None


def plan(chain: Chain, event: Event) -> list[PlannedGroup]:
    """The groups of steps that the event asks for, those of each assistant after one another.

    Raises:
        BadRequest: naming what the event lacks.
    """
    _check_needs(chain, event)
    target = target_of(chain, event)
    # App -> key of its newest step, so that a step finds the one it comes after.
    keys: dict[str, str] = {}
    subjects: dict[str, str] = {}
    planned = []
    for group in chain.groups:
        targets = [target]
        if group.is_per_assistant:
            targets = [replace(target, assistant_id=one) for one in event.assistant_ids]
        for each in targets:
            subject = _subject_of(group, each, event)
            subjects[group.key] = subject
            planned.append(
                PlannedGroup(
                    group=group.key,
                    subject=subject,
                    steps=plan_steps(group.steps, each, keys),
                    follows=(group.follows, subjects[group.follows]) if group.follows else None,
                )
            )
    return planned


def _check_needs(chain: Chain, event: Event) -> None:
    missing = [need for need in chain.needs if getattr(event, need) in (None, ())]
    if missing:
        raise BadRequest(
            _("The event lacks: %(missing)s.") % {"missing": list_titles(missing)},
            fields={shown_name(need): [_("This event needs it.")] for need in missing},
        )


def _subject_of(group: Group, target: Target, event: Event) -> str:
    ids = [getattr(target, field) for field in group.claimed_by] or [event.site_id]
    return "_".join(str(one) for one in ids)


def target_of(chain: Chain, event: Event) -> Target:
    """What all of the chain's steps work on."""
    return Target(
        member_id=event.member_id,
        settlement_id=event.settlement_id,
        note_id=event.note_id,
        source=chain.source,
    )


def plan_steps(
    steps: Iterable[ChainStep], target: Target, keys: dict[str, str] | None = None
) -> tuple[PlannedStep, ...]:
    """Steps of one target, their predecessors by key; `keys` knows those planned before."""
    keys = {} if keys is None else keys
    planned = []
    for step in steps:
        own = target
        if step.range_key is not None:
            own = replace(target, range_key=step.range_key, area=step.area)
        after = tuple(keys[app] for app in step.after if app in keys)
        planned.append(PlannedStep(step.app, own, after))
        keys[step.app] = planned[-1].key
    return tuple(planned)


def join(groups: Iterable[PlannedGroup]) -> list[PlannedStep]:
    """The steps of a job that has these groups: nothing comes after a step it does not have."""
    steps = [step for group in groups for step in group.steps]
    keys = {step.key for step in steps}
    return [replace(step, after=tuple(key for key in step.after if key in keys)) for step in steps]


def describe(steps: Sequence[PlannedStep]) -> str:
    """The chain as a person reads it: `app3→app8→app7`."""
    return "→".join(dict.fromkeys(step.app.partition("_")[0] for step in steps))[:200]


def find_ready(runs: Collection[Run]) -> list[Run]:
    """Of the newest attempts of a job's steps: those that may start now, in the job's order."""
    open_keys = {run.step for run in runs if run.status in Run.OPEN}
    return [
        run
        for run in sorted(runs, key=_position)
        if run.status == Run.Status.PENDING and not open_keys.intersection(run.after)
    ]


def _position(run: Run) -> int:
    return run.position
