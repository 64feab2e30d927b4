import datetime
import django.db.models.deletion
import django.db.models.functions.datetime
import sandbox.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Site',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=32, unique=True, verbose_name='code')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('timezone', models.CharField(default='Asia/Shanghai', max_length=64, validators=[sandbox.models.validate_timezone], verbose_name='time zone')),
                ('day_starts_at', models.TimeField(default=datetime.time(8, 0), verbose_name='day starts at')),
                ('opens_at', models.TimeField(default=datetime.time(10, 0), verbose_name='opens at')),
                ('closes_at', models.TimeField(default=datetime.time(2, 0), verbose_name='closes at')),
                ('language', models.CharField(choices=[('zh-hans', 'Simplified Chinese'), ('en', 'English')], default='zh-hans', max_length=10, verbose_name='language of AI texts')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
            ],
            options={
                'verbose_name': 'store',
                'verbose_name_plural': 'stores',
                'db_table': 'sites',
                'ordering': ['code'],
            },
        ),
        migrations.CreateModel(
            name='SiteIngest',
            fields=[
                ('site', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='ingest', serialize=False, to='sandbox.site', verbose_name='store')),
                ('last_batch', models.BigIntegerField(default=0)),
                ('last_committed_at', models.DateTimeField(null=True)),
                ('first_business_date', models.DateField(null=True)),
                ('last_settled_at', models.DateTimeField(null=True)),
                ('summary_version', models.SmallIntegerField(default=1)),
                ('summary_options', models.JSONField(default=dict)),
            ],
            options={
                'db_table': 'site_ingest',
            },
        ),
        migrations.CreateModel(
            name='SiteGrant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='site_grants', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='grants', to='sandbox.site', verbose_name='store')),
                ('assistant_id', models.BigIntegerField(blank=True, null=True, verbose_name='assistant')),
            ],
            options={
                'verbose_name': 'store grant',
                'verbose_name_plural': 'store grants',
                'db_table': 'site_grants',
                'constraints': [models.UniqueConstraint(fields=('user', 'site'), name='one_grant_per_user_and_site')],
            },
        ),
        migrations.CreateModel(
            name='RuntimeSetting',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='runtime_settings', to='sandbox.site')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('mode', models.CharField(choices=[('live', 'Live'), ('sandbox', 'Sandbox')], max_length=8)),
                ('business_date', models.DateField(null=True)),
                ('reason', models.CharField(blank=True, max_length=200)),
                ('set_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('set_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'verbose_name': 'business date setting', 'db_table': 'runtime_settings',
                'permissions': [('change_context', 'Can put a whole store on another business date'), ('time_travel', 'Can look at another business date')],
                'constraints': [models.UniqueConstraint(fields=('site', 'user'), name='one_runtime_setting_per_site_and_user', nulls_distinct=False), models.CheckConstraint(condition=models.Q(models.Q(('business_date', None), ('mode', 'live')), models.Q(('business_date__isnull', False), ('mode', 'sandbox')), _connector='OR'), name='sandbox_has_a_date_and_live_has_none')],
            },
        ),
        migrations.CreateModel(
            name='Option',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('site', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='sandbox.site')),
                ('key', models.CharField(max_length=64, verbose_name='option')),
                ('value', models.JSONField()),
                ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='time')),
                ('recorded_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
            ],
            options={
                'verbose_name': 'option',
                'verbose_name_plural': 'options',
                'db_table': 'options',
                'indexes': [models.Index(fields=['key', 'site', '-id'], name='option_newest')],
            },
        ),
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('site', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='sandbox.site')),
                ('actor', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('at', models.DateTimeField(auto_now_add=True, verbose_name='time')),
                ('action', models.CharField(max_length=40, verbose_name='action')),
                ('object_type', models.CharField(max_length=60, verbose_name='object type')),
                ('object_id', models.CharField(max_length=64, verbose_name='object id')),
                ('before', models.JSONField(null=True, verbose_name='before')),
                ('after', models.JSONField(null=True, verbose_name='after')),
                ('request_id', models.CharField(blank=True, max_length=64)),
            ],
            options={
                'verbose_name': 'audit log entry',
                'verbose_name_plural': 'audit log',
                'db_table': 'audit_log',
                'indexes': [models.Index(fields=['site', '-id'], name='audit_newest')],
            },
        ),
        migrations.CreateModel(
            name='SandboxAuditEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='sandbox.site')),
                ('actor', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('live_date', models.DateField()),
                ('business_date', models.DateField()),
                ('known_at', models.DateTimeField(null=True)),
                ('reason', models.CharField(blank=True, max_length=200)),
                ('used_for', models.CharField(max_length=200)),
            ],
            options={
                'verbose_name': 'use of a past date',
                'verbose_name_plural': 'uses of past dates',
                'db_table': 'sandbox_audit_log',
                'indexes': [models.Index(fields=['site', '-id'], name='sandbox_audit_newest')],
            },
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('site', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='sandbox.site')),
                ('name', models.CharField(max_length=64, verbose_name='name')),
                ('key_hash', models.CharField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'verbose_name': 'API key',
                'verbose_name_plural': 'API keys',
                'db_table': 'api_keys',
            },
        ),
        migrations.CreateModel(
            name='IdempotencyRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('principal', models.CharField(max_length=64)),
                ('route', models.CharField(max_length=200)),
                ('key', models.CharField(max_length=128)),
                ('body_hash', models.CharField(max_length=64)),
                ('status', models.PositiveSmallIntegerField()),
                ('response', models.JSONField()),
                ('created_at', models.DateTimeField(auto_now_add=True, db_index=True)),
            ],
            options={
                'db_table': 'idempotency_records',
                'constraints': [models.UniqueConstraint(fields=('principal', 'route', 'key'), name='one_answer_per_idempotency_key')],
            },
        ),
    ]
