"""Words for codes that facts carry."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

CHANNELS = {
    "wechat": _("WeChat"),
    "phone": _("phone"),
    "sms": _("text message"),
    "in_person": _("in person"),
}


def channel_word(channel: str) -> str:
    """How a member was reached, in a word; a till's own word stays what it is."""
    return str(CHANNELS.get(channel, channel))
