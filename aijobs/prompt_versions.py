"""Prompts in versions: ONLY writer of Prompt. The newest counts, from the next call on.

An app's file is its first version; from then on the rows are the truth.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps as current_apps
from django.apps.registry import Apps
from django.db import connection, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from aijobs.ai_apps.base import PLACE_OF_FEATURES, AIApp
from aijobs.errors import PromptError
from aijobs.models import Prompt
from aijobs.registry import AI_APPS, find_app
from sandbox.audit import record_change
from sandbox.context import forget_kept, kept_in_context
from sandbox.errors import BadRequest

MOST_CHARACTERS = 20_000
# What the features take the place of, wherever it stands.
_FEATURES = PLACE_OF_FEATURES.split("\n")[1]


def newest_prompt(app: AIApp) -> Prompt:
    """The version in force, for the output that this release reads; read once in a context.

    Raises:
        PromptError: there is none.
    """
    kept, name = kept_in_context(), f"prompt of {app.key}"
    if name not in kept:
        versions = Prompt.objects.filter(app=app.key, output_version=app.output_version)
        kept[name] = versions.order_by("-version").first()
    prompt: Prompt | None = kept[name]
    if prompt is None:
        raise PromptError(f"{app.key} has no prompt for output version {app.output_version}")
    return prompt


def clean_template(template: str) -> str:
    """A template as it would be kept.

    Raises:
        BadRequest: it is too long, or does not keep what is data apart from what is asked.
    """
    template = template.replace("\r\n", "\n")
    problem = ""
    if template.count(PLACE_OF_FEATURES) != 1:
        problem = _("The template must contain these three lines exactly once:\n%(lines)s") % {
            "lines": PLACE_OF_FEATURES
        }
    elif template.count(_FEATURES) != 1:
        problem = _("%(features)s may stand nowhere but in these three lines:\n%(lines)s") % {
            "features": _FEATURES,
            "lines": PLACE_OF_FEATURES,
        }
    elif len(template) > MOST_CHARACTERS:
        problem = _("At most %(most)s characters.") % {"most": MOST_CHARACTERS}
    if problem:
        raise BadRequest(problem, fields={"template": [problem]})
    return template


def add_prompt(*, app: str, template: str, note: str, actor_id: int | None) -> Prompt:
    """Make a template an app's newest version.

    Raises:
        BadRequest: there is no such app, or it is no template (clean_template).
    """
    declared, template = find_app(app), clean_template(template)
    with transaction.atomic():
        with connection.cursor() as cursor:
            # One author at a time for each app: numbers have no gaps and no doubles.
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"prompts|{declared.key}"]
            )
        last = Prompt.objects.filter(app=declared.key).aggregate(last=Max("version"))["last"]
        prompt = Prompt.objects.create(
            app=declared.key,
            version=(last or 0) + 1,
            template=template,
            output_version=declared.output_version,
            author_id=actor_id,
            note=note,
        )
        forget_kept()
        record_change(
            action="prompt_added",
            subject=prompt,
            site_id=None,
            actor_id=actor_id,
            before={"version": last},
            after={"app": prompt.app, "version": prompt.version, "note": note},
        )
    return prompt


def seed_prompts(*, apps: Apps = current_apps, **kwargs: Any) -> None:
    """Give every app that has none for its output the version of its file; changes nothing twice.

    After every migrate rather than in a migration: a flush empties this table too.
    """
    try:
        prompts = apps.get_model("aijobs", "Prompt").objects
    except LookupError:
        return  # migrated only up to a point before prompts
    last = dict(prompts.values_list("app").annotate(Max("version")))
    served = set(prompts.values_list("app", "output_version"))
    prompts.bulk_create(
        [
            prompts.model(
                app=app.key,
                version=last.get(app.key, 0) + 1,
                template=app.first_prompt(),
                output_version=app.output_version,
            )
            for app in AI_APPS.values()
            if (app.key, app.output_version) not in served
        ],
        # Two servers that start at once.
        ignore_conflicts=True,
    )
