from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sandbox", "0002_row_level_security")]
    operations = [
        migrations.RemoveIndex(model_name="auditentry", name="audit_newest"),
        *(
            migrations.AddIndex(
                model_name="auditentry",
                index=models.Index(fields=["site", *fields, "-at", "-id"], name=name),
            )
            for name, fields in (
                ("audit_newest", []),
                ("audit_of_action", ["action"]),
                ("audit_of_person", ["actor"]),
                ("audit_of_kind", ["object_type"]),
                ("audit_of_object", ["object_id"]),
            )
        ),
    ]
