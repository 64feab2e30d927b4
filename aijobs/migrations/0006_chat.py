import uuid

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.functions import Now

from zqyy.durable.sql import run_sql


class Migration(migrations.Migration):
    dependencies = [
        ("aijobs", "0005_feedback"),
        ("sandbox", "0002_row_level_security"),
    ]
    operations = [
        migrations.CreateModel(
            name="ChatQuestion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        "sandbox.site",
                        django.db.models.deletion.PROTECT,
                        db_index=False,
                        related_name="+",
                        verbose_name="store",
                    ),
                ),
                ("user_id", models.BigIntegerField()),
                ("session_id", models.UUIDField(default=uuid.uuid4)),
                (
                    "mode",
                    models.CharField(
                        choices=[("live", "Live"), ("sandbox", "Sandbox")], max_length=8
                    ),
                ),
                ("business_date", models.DateField()),
                ("question", models.TextField()),
                ("answer", models.TextField(blank=True, default="")),
                ("citations", models.JSONField(default=list)),
                ("asked_at", models.DateTimeField(db_default=Now())),
                ("answered_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "chat question",
                "verbose_name_plural": "chat questions",
                "db_table": "chat_questions",
                "constraints": [
                    models.UniqueConstraint(fields=["site", "id"], name="chat_questions_site_id"),
                    models.CheckConstraint(
                        condition=Q(answered_at=None, answer="") | Q(answered_at__isnull=False),
                        name="only_an_answered_question_has_an_answer",
                    ),
                ],
                "indexes": [
                    models.Index(fields=["site", "user_id", "-id"], name="chat_question_newest")
                ],
            },
        ),
        run_sql(__file__),
        migrations.AlterField(
            "providercall",
            "purpose",
            models.CharField(
                choices=[
                    ("first", "first"),
                    ("retry", "retry"),
                    ("repair", "repair"),
                    ("answer", "answer"),
                ],
                default="first",
                max_length=6,
            ),
        ),
        migrations.RemoveConstraint("triggerjob", "one_open_app_run"),
        migrations.AddConstraint(
            "triggerjob",
            models.UniqueConstraint(
                "site",
                "mode",
                "business_date",
                "event_type",
                F("payload__step"),
                condition=Q(
                    event_type__in=("app_run", "clue_refresh", "chat"),
                    status__in=("pending", "running"),
                ),
                name="one_open_app_run",
            ),
        ),
    ]
