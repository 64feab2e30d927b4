"""What a step sends: features and prompt as of its date, built before anything is called."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from aijobs.ai_apps.base import AIApp
from aijobs.ai_apps.finance_books import read_once
from aijobs.errors import PromptError, StepError
from aijobs.models import Run, TriggerJob
from aijobs.prompt_versions import newest_prompt
from aijobs.providers import Provider, provider_for
from aijobs.registry import AI_APPS
from aijobs.runs import results_before
from aijobs.targets import Target
from sandbox.context import RuntimeContext, kept_in_context, use_context
from sandbox.models import SiteIngest
from zqyy.durable.leases import LeaseLost
from zqyy.durable.outages import OUTAGE

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Inputs:
    """What one step sends, and what it rests on. `watermark`: the newest batch that it knows."""

    app: AIApp
    provider: Provider
    target: Target
    prompt: str
    prompt_version: int
    features: dict[str, Any]
    references: dict[str, Any]
    watermark: int

    def as_columns(self) -> dict[str, Any]:
        return {
            "provider": self.provider.name,
            "model": self.provider.model_of(self.app.key)[:64],
            "prompt_version": self.prompt_version,
            "prompt": self.prompt,
            "features": self.features,
            "features_sha256": self.references["fingerprint"],
            "references": self.references,
            "watermark": self.watermark,
        }


def build_inputs(
    ctx: RuntimeContext, job: TriggerJob, run: Run, options: Mapping[str, Any]
) -> Inputs:
    """Features and prompt as of the run's date; in its context.

    Args:
        options: values of at least PROVIDER_OPTIONS.

    Raises:
        NothingToSay: the app has nothing to work on. PromptError: they cannot be built.
    """
    app = AI_APPS[run.app]
    try:
        target = _target_of(job, run)
        watermark = _newest_batch(ctx)
        features = app.build_features(ctx, target, results_before(run))
        asked = newest_prompt(app)
        return Inputs(
            app=app,
            provider=provider_for(run.app, options),
            target=target,
            prompt=app.prompt(features.values, asked.template),
            prompt_version=asked.version,
            features=features.values,
            references=features.references(),
            watermark=watermark,
        )
    except (StepError, LeaseLost, *OUTAGE):
        raise
    except Exception as error:
        # Whatever an app stumbles over ends its own step only.
        logger.exception("no prompt for %s", run.step)
        raise PromptError(type(error).__name__) from error


def build_together(
    ctx: RuntimeContext, job: TriggerJob, runs: Iterable[Run], options: Mapping[str, Any]
) -> dict[str, Inputs | StepError]:
    """The inputs of several steps from one state of the data, by step; or why there are none."""
    built: dict[str, Inputs | StepError] = {}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        with use_context(ctx), read_once():
            for run in runs:
                try:
                    # A statement that fails is the step's own, too.
                    with transaction.atomic():
                        built[run.step] = build_inputs(ctx, job, run, options)
                except StepError as error:
                    built[run.step] = error
    return built


def read_inputs(job: TriggerJob, run: Run, options: Mapping[str, Any]) -> Inputs:
    """The inputs that were recorded on a run before it started."""
    return Inputs(
        app=AI_APPS[run.app],
        provider=provider_for(run.app, options),
        target=_target_of(job, run),
        prompt=run.prompt,
        prompt_version=run.prompt_version or 0,
        features=run.features or {},
        references=run.references or {},
        watermark=run.watermark or 0,
    )


def _newest_batch(ctx: RuntimeContext) -> int:
    """Read once for all that is built from one state of the data, and before that is read."""
    kept = kept_in_context()
    if "newest batch" not in kept:
        ingested = SiteIngest.objects.filter(site=ctx.site).order_by()
        kept["newest batch"] = ingested.values_list("last_batch", flat=True).first() or 0
    newest: int = kept["newest batch"]
    return newest


def _target_of(job: TriggerJob, run: Run) -> Target:
    """What the job says of all its targets, and what the run's own id says of this one."""
    own = AI_APPS[run.app].form.read(run.target_id).as_payload()
    return Target.from_payload({**job.payload.get("target", {}), **own})
