"""Sending to the channel layer."""

from __future__ import annotations

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from aijobs.broadcast import Broadcaster


def test_a_message_that_cannot_be_sent_does_not_silence_those_after_it():
    @async_to_sync
    async def scene() -> dict:
        layer = get_channel_layer()
        channel = await layer.new_channel()
        await layer.group_add("site.1", channel)
        broadcaster = Broadcaster()
        broadcaster.send("site.1", {"type": "hint", "text": "\ud83d"})
        broadcaster.send("site.1", {"type": "hint", "text": "😀"})
        assert broadcaster.flush(20)
        return await layer.receive(channel)

    assert scene() == {"type": "hint", "text": "😀"}
