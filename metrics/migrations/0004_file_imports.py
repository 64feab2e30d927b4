import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from zqyy.durable.sql import run_sql


class Migration(migrations.Migration):
    dependencies = [
        ("metrics", "0003_summaries"),
        ("sandbox", "0002_row_level_security"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="FileImport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("file_name", models.CharField(max_length=200, verbose_name="file")),
                ("kind", models.CharField(max_length=20, verbose_name="kind")),
                ("size", models.PositiveIntegerField()),
                ("content", models.BinaryField(null=True)),
                ("business_date", models.DateField()),
                ("create_members", models.BooleanField(default=False)),
                ("skip_bad", models.BooleanField(default=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("looking", "being looked at"),
                            ("ready", "looked at, not taken in"),
                            ("importing", "being taken in"),
                            ("done", "taken in"),
                            ("refused", "refused"),
                            ("failed", "gone wrong"),
                        ],
                        default="looking",
                        max_length=10,
                    ),
                ),
                ("refusal", models.CharField(blank=True, max_length=1000)),
                ("preview", models.JSONField(null=True)),
                ("result", models.JSONField(null=True)),
                ("rejects", models.BinaryField(null=True)),
                (
                    "uploaded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="when"
                    ),
                ),
                ("finished_at", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField(null=True)),
                (
                    "actor",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "batch",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="metrics.ingestbatch",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="sandbox.site",
                        verbose_name="store",
                    ),
                ),
            ],
            options={
                "verbose_name": "file import",
                "verbose_name_plural": "file imports",
                "db_table": "file_imports",
                "indexes": [
                    models.Index(fields=["site", "-id"], name="file_imports_newest"),
                    models.Index(
                        condition=models.Q(("expires_at__isnull", False)),
                        fields=["site", "expires_at"],
                        name="file_imports_expiring",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("result__isnull", False), ("state", "done")),
                            models.Q(
                                models.Q(("state", "done"), _negated=True), ("result__isnull", True)
                            ),
                            _connector="OR",
                        ),
                        name="import_has_a_result_iff_done",
                    )
                ],
            },
        ),
        run_sql(__file__),
    ]
