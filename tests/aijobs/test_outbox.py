"""Who does not read is given up."""

from __future__ import annotations

import asyncio

import pytest

from aijobs import outbox
from aijobs.outbox import Dropped, Outbox


async def never(text: str) -> None:
    await asyncio.Event().wait()


async def broken(text: str) -> None:
    raise OSError("gone")


def run(scene):
    return asyncio.run(scene)


def test_texts_are_sent_in_order():
    async def scene() -> list[str]:
        sent: list[str] = []
        done = asyncio.Event()

        async def send(text: str) -> None:
            sent.append(text)
            if len(sent) == 3:
                done.set()

        box = Outbox(send)
        for text in "abc":
            box.offer(text)
        sending = asyncio.ensure_future(box.run())
        await done.wait()
        sending.cancel()
        return sent

    assert run(scene()) == ["a", "b", "c"]


def test_a_full_queue_ends_the_connection():
    async def scene() -> None:
        box = Outbox(never)
        for _ in range(outbox.QUEUE_LENGTH):
            box.offer("x")
        box.offer("one too many")

    with pytest.raises(Dropped) as caught:
        run(scene())
    assert caught.value.reason == "queue_full"


@pytest.mark.parametrize(
    ("send", "reason"), [(never, "send_timeout"), (broken, "send_error")], ids=["silent", "gone"]
)
def test_a_text_that_cannot_be_sent_ends_the_connection(send, reason, monkeypatch):
    monkeypatch.setattr(outbox, "SEND_SECONDS", 0.1)

    async def scene() -> None:
        box = Outbox(send)
        box.offer("x")
        await box.run()

    with pytest.raises(Dropped) as caught:
        run(scene())
    assert caught.value.reason == reason


def test_a_long_catch_up_waits_for_room_instead():
    async def scene() -> bool:
        box = Outbox(never)
        for _ in range(outbox.QUEUE_LENGTH):
            box.offer("x")
        waiting = asyncio.ensure_future(box.put("later"))
        await asyncio.sleep(0)
        is_waiting = not waiting.done()
        waiting.cancel()
        return is_waiting

    assert run(scene())
