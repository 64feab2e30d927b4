"""What users ask about a store, and what they were answered."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from metrics.models.base import SiteRow
from sandbox.models import Mode


class ChatQuestion(SiteRow):
    """A question of one user at some D, and its answer. How far it is, its newest run says.

    A user's questions about a store are their conversation; those of one session are told to the
    AI together.
    """

    # identity
    user_id = models.BigIntegerField()
    session_id = models.UUIDField(default=uuid.uuid4)
    # runtime context
    mode = models.CharField(max_length=8, choices=Mode.choices)
    business_date = models.DateField()
    # texts; people are 会员#12 in an answer, and as they were written in a question
    question = models.TextField()
    answer = models.TextField(blank=True, default="")
    # The figures that the answer cites, as they were looked up.
    citations = models.JSONField(default=list)
    # times
    asked_at = models.DateTimeField(db_default=Now())
    answered_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "chat_questions"
        verbose_name = _("chat question")
        verbose_name_plural = _("chat questions")
        constraints = [
            models.UniqueConstraint(fields=["site", "id"], name="chat_questions_site_id"),
            models.CheckConstraint(
                condition=Q(answered_at=None, answer="") | Q(answered_at__isnull=False),
                name="only_an_answered_question_has_an_answer",
            ),
        ]
        indexes = [
            # A user's conversation, newest first.
            models.Index(fields=["site", "user_id", "-id"], name="chat_question_newest"),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} #{self.pk}"
