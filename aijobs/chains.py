"""CHAINS: which AI apps a business event starts, in which order. Data only; planning.py reads it."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from metrics.ranges import RANGES
from sandbox.errors import BadRequest
from zqyy.durable.models import Cluster


@dataclass(frozen=True)
class ChainStep:
    """An app, and the apps that end, in whatever state, before it starts.

    Attributes:
        after: apps of its own group or, where the job has it, of a group before.
        range_key, area: what it works on besides the event's target.
    """

    app: str
    after: tuple[str, ...] = ()
    range_key: str | None = None
    area: str = "all"


@dataclass(frozen=True)
class Group:
    """Steps that belong together and are claimed together.

    Attributes:
        key: the claim's group.
        claimed_by: the target's fields that name the claim's subject.
        is_per_assistant: there is one for every assistant of the event.
        follows: a job without this group waits for the open job that has it.
    """

    key: str
    claimed_by: tuple[str, ...]
    steps: tuple[ChainStep, ...]
    is_per_assistant: bool = False
    follows: str = ""


@dataclass(frozen=True)
class Chain:
    """What one event type needs and starts.

    Attributes:
        needs: fields of the event that must be there.
        source: whose clues app8 replaces at its end.
        is_prewarm: its job runs on the batch cluster, tells all steps what was known at one
            moment, and lets them wait for the store's rate as long as it lasts.
        extra_seconds: what its deadline has beyond that of its steps.
    """

    event_type: str
    alias: str
    needs: tuple[str, ...]
    groups: tuple[Group, ...]
    source: str = "ai_consumption"
    is_prewarm: bool = False
    extra_seconds: int = 0

    @property
    def cluster(self) -> Cluster:
        return Cluster.BATCH if self.is_prewarm else Cluster.REALTIME


# The areas that are prewarmed beside the whole store; one that a store lacks is skipped.
AREAS = ("hall", "hallA", "hallB", "hallC", "vip", "snooker", "mahjong", "ktv")
REFRESH = (ChainStep("app3_clue"), ChainStep("app8_consolidate", after=("app3_clue",)))

CHAINS = [
    Chain(
        event_type="consumption",
        alias="ai_consumption_settled",
        needs=("member_id", "settlement_id"),
        groups=(
            Group(
                key="member",
                claimed_by=("member_id",),
                steps=(*REFRESH, ChainStep("app7_customer", after=("app8_consolidate",))),
            ),
            Group(
                key="pair",
                claimed_by=("assistant_id", "member_id"),
                steps=(
                    ChainStep("app4_analysis", after=("app7_customer",)),
                    ChainStep("app5_tactics", after=("app4_analysis",)),
                ),
                is_per_assistant=True,
                follows="member",
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
                claimed_by=("note_id",),
                steps=(
                    ChainStep("app6_note"),
                    ChainStep("app8_consolidate", after=("app6_note",)),
                ),
            ),
        ),
    ),
    Chain(
        event_type="task_assigned",
        alias="ai_task_assigned",
        needs=("member_id", "assistant_ids"),
        groups=(
            Group(
                key="task",
                claimed_by=("assistant_id", "member_id"),
                steps=(
                    ChainStep("app4_analysis"),
                    ChainStep("app5_tactics", after=("app4_analysis",)),
                ),
                is_per_assistant=True,
            ),
        ),
    ),
    Chain(
        event_type="dws_completed",
        alias="ai_dws_completed",
        needs=(),
        groups=(
            Group(
                key="prewarm",
                claimed_by=(),
                steps=(
                    *(ChainStep("app2_finance", range_key=key) for key in RANGES),
                    *(
                        ChainStep("app2a_finance_area", range_key=key, area=area)
                        for key in RANGES
                        for area in AREAS
                    ),
                ),
            ),
        ),
        is_prewarm=True,
        extra_seconds=600,
    ),
]


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


def chain_of_job(event_type: str) -> Chain | None:
    """The chain that a job works off; None where somebody named its steps."""
    return next((chain for chain in CHAINS if chain.event_type == event_type), None)
