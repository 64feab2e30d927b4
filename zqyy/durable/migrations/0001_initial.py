import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Lease',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=200, unique=True)),
                ('cluster', models.CharField(choices=[('realtime', 'Realtime'), ('batch', 'Batch')], max_length=20)),
                ('task', models.CharField(help_text='Dotted path of function(held, **args)', max_length=200)),
                ('args', models.JSONField(default=dict)),
                ('site_id', models.BigIntegerField(null=True)),
                ('mode', models.CharField(max_length=10)),
                ('business_date', models.DateField(null=True)),
                ('owner', models.UUIDField(null=True)),
                ('token', models.BigIntegerField(default=0)),
                ('holder_group', models.UUIDField(help_text='Process group of the holder', null=True)),
                ('holder_pid', models.PositiveIntegerField(help_text="The holder's process on the machine of its group", null=True)),
                ('is_asked_back', models.BooleanField(default=False, help_text="The holder's group is to stop: hand the work over")),
                ('expires_at', models.DateTimeField(help_text='From here on anybody may claim; empty: nobody has claimed yet', null=True)),
                ('q_id', models.BigIntegerField(help_text='Row of django_q_ormq that delivers it', null=True)),
                ('fetcher_group', models.UUIDField(help_text='Process group that last took the queue row', null=True)),
                ('rearmed_token', models.BigIntegerField(default=0)),
                ('deaths', models.PositiveSmallIntegerField(default=0, help_text='Holders that vanished since the work last got on')),
                ('failures', models.PositiveSmallIntegerField(default=0)),
                ('last_error', models.CharField(blank=True, max_length=500)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('renewed_at', models.DateTimeField(help_text='Last sign of a holder', null=True)),
                ('closed_at', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'leases',
                'indexes': [models.Index(condition=models.Q(('closed_at__isnull', True)), fields=['cluster', 'expires_at'], name='open_leases'), models.Index(condition=models.Q(('holder_group__isnull', False)), fields=['holder_group', 'renewed_at'], name='leases_of_a_group'), models.Index(condition=models.Q(('closed_at__isnull', False)), fields=['closed_at'], name='closed_leases')],
                'constraints': [models.CheckConstraint(condition=models.Q(('cluster__in', ['realtime', 'batch'])), name='lease_cluster_is_known'), models.CheckConstraint(condition=models.Q(('owner__isnull', True), ('expires_at__isnull', False), _connector='OR'), name='lease_owner_has_expiry'), models.CheckConstraint(condition=models.Q(('closed_at__isnull', True), ('owner__isnull', True), _connector='OR'), name='closed_lease_has_no_owner'), models.CheckConstraint(condition=models.Q(('rearmed_token__lte', models.F('token'))), name='lease_is_rearmed_for_a_token_it_had'), models.UniqueConstraint(fields=('q_id',), name='one_lease_per_queue_row')],
            },
        ),
        migrations.CreateModel(
            name='Operation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=50)),
                ('site_id', models.BigIntegerField(null=True)),
                ('user_id', models.BigIntegerField(null=True)),
                ('lease_key', models.CharField(blank=True, max_length=200)),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('completed', 'Completed'), ('failed', 'Failed')], default='queued', max_length=10)),
                ('done', models.PositiveIntegerField(default=0)),
                ('total', models.PositiveIntegerField(default=0)),
                ('result', models.JSONField(null=True)),
                ('error', models.CharField(blank=True, max_length=500)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('started_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'operations',
                'indexes': [models.Index(fields=['site_id', '-id'], name='operations_of_a_site')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'running', 'completed', 'failed'])), name='operation_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', False), ('state__in', ['completed', 'failed'])), models.Q(('finished_at__isnull', True), ('state__in', ['queued', 'running'])), _connector='OR'), name='operation_finished_at_iff_terminal'), models.CheckConstraint(condition=models.Q(('done__lte', models.F('total'))), name='operation_done_within_total')],
            },
        ),
    ]
