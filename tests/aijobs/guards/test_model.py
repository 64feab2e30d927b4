"""The gate against a plain model of it: whatever is done in whatever order, both say the same."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from aijobs.errors import Refused, StaleRun
from aijobs.guards.calls import abandon_expired_calls
from aijobs.guards.kill_switches import lift_kill_switch, throw_kill_switch
from aijobs.models import Breaker, Budget, KillSwitch
from sandbox.context import live_context, use_context
from sandbox.models import Site
from tests.aijobs.guarding import GuardClock, call_once, end_call, guard_clock

START = datetime(2026, 5, 30, 12, tzinfo=UTC)
RATE, PATIENT_RATE = 4, 2
FAILURES, OPEN_SECONDS, CALL_SECONDS = 2, 60, 100
CAPS = {"site_day": 500, "site_month": 900, "chain_day": 700, "chain_month": 1300}
LIMITS = {
    "rate": RATE,
    "breaker_failures": FAILURES,
    "breaker_open_seconds": OPEN_SECONDS,
    "caps": CAPS,
}
FAILING = ("timeout", "provider_error")
APPS = ("app3_clue", "app7_customer")
CHAIN_ZONE = ZoneInfo("Asia/Shanghai")
STORES = (("Asia/Shanghai", 8), ("Europe/Paris", 6))
_examples = count(1)


@dataclass
class ModelCall:
    """What the model knows of a call that has been opened."""

    site: Site
    app: str
    hold: int
    generation: int
    windows: list[tuple[int, str, date]]
    expires_at: datetime


@dataclass
class ModelBreaker:
    failures: int = 0
    generation: int = 0
    opened_at: datetime | None = None
    probe_until: datetime | None = None


@dataclass
class Model:
    """The guards as one would write them for a single caller, in memory."""

    now: datetime = START
    switches: dict[int, tuple[Site | None, str, datetime | None]] = field(default_factory=dict)
    breakers: dict[str, ModelBreaker] = field(
        default_factory=lambda: {app: ModelBreaker() for app in APPS}
    )
    started: list[tuple[Site, datetime, bool]] = field(default_factory=list)
    spent: Counter = field(default_factory=Counter)
    held: Counter = field(default_factory=Counter)
    overruns: Counter = field(default_factory=Counter)
    # Those that have not ended, by id.
    calls: dict[int, ModelCall] = field(default_factory=dict)

    def windows(self, site: Site) -> list[tuple[int, str, date]]:
        day = self._day(site.zone, site.day_starts_at.hour)
        chain_day = self._day(CHAIN_ZONE, 8)
        return [
            (site.pk, "day", day),
            (site.pk, "month", day.replace(day=1)),
            (0, "day", chain_day),
            (0, "month", chain_day.replace(day=1)),
        ]

    def _day(self, zone: ZoneInfo, hour: int) -> date:
        return (self.now.astimezone(zone).replace(tzinfo=None) - timedelta(hours=hour)).date()

    def refusal(self, site: Site, app: str, hold: int, is_patient: bool) -> str | None:
        for where, what, until in self.switches.values():
            if where in (None, site) and what in ("", app) and (not until or until > self.now):
                return "kill_switch"
        breaker = self.breakers[app]
        if breaker.opened_at:
            if breaker.opened_at + timedelta(seconds=OPEN_SECONDS) > self.now:
                return "circuit_open"
            if breaker.probe_until and breaker.probe_until > self.now:
                return "circuit_open"
        minute = self.now - timedelta(seconds=60)
        recent = [patient for where, at, patient in self.started if where == site and at > minute]
        if len(recent) >= RATE or (is_patient and sum(recent) >= PATIENT_RATE):
            return "rate_limited"
        for window, cap in zip(self.windows(site), CAPS.values(), strict=True):
            if self.spent[window] + self.held[window] + hold > cap:
                return "budget_exceeded"
        return None

    def open(self, call_id: int, site: Site, app: str, hold: int, is_patient: bool) -> None:
        expires_at = self.now + timedelta(seconds=CALL_SECONDS)
        breaker = self.breakers[app]
        if breaker.opened_at:
            breaker.generation += 1
            breaker.probe_until = expires_at
        self.started.append((site, self.now, is_patient))
        windows = self.windows(site)
        for window in windows:
            self.held[window] += hold
        self.calls[call_id] = ModelCall(site, app, hold, breaker.generation, windows, expires_at)

    def end(self, call_id: int, *, used: int, error: str = "") -> None:
        call = self.calls.pop(call_id)
        for window in call.windows:
            self.held[window] -= call.hold
            self.spent[window] += used
            self.overruns[window] += max(0, used - call.hold)
        breaker = self.breakers[call.app]
        if breaker.generation != call.generation:
            return
        if not error:
            breaker.failures, breaker.opened_at, breaker.probe_until = 0, None, None
        elif error in FAILING:
            breaker.failures += 1
            breaker.probe_until = None
            if breaker.opened_at or breaker.failures >= FAILURES:
                breaker.opened_at = self.now
                breaker.generation += 1
        else:
            breaker.probe_until = None


class GateMachine(RuleBasedStateMachine):
    clock: GuardClock
    # What happened in all examples together: a test in which little happens proves little.
    seen: Counter
    calls = Bundle("calls")
    switches = Bundle("switches")

    @initialize()
    def open_chain(self) -> None:
        example = next(_examples)
        # A year of its own for every example: empty budgets, empty minutes.
        start = START.replace(year=START.year + example)
        self.clock.set(start)
        self.model = Model(now=start)
        self.provider = f"p{example}"
        self.sites = [
            Site.objects.create(
                code=f"s{example}-{zone[:4].lower()}",
                name=zone,
                timezone=zone,
                day_starts_at=f"{hour:02}:00",
            )
            for zone, hour in STORES
        ]
        for site in self.sites:
            site.refresh_from_db()

    def teardown(self) -> None:
        KillSwitch.objects.update(lifted_at=self.clock.now)

    @rule(
        target=calls,
        store=st.integers(0, 1),
        app=st.sampled_from(APPS),
        hold=st.integers(50, 200),
        is_patient=st.booleans(),
    )
    def open(self, store: int, app: str, hold: int, is_patient: bool):
        site = self.sites[store]
        expected = self.model.refusal(site, app, hold, is_patient)
        try:
            call_id = call_once(
                site,
                app=app,
                provider=self.provider,
                hold=hold,
                seconds=CALL_SECONDS,
                is_patient=is_patient,
                prewarm_rate=PATIENT_RATE * 60 // RATE,
                **LIMITS,
            )
        except Refused as refusal:
            assert refusal.code == expected
            self.seen[refusal.code] += 1
            return multiple()
        assert expected is None
        self.model.open(call_id, site, app, hold, is_patient)
        return site, call_id

    @rule(call=consumes(calls), share=st.sampled_from([0.1, 0.5, 1.0, 1.5]))
    def succeed(self, call: tuple[Site, int], share: float) -> None:
        site, call_id = call
        known = self.model.calls.get(call_id)
        used = int(known.hold * share) if known else 1
        if self.has_ended(site, call_id, tokens=used):
            self.model.end(call_id, used=used)

    @rule(call=consumes(calls), error=st.sampled_from([*FAILING, "bad_request"]))
    def fail(self, call: tuple[Site, int], error: str) -> None:
        site, call_id = call
        if self.has_ended(site, call_id, error=error):
            self.model.end(call_id, used=0, error=error)

    def has_ended(self, site: Site, call_id: int, **result) -> bool:
        """End a call; False, as it must be then, if the sweeper did before."""
        if call_id in self.model.calls:
            end_call(site, call_id, **result, **LIMITS)
            return True
        with pytest.raises(StaleRun):
            end_call(site, call_id, **result, **LIMITS)
        self.seen["late"] += 1
        return False

    @rule()
    def sweep(self) -> None:
        for site in self.sites:
            expired = [
                call_id
                for call_id, call in self.model.calls.items()
                if call.site == site and call.expires_at < self.model.now
            ]
            with use_context(live_context(site)):
                assert abandon_expired_calls(site_id=site.pk) == len(expired)
            for call_id in expired:
                self.model.end(call_id, used=self.model.calls[call_id].hold, error="unknown")
            self.seen["swept"] += len(expired)

    @rule(seconds=st.sampled_from([0.001, 1, 19, 40, 59.999, 60, 100, 3600, 15 * 3600]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.model.now = self.clock.now

    @rule(
        target=switches,
        store=st.sampled_from([None, 0, 1]),
        app=st.sampled_from(["", *APPS]),
        minutes=st.sampled_from([None, 1, 30]),
    )
    def throw(self, store: int | None, app: str, minutes: int | None) -> KillSwitch:
        site = None if store is None else self.sites[store]
        until = None if minutes is None else self.clock.now + timedelta(minutes=minutes)
        switch = throw_kill_switch(site=site, app=app, reason="x", expires_at=until, actor_id=None)
        self.model.switches[switch.pk] = (site, app, until)
        return switch

    @rule(switch=consumes(switches))
    def lift(self, switch: KillSwitch) -> None:
        lift_kill_switch(switch=switch, actor_id=None)
        del self.model.switches[switch.pk]

    @invariant()
    def budgets_agree(self) -> None:
        if not hasattr(self, "model"):
            return
        chain_year = self.model.now.year
        sites = [0, *(site.pk for site in self.sites)]
        rows = Budget.objects.filter(site_id__in=sites, starts_on__year__gte=chain_year)
        found = {(row.site_id, row.period, row.starts_on): (row.spent, row.held) for row in rows}
        for window in {*self.model.spent, *self.model.held, *found}:
            expected = (self.model.spent[window], self.model.held[window])
            assert found.get(window, (0, 0)) == expected, window

    @invariant()
    def nothing_is_above_a_cap_but_overruns(self) -> None:
        if not hasattr(self, "model"):
            return
        kinds = {("site", "day"): "site_day", ("site", "month"): "site_month"}
        for site_id, period, starts_on in self.model.held:
            window = (site_id, period, starts_on)
            name = kinds[("site", period)] if site_id else f"chain_{period}"
            used = self.model.spent[window] + self.model.held[window]
            assert used <= CAPS[name] + self.model.overruns[window]

    @invariant()
    def breakers_agree(self) -> None:
        if not hasattr(self, "model"):
            return
        rows = {row.app: row for row in Breaker.objects.filter(provider=self.provider)}
        for app, expected in self.model.breakers.items():
            row = rows.get(app, Breaker())
            assert (row.failures, row.generation, row.opened_at, row.probe_until) == (
                expected.failures,
                expected.generation,
                expected.opened_at,
                expected.probe_until,
            )


@pytest.mark.slow
def test_the_gate_does_what_its_model_does(transactional_db):
    with guard_clock(START) as clock:
        GateMachine.clock, GateMachine.seen = clock, Counter()
        run_state_machine_as_test(
            GateMachine,
            settings=settings(
                max_examples=40,
                stateful_step_count=40,
                deadline=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            ),
        )

    happened = ("kill_switch", "circuit_open", "rate_limited", "budget_exceeded", "swept", "late")
    assert all(GateMachine.seen[what] for what in happened), GateMachine.seen
