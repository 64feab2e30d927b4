from django.db import migrations

from zqyy.durable.sql import run_sql


class Migration(migrations.Migration):
    dependencies = [("sandbox", "0001_initial"), ("durable", "0001_initial")]
    operations = [run_sql(__file__)]
