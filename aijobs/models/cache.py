"""Results of AI apps that people read: append-only, the newest generation counts."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from metrics.models.base import SiteRow, same_site
from sandbox.models import Mode


class CacheEntry(SiteRow):
    """One result for (mode, business date, type, target, language). Never updated."""

    known_since = "created_at"

    mode = models.CharField(max_length=8, choices=Mode.choices)
    business_date = models.DateField()
    cache_type = models.CharField(max_length=32)
    target_id = models.CharField(max_length=64)
    language = models.CharField(max_length=10)
    # Taken from a sequence when the run started: a slower, older run cannot replace a newer one.
    generation = models.BigIntegerField()
    run = same_site("aijobs.Run")
    result = models.JSONField()
    references = models.JSONField(default=dict)
    # What the checks made of it; no score: it was not checked.
    findings = models.JSONField(default=list)
    score = models.PositiveSmallIntegerField(null=True)
    flagged = models.BooleanField(default=False)
    # The newest ingest batch the result has seen.
    watermark = models.BigIntegerField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "ai_cache"
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "site",
                    "cache_type",
                    "target_id",
                    "language",
                    "mode",
                    "business_date",
                    "generation",
                ],
                name="cache_generation",
            ),
            models.CheckConstraint(condition=Q(score__lte=100), name="cache_score_at_most_100"),
        ]

    def __str__(self) -> str:
        return f"{self.cache_type}/{self.target_id}"
