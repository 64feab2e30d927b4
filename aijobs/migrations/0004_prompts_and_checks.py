import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from zqyy.durable.sql import run_sql


class Migration(migrations.Migration):
    dependencies = [
        ("aijobs", "0003_gate"),
        ("sandbox", "0002_row_level_security"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Prompt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("app", models.CharField(max_length=32, verbose_name="app")),
                ("version", models.PositiveIntegerField(verbose_name="version")),
                ("template", models.TextField(verbose_name="template")),
                ("output_version", models.PositiveSmallIntegerField()),
                (
                    "author",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
                ("note", models.CharField(default="", max_length=300, verbose_name="what is new")),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="time"
                    ),
                ),
            ],
            options={
                "verbose_name": "prompt",
                "verbose_name_plural": "prompts",
                "db_table": "prompts",
                "constraints": [
                    models.UniqueConstraint(fields=("app", "version"), name="prompt_version")
                ],
            },
        ),
        migrations.AddField(
            model_name="cacheentry",
            name="findings",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="cacheentry",
            name="flagged",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="cacheentry",
            name="score",
            field=models.PositiveSmallIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="run",
            name="findings",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="run",
            name="flagged",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="run",
            name="score",
            field=models.PositiveSmallIntegerField(null=True),
        ),
        migrations.AddConstraint(
            model_name="cacheentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("score__lte", 100)), name="cache_score_at_most_100"
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(("score__lte", 100)), name="run_score_at_most_100"
            ),
        ),
        run_sql(__file__),
    ]
