"""What goes in and out of aijobs.api."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from aijobs.alert_log import AlertPage
from aijobs.alerts import alert_shape
from aijobs.cache import Insight
from aijobs.clues import CATEGORIES
from aijobs.feedback import MOST_REASON_CHARACTERS
from aijobs.jobs import job_progress
from aijobs.models import Alert, ClueFeedback, RetentionClue, Run, TriggerJob
from aijobs.opinions import PARTS, Opinions
from aijobs.output_checks.findings import Severity
from aijobs.output_checks.review import CHECKS, check_title
from aijobs.permissions import may_count_opinions, readable_result
from aijobs.registry import find_app_of
from sandbox.context import User
from sandbox.models import Mode

MAX_ID = 2**63 - 1


class FindingSerializer(serializers.Serializer[Any]):
    check = serializers.ChoiceField([check.key for check in CHECKS])
    check_label = serializers.CharField()
    field = serializers.CharField(help_text="Its path in the result, such as clues.0.summary.")
    severity = serializers.ChoiceField([severity.value for severity in Severity])


class ReviewSerializer(serializers.Serializer[Any]):
    score = serializers.IntegerField(min_value=0, max_value=100)
    flagged = serializers.BooleanField(help_text="Somebody should look at it before using it.")
    findings = FindingSerializer(many=True)

    @staticmethod
    def of(insight: Insight) -> dict[str, Any] | None:
        """Without excerpts: what must not be said is not said here either."""
        if insight.score is None:
            return None
        return {
            "score": insight.score,
            "flagged": insight.flagged,
            "findings": [
                {
                    "check": found["check"],
                    "check_label": check_title(found["check"]),
                    "field": found["field"],
                    "severity": found["severity"],
                }
                for found in insight.findings
            ],
        }


class InsightSerializer(serializers.Serializer[Any]):
    cache_type = serializers.CharField()
    cache_type_label = serializers.CharField()
    target_id = serializers.CharField()
    result = serializers.DictField()
    _references = serializers.DictField(help_text="Metrics, rows and dates it rests on.")
    created_at = serializers.DateTimeField()
    business_date = serializers.DateField(help_text="The date it was made for.")
    mode = serializers.ChoiceField(Mode.choices)
    mode_label = serializers.CharField()
    stale = serializers.BooleanField(help_text="Something newer is known about the target.")
    age_seconds = serializers.IntegerField()
    _checks = ReviewSerializer(
        allow_null=True, help_text="What the automatic checks found; null: not checked."
    )

    @staticmethod
    def of(insight: Insight, *, user: User) -> dict[str, Any]:
        result = readable_result(insight.result, user=user)
        if insight.opinions is not None:
            name, opinions = PARTS[insight.cache_type], insight.opinions
            result[name] = [
                {**part, "feedback": feedback_shape(opinions, part["fingerprint"], user=user)}
                for part in result[name]
            ]
        return {
            **insight.as_dict(),
            "_checks": ReviewSerializer.of(insight),
            "result": result,
            "cache_type_label": str(find_app_of(insight.cache_type).title),
            "mode_label": str(Mode(insight.mode).label),
        }


def feedback_shape(
    opinions: Opinions, fingerprint: str, *, user: User, written_at: datetime | None = None
) -> dict[str, Any]:
    """What I said of a clue or talking point, and (for managers) how many said what."""
    mine = opinions.word_of(user.pk, fingerprint, written_at=written_at)
    return {
        "mine": mine.verdict if mine else None,
        "counts": opinions.counts(fingerprint) if may_count_opinions(user) else None,
    }


class RegenerateSerializer(serializers.Serializer[Any]):
    note = serializers.IntegerField(
        min_value=1, max_value=MAX_ID, required=False, help_text="app6: which note; the newest."
    )
    source = serializers.ChoiceField(  # type: ignore[assignment]  # the name is the domain's
        ["ai_consumption", "ai_note"], required=False, help_text="app8: whose clues it replaces."
    )


class JobReferenceSerializer(serializers.Serializer[Any]):
    job = serializers.IntegerField(help_text="See jobs/{id}/.")


class StepSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(help_text="{app}:{target}")
    status = serializers.ChoiceField(Run.Status.choices)
    status_label = serializers.CharField()
    attempt = serializers.IntegerField()
    error_code = serializers.CharField(allow_blank=True)


class JobSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    event_type = serializers.CharField()
    status = serializers.ChoiceField(TriggerJob.Status.choices)
    status_label = serializers.CharField()
    member = serializers.IntegerField(allow_null=True)
    mode = serializers.ChoiceField(Mode.choices)
    business_date = serializers.DateField()
    steps = StepSerializer(many=True)
    steps_done = serializers.IntegerField()
    steps_total = serializers.IntegerField()
    coalesced_count = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    @staticmethod
    def of(job: TriggerJob, runs: Sequence[Run] | None = None) -> dict[str, Any]:
        progress = job_progress(job, runs=runs)
        return {
            **progress,
            "status_label": str(TriggerJob.Status(job.status).label),
            "steps": [
                {**step, "status_label": str(Run.Status(step["status"]).label)}
                for step in progress["steps"]
            ],
            "member": job.member_id,
            "mode": job.mode,
            "business_date": job.business_date,
            "created_at": job.created_at,
            "finished_at": job.finished_at,
        }


class AlertSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    seq = serializers.IntegerField(help_text="Its number; a new one whenever it happens again.")
    app_type = serializers.CharField(allow_blank=True)
    alert_type = serializers.CharField()
    severity = serializers.ChoiceField(Alert.Severity.choices)
    severity_label = serializers.CharField()
    code = serializers.CharField()
    params = serializers.DictField()
    title = serializers.CharField()
    message = serializers.CharField(max_length=200)
    count = serializers.IntegerField(help_text="How often it happened within its minute.")
    run = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()
    acknowledged_at = serializers.DateTimeField(allow_null=True)


class AlertPageSerializer(serializers.Serializer[Any]):
    results = AlertSerializer(many=True)
    seq = serializers.IntegerField(help_text="Ask `after` it next time.")
    must_resync = serializers.BooleanField(
        help_text="`after` is older than what is kept: these are the newest; forget the others."
    )

    @staticmethod
    def of(page: AlertPage) -> dict[str, Any]:
        return {
            "results": [alert_shape(alert) for alert in page.alerts],
            "seq": page.seq,
            "must_resync": page.must_resync,
        }


class EventSerializer(serializers.Serializer[Any]):
    event_type = serializers.CharField(max_length=64)
    member = serializers.IntegerField(min_value=1, max_value=MAX_ID, required=False)
    settlement = serializers.IntegerField(min_value=1, max_value=MAX_ID, required=False)
    note = serializers.IntegerField(min_value=1, max_value=MAX_ID, required=False)
    assistant = serializers.IntegerField(
        min_value=1,
        max_value=MAX_ID,
        required=False,
        help_text="Whose task it is; for a bill: this one of the assistants on it.",
    )
    has_assistant = serializers.BooleanField(
        default=True, help_text="false: leave the assistants on the bill alone."
    )
    is_forced = serializers.BooleanField(
        default=False, help_text="Make a new job even if one works on the same."
    )


class FiredSerializer(serializers.Serializer[Any]):
    job = serializers.IntegerField()
    coalesced = serializers.BooleanField(help_text="An open job of the day takes it in.")


class OpinionsSerializer(serializers.Serializer[Any]):
    mine = serializers.ChoiceField(ClueFeedback.Verdict.choices, allow_null=True)
    counts = serializers.DictField(
        child=serializers.IntegerField(),
        allow_null=True,
        help_text="How many people say what, by verdict; null for assistants.",
    )


class ClueSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    category = serializers.ChoiceField(CATEGORIES)
    category_label = serializers.CharField()
    summary = serializers.CharField()
    detail = serializers.CharField()
    source = serializers.ChoiceField(RetentionClue.Source.choices)  # type: ignore[assignment]
    source_label = serializers.CharField()
    confidence = serializers.FloatField()
    recorded_by_name = serializers.CharField()
    evidence = serializers.ListField()
    business_date = serializers.DateField()
    created_at = serializers.DateTimeField()
    feedback = OpinionsSerializer()

    @staticmethod
    def of(clue: RetentionClue, *, opinions: Opinions, user: User) -> dict[str, Any]:
        return {
            "id": clue.pk,
            "category": clue.category,
            "category_label": _(clue.category),
            "summary": clue.summary,
            "detail": clue.detail,
            "source": clue.source,
            "source_label": str(RetentionClue.Source(clue.source).label),
            "confidence": clue.confidence,
            "recorded_by_name": clue.recorded_by_name,
            "evidence": clue.evidence,
            "business_date": clue.business_date,
            "created_at": clue.valid_from,
            "feedback": feedback_shape(
                opinions, clue.fingerprint, user=user, written_at=clue.valid_from
            ),
        }


class NewClueSerializer(serializers.Serializer[Any]):
    category = serializers.ChoiceField(CATEGORIES)
    summary = serializers.CharField(max_length=200)
    detail = serializers.CharField(max_length=2000, allow_blank=True, default="")


class FeedbackSerializer(serializers.Serializer[Any]):
    verdict = serializers.ChoiceField(ClueFeedback.Verdict.choices)
    reason = serializers.CharField(
        max_length=MOST_REASON_CHARACTERS,
        allow_blank=True,
        default="",
        help_text="Why, in a few words.",
    )


class PartFeedbackSerializer(FeedbackSerializer):
    fingerprint = serializers.CharField(
        max_length=64, help_text="Of the talking point or clue, as the result gives it."
    )


class GivenFeedbackSerializer(serializers.Serializer[Any]):
    verdict = serializers.ChoiceField(ClueFeedback.Verdict.choices)
    verdict_label = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    business_date = serializers.DateField()
    unchanged = serializers.BooleanField(help_text="I had said so already.")

    @staticmethod
    def of(row: ClueFeedback, *, is_new: bool) -> dict[str, Any]:
        return {
            "verdict": row.verdict,
            "verdict_label": str(ClueFeedback.Verdict(row.verdict).label),
            "reason": row.reason,
            "business_date": row.business_date,
            "unchanged": not is_new,
        }
