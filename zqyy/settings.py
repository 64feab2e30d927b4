"""Settings, read top to bottom. Every value from the environment goes through django-environ."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent


def secret(name: str, default: str = "") -> str:
    """The value of NAME, or the content of the file that NAME_FILE points to."""
    if path := env.str(f"{name}_FILE", default=""):
        return Path(path).read_text().strip()
    return str(env.str(name, default=default))


# --- Process -----------------------------------------------------------------------------------
# What this process is: web, worker, sweeper or command. `web` serves requests (pooled
# connections), everything else keeps one connection a thread. A pool must never be shared across
# django-q2's forks.
PROCESS_ROLE = env.str("ZQYY_PROCESS", default="command")
DEBUG = env.bool("DEBUG", default=False)
TESTING = "pytest" in sys.modules
SECRET_KEY = secret("SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# --- Servers -----------------------------------------------------------------------------------
# manage.py and `make run` fill these in from the embedded servers unless they are set already.
DATABASE_URL = secret("DATABASE_URL")
DATABASE_OWNER_URL = secret("DATABASE_OWNER_URL")
REDIS_URL = secret("REDIS_URL")
for name, value in (
    ("SECRET_KEY", SECRET_KEY),
    ("DATABASE_URL", DATABASE_URL),
    ("REDIS_URL", REDIS_URL),
):
    if not value:
        raise ImproperlyConfigured(
            f"{name} is not set. Start through manage.py or `make run`, which bring their own "
            f"servers, or set {name} in the environment."
        )


def database_config() -> dict[str, Any]:
    """The one alias: an application role that row-level security binds (docs/operations.md)."""
    config: dict[str, Any] = env.db_url_config(DATABASE_URL)
    if config["ENGINE"] != "django.db.backends.postgresql":
        raise ImproperlyConfigured(
            "DATABASE_URL must be a postgres:// URL (PostgreSQL 15 or later)"
        )
    options: dict[str, Any] = config.setdefault("OPTIONS", {})
    # /readyz recognises the processes by it: zqyy-web, zqyy-realtime, zqyy-batch, zqyy-sweeper.
    options["application_name"] = f"zqyy-{env.str('Q_CLUSTER_NAME', default=PROCESS_ROLE)}"
    options.setdefault("connect_timeout", 5)
    if not DATABASE_OWNER_URL:
        # One URL only: it owns the tables, and every session steps down to the application role.
        options["assume_role"] = "zqyy_app"
    # After a restart of the database no request meets a dead connection.
    config["CONN_HEALTH_CHECKS"] = True
    if PROCESS_ROLE == "web":
        options["pool"] = {
            "min_size": 2,
            "max_size": env.int("DATABASE_POOL_SIZE", default=20),
            "timeout": 10,
        }
    else:
        config["CONN_MAX_AGE"] = 60
    return config


DATABASES = {"default": database_config()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "zqyy",
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            "hosts": [
                {
                    "address": REDIS_URL,
                    # redis-py 8 closes idle sockets after 5 s unless told otherwise.
                    "socket_timeout": None,
                    # Whoever announces something does not wait long for a Valkey that is away.
                    "socket_connect_timeout": 2,
                    # After a restart every page joins its groups at once; the default is 100.
                    "max_connections": 1000,
                }
            ],
            "capacity": 1000,
            "prefix": "zqyy",
        },
    }
}

# --- Applications ------------------------------------------------------------------------------
INSTALLED_APPS = [
    "zqyy",
    # Without its own default site: zqyy.admin_config names ours.
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "zqyy.admin_config.ZqyyAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "rest_framework_simplejwt",
    "rest_framework_simplejwt.token_blacklist",
    "django_filters",
    "drf_spectacular",
    "axes",
    "django_q",
    "zqyy.durable",
    "sandbox",
    "metrics",
    "aijobs",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "zqyy.logs.RequestMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "zqyy.language.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    # Last: opens the transaction that carries site and date around view and rendering.
    "sandbox.middleware.ContextMiddleware",
]

ROOT_URLCONF = "zqyy.urls"
ASGI_APPLICATION = "zqyy.asgi.application"
WSGI_APPLICATION = "zqyy.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- Language, time, static --------------------------------------------------------------------
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
FORMAT_MODULE_PATH = ["zqyy.formats"]
# Our own strings, then those of Unfold, which ships no translations.
LOCALE_PATHS = [BASE_DIR / "locale", BASE_DIR / "locale" / "unfold"]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles")))
WHITENOISE_USE_FINDERS = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

# --- Sign-in -----------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "sandbox.access.AccountBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
# Fifteen minutes are fifteen minutes, whatever is tried meanwhile.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_LOCKOUT_CALLABLE = "sandbox.lockout.answer_locked_out"
SESSION_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        # What is not named below: frames, plug-ins, workers, media, manifests.
        "default-src": [NONE],
        # Unfold's Alpine build evaluates its attributes; nothing inline, nothing from elsewhere.
        "script-src": [SELF, UNSAFE_EVAL],
        "style-src": [SELF],
        # Alpine writes the width of a list's action bar into its style attribute.
        "style-src-attr": [UNSAFE_INLINE],
        "img-src": [SELF],
        "font-src": [SELF],
        # Also the web socket, whose scheme follows the page's.
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

# What `load_demo` gives the four demo users; the embedded servers' data folder keeps one.
DEMO_PASSWORD = secret("DEMO_PASSWORD")

# --- Admin -------------------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": _("ZQYY"),
    "SITE_HEADER": _("ZQYY"),
    "SITE_ICON": lambda request: static("zqyy/icon.svg"),
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("zqyy/icon.svg"),
        }
    ],
    "SITE_URL": None,
    # Django's log knows no stores; zqyy keeps its own (sandbox.audit).
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "SHOW_BACK_BUTTON": True,
    "STYLES": [lambda request: static("zqyy/zqyy.css")],
    "SCRIPTS": [
        lambda request: static("zqyy/unfold.js"),
        lambda request: static("zqyy/live.js"),
        lambda request: static("zqyy/asking.js"),
        lambda request: static("zqyy/context.js"),
        lambda request: static("zqyy/alerts.js"),
    ],
    "SIDEBAR": {"navigation": "zqyy.admin_site.navigation"},
    # Colours and radius: static/zqyy/zqyy.css.
}

# --- API ---------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["sandbox.authentication.PrincipalAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["sandbox.permissions.IsSignedIn"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["sandbox.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "sandbox.error_responses.api_exception_handler",
    "COERCE_DECIMAL_TO_STRING": True,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=30),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "ZQYY API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_INCLUDE_SCHEMA": False,
}

# --- Work queues (django-q2 on the ORM broker of the same database) ------------------------------
# Two named clusters share these settings; the commands that start a cluster set Q_CLUSTER_NAME.
_REALTIME = {"workers": env.int("REALTIME_WORKERS", default=2), "timeout": 7200, "retry": 7500}
_BATCH = {"workers": env.int("BATCH_WORKERS", default=2), "timeout": 86400, "retry": 90000}
Q_CLUSTER = {
    "name": "realtime",
    **_REALTIME,
    "ALT_CLUSTERS": {"batch": _BATCH},
    "orm": "default",
    "broker_class": "zqyy.durable.broker.DurableBroker",
    "bulk": 1,
    "queue_limit": 1,
    "poll": 0.2,
    "guard_cycle": 0.5,
    "recycle": 500,
    "ack_failures": True,
    "max_attempts": 0,
    "save_limit": -1,
    # Every task holds a lease, or a supervisor would take its cluster for frozen: no schedules.
    "scheduler": False,
}
# The process group that a worker belongs to; its supervisor sets it.
WORKER_GROUP = env.str("ZQYY_GROUP", default="") or None
LEASE_SECONDS = 6
LEASE_RENEW_SECONDS = 2
# What the sweeper calls on every round besides its own rules: (dotted path of a function()).
SWEEPERS: list[str] = [
    "aijobs.sweep.settle_expired_holds",
    "aijobs.sweep.fail_abandoned_jobs",
    "aijobs.alert_log.forget_old_alerts",
    "sandbox.idempotency.forget_expired",
    "metrics.nightly.close_days",
    "metrics.import_jobs.forget_expired",
]
# Upward port of metrics (docs/decisions/0001): called inside the caller's transaction.
EVENT_SINK = "aijobs.jobs.open_jobs"
# The other one: tells somebody what is wrong with a store's data, within the transaction.
ALERT_SINK = "aijobs.alerts.raise_site_alert"
# Upward port of sandbox: tells open pages that a business date changed, after commit.
CONTEXT_SINK = "aijobs.events.announce_context_change"
# Upward port of sandbox: shadows a store's tables by what had been recorded by known_at.
KNOWN_AT_PORT = "metrics.known.shadow_tables"

# --- AI ----------------------------------------------------------------------------------------
AI_PROVIDERS = ("rules", "dashscope", "openai")
AI_PROVIDER = env.str("AI_PROVIDER", default="rules")
AI_CONCURRENCY = env.int("AI_CONCURRENCY", default=16)
DASHSCOPE_BASE_URL = env.str("DASHSCOPE_BASE_URL", default="https://dashscope.aliyuncs.com")
DASHSCOPE_API_KEY = secret("DASHSCOPE_API_KEY")


def by_app(prefix: str) -> dict[str, str]:
    """A variable for each AI app, by the app: DASHSCOPE_APP_ID_APP3_CLUE, ..."""
    return {
        name.removeprefix(prefix).lower(): value
        for name, value in env.ENVIRON.items()
        if name.startswith(prefix)
    }


# One application of the provider for each AI app.
DASHSCOPE_APP_IDS = by_app("DASHSCOPE_APP_ID_")
OPENAI_BASE_URL = env.str("OPENAI_BASE_URL", default="https://api.openai.com/v1")
OPENAI_API_KEY = secret("OPENAI_API_KEY")
# Of all apps that have none of their own.
OPENAI_MODEL = env.str("OPENAI_MODEL", default="")
OPENAI_MODELS = by_app("OPENAI_MODEL_")

# --- Logging -----------------------------------------------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "zqyy.logs.formatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "django_structlog": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        "django-q": {"level": "WARNING"},
        "uvicorn.access": {"level": "WARNING"},
    },
}

if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
