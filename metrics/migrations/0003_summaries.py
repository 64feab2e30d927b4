from django.db import migrations

from zqyy.durable.sql import run_sql


class Migration(migrations.Migration):
    dependencies = [("metrics", "0002_row_level_security")]
    operations = [run_sql(__file__)]
