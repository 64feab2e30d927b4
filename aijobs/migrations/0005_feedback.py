import django.db.models.deletion
from django.db import migrations, models

from zqyy.durable.sql import run_sql


class Migration(migrations.Migration):
    dependencies = [("aijobs", "0004_prompts_and_checks")]
    operations = [
        migrations.AddField(
            "cluefeedback",
            "cache_type",
            models.CharField(default="app8_clue_consolidated", max_length=32),
            preserve_default=False,
        ),
        migrations.AddField(
            "cluefeedback",
            "target_id",
            models.CharField(default="", max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            "cluefeedback",
            "category",
            models.CharField(blank=True, default="", max_length=16),
            preserve_default=False,
        ),
        migrations.AddField(
            "cluefeedback", "text", models.TextField(default=""), preserve_default=False
        ),
        migrations.AddField(
            "retentionclue",
            "superseded_by",
            models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="aijobs.run",
            ),
        ),
        migrations.AddConstraint(
            "retentionclue",
            models.CheckConstraint(
                condition=models.Q(
                    ("superseded_by", None), ("superseded_at__isnull", False), _connector="OR"
                ),
                name="superseded_by_a_run_at_a_time",
            ),
        ),
        migrations.AddField("run", "dropped", models.JSONField(default=list)),
        run_sql(__file__),
    ]
