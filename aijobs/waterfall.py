"""The steps of a job beside one another on one axis of time: what its page draws.

All places are in percent of the axis. A long time in which nothing ran is drawn shorter than it was,
and says how long: a job that is retried the next day stays readable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from aijobs.models import ProviderCall, Run, TriggerJob
from aijobs.wording import duration_text

# A quiet stretch longer than all that ran is drawn as long as this share of that.
QUIET_SHARE = 0.25
# What is shorter is drawn as long as this, to be seen.
LEAST_WIDTH = 0.5
MOST_TICKS = 6
# Labels that would stand closer together, or nearer to the end, are left out.
LABEL_WIDTH = 12.0
_STEPS = (
    *(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60 * minutes for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)),
)


@dataclass(frozen=True)
class Span:
    """A stretch of the axis, and how long it was."""

    left: float
    width: float
    seconds: float

    @property
    def x(self) -> str:
        return f"{self.left:.2f}%"

    @property
    def size(self) -> str:
        return f"{self.width:.2f}%"

    @property
    def middle(self) -> str:
        return f"{self.left + self.width / 2:.2f}%"


@dataclass(frozen=True)
class Tick:
    """A mark of the axis: the time of day where it begins or goes on, else the time since then."""

    left: float
    label: str
    is_clock: bool = False

    @property
    def x(self) -> str:
        return f"{self.left:.2f}%"


@dataclass(frozen=True)
class CallMark:
    """A gated call within its run."""

    call: ProviderCall
    span: Span


@dataclass(frozen=True)
class RunBar:
    """One attempt of a step.

    Attributes:
        waited: from when it could have started until it did, or until it ended without a call.
        ran: from its first call on; between its calls it waited again.
    """

    run: Run
    waited: Span | None
    ran: Span | None
    calls: list[CallMark]

    @property
    def tells_calls(self) -> bool:
        """Its calls say more than the bar does: there are several, or one that went wrong."""
        settled = ProviderCall.Status.SETTLED
        return len(self.calls) > 1 or any(
            mark.call.status != settled or mark.call.error_code for mark in self.calls
        )


@dataclass(frozen=True)
class Waterfall:
    """`cuts`: quiet stretches, drawn shorter than they were. `skipped`: attempts that had nothing to
    work on; they have no bar.
    """

    ticks: list[Tick]
    cuts: list[Span]
    bars: list[RunBar]
    skipped: list[Run]


def draw_job(
    *,
    job: TriggerJob,
    runs: Sequence[Run],
    calls: Iterable[ProviderCall],
    now: datetime,
    zone: tzinfo,
) -> Waterfall:
    """Every attempt of the job's steps in their order; what is open lasts until now."""
    calls_of: dict[int, list[ProviderCall]] = {}
    for call in sorted(calls, key=lambda call: call.n):
        calls_of.setdefault(call.run_id, []).append(call)
    end = max([job.finished_at or now, *(run.finished_at for run in runs if run.finished_at)])
    busy = [(run.started_at, run.finished_at or end) for run in runs if run.started_at]
    axis = Axis(start=job.created_at, end=end, busy=busy)
    ready = _ready_at(runs)
    drawn = [run for run in runs if run.status != Run.Status.SKIPPED]
    return Waterfall(
        ticks=axis.ticks(zone),
        cuts=axis.cuts(),
        bars=[_bar(run, calls_of.get(run.pk, []), ready[run.pk], axis) for run in drawn],
        skipped=[run for run in runs if run.status == Run.Status.SKIPPED],
    )


def _ready_at(runs: Sequence[Run]) -> Mapping[int, datetime | None]:
    """When each could have started: opened, and the steps before it over; None: they are not."""
    attempts: dict[str, list[Run]] = {}
    for run in runs:
        attempts.setdefault(run.step, []).append(run)
    found: dict[int, datetime | None] = {}
    for run in runs:
        before = [one for step in run.after for one in attempts.get(step, [])]
        if run.status == Run.Status.PENDING and any(one.status in Run.OPEN for one in before):
            found[run.pk] = None
            continue
        # What was tried again later did not hold up what had started or ended by then.
        latest = run.started_at or run.finished_at
        ends = [one.finished_at for one in before if one.finished_at]
        found[run.pk] = max([run.created_at, *(e for e in ends if latest is None or e <= latest)])
    return found


