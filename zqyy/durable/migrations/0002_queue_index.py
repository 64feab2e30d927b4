from django.db import migrations


class Migration(migrations.Migration):
    """The index that the broker's `oldest row of this cluster` walks."""

    dependencies = [
        ("durable", "0001_initial"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX durable_queue_order ON django_q_ormq (key, id)",
            "DROP INDEX durable_queue_order",
        )
    ]
