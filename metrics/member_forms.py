"""The small forms about a member: a task, a contact, their wish for quiet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy

from metrics.models import CoachTask, CoachTaskEvent
from metrics.wording import CHANNELS

MAY_ASSIGN = "metrics.add_coachtask"
MAY_CONTACT = "metrics.add_contact"
MAY_CHANGE_CONSENT = "metrics.change_member"
_SHORT = forms.Textarea(attrs={"rows": 3})


class _WithAssistant(forms.Form):
    """A form with the store's assistants to choose from, or nobody in particular."""

    def __init__(self, *args: Any, assistants: Mapping[int, str], **kwargs: Any) -> None:
        # A page shows several of them: labels hold their fields, ids would be there twice.
        kwargs["auto_id"] = False
        super().__init__(*args, **kwargs)
        chosen = cast(forms.ChoiceField, self.fields["assistant"])
        chosen.choices = [("", self.nobody), *assistants.items()]

    nobody: Any = "—"

    @property
    def assistant_id(self) -> int | None:
        chosen = self.cleaned_data["assistant"]
        return int(chosen) if chosen else None


class TaskForm(_WithAssistant):
    nobody = gettext_lazy("each member's own assistant")

    kind = forms.ChoiceField(label=gettext_lazy("kind"), choices=CoachTask.Kind.choices)
    assistant = forms.ChoiceField(label=gettext_lazy("assistant"), required=False)
    due_on = forms.DateField(
        label=gettext_lazy("due"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    reason = forms.CharField(
        label=gettext_lazy("note"), required=False, max_length=300, widget=_SHORT
    )


class ContactForm(_WithAssistant):
    channel = forms.ChoiceField(label=gettext_lazy("channel"), choices=CHANNELS.items)
    outcome = forms.ChoiceField(
        label=gettext_lazy("outcome"), choices=CoachTaskEvent.Outcome.choices
    )
    assistant = forms.ChoiceField(label=gettext_lazy("assistant"), required=False)
    words = forms.CharField(
        label=gettext_lazy("words used"), required=False, max_length=500, widget=_SHORT
    )


class ConsentForm(forms.Form):
    do_not_contact = forms.TypedChoiceField(
        choices=[("1", ""), ("0", "")], coerce=lambda value: value == "1"
    )