def _bar(run: Run, calls: Sequence[ProviderCall], ready_at: datetime | None, axis: Axis) -> RunBar:
    end = run.finished_at or axis.end
    until = run.started_at or end
    return RunBar(
        run=run,
        waited=axis.span(ready_at, until) if ready_at and ready_at < until else None,
        ran=axis.span(run.started_at, end) if run.started_at else None,
        # A call is settled a moment after the run that it ends.
        calls=[
            CallMark(call, axis.span(call.started_at, min(call.finished_at or end, end)))
            for call in calls
        ],
    )


# --- The axis ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Piece:
    """A stretch, and how many seconds wide it is drawn."""

    start: datetime
    end: datetime
    drawn: float

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()

    @property
    def is_cut(self) -> bool:
        return self.drawn < self.seconds


@dataclass
class Axis:
    """From moments to places. `busy`: when something ran."""

    start: datetime
    end: datetime
    busy: Iterable[tuple[datetime, datetime]]
    _pieces: list[_Piece] = field(init=False)

    def __post_init__(self) -> None:
        merged = _merge(self.busy)
        working = sum((end - start).total_seconds() for start, end in merged)
        self._pieces = []
        at = self.start
        for start, end in [*merged, (self.end, self.end)]:
            if start > at:
                self._pieces.append(_quiet(at, start, working))
            if end > max(start, at):
                begin = max(start, at)
                self._pieces.append(_Piece(begin, end, (end - begin).total_seconds()))
            at = max(at, end)
        self._drawn = sum(piece.drawn for piece in self._pieces)

    def place(self, moment: datetime) -> float:
        """Where a moment is; what lies outside is at the nearer end."""
        if not self._drawn:
            return 0.0
        passed = 0.0
        for piece in self._pieces:
            if moment < piece.end:
                part = max(0.0, (moment - piece.start).total_seconds()) / piece.seconds
                return 100 * (passed + part * piece.drawn) / self._drawn
            passed += piece.drawn
        return 100.0

    def span(self, start: datetime, end: datetime) -> Span:
        left = self.place(start)
        width = max(self.place(end) - left, LEAST_WIDTH)
        return Span(min(left, 100 - width), width, max(0.0, (end - start).total_seconds()))

    def cuts(self) -> list[Span]:
        return [self.span(piece.start, piece.end) for piece in self._pieces if piece.is_cut]

    def ticks(self, zone: tzinfo) -> list[Tick]:
        """At most about MOST_TICKS, at round times; the time of day after every cut."""
        step = next((s for s in _STEPS if self._drawn / s <= MOST_TICKS), _STEPS[-1])
        ticks: list[Tick] = []
        for start, end in self._whole_stretches():
            clock = start.astimezone(zone).strftime("%H:%M:%S")
            _add(ticks, Tick(self.place(start), clock, is_clock=True))
            for n in range(1, int((end - start).total_seconds() / step) + 1):
                passed = n * step
                _add(ticks, Tick(self.place(start + timedelta(seconds=passed)), _since(passed)))
        return ticks

    def _whole_stretches(self) -> list[tuple[datetime, datetime]]:
        """What lies between the cuts."""
        found: list[tuple[datetime, datetime]] = []
        goes_on = False
        for piece in self._pieces:
            if not piece.is_cut:
                start = found.pop()[0] if goes_on else piece.start
                found.append((start, piece.end))
            goes_on = not piece.is_cut
        return found


def _quiet(start: datetime, end: datetime, working: float) -> _Piece:
    seconds = (end - start).total_seconds()
    return _Piece(start, end, QUIET_SHARE * working if 0 < working < seconds else seconds)


def _merge(stretches: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    merged: list[tuple[datetime, datetime]] = []
    for start, end in sorted(stretches):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _add(ticks: list[Tick], tick: Tick) -> None:
    if tick.left > 100 - LABEL_WIDTH:
        return
    if ticks and tick.left - ticks[-1].left < LABEL_WIDTH:
        if not tick.is_clock or ticks[-1].is_clock:
            return
        ticks.pop()
    ticks.append(tick)


def _since(seconds: float) -> str:
    return f"+{duration_text(seconds)}"
