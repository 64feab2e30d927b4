from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator


@pytest.mark.django_db(transaction=True)
def test_a_socket_at_another_address_is_closed():
    from zqyy.asgi import application  # checks the database on import

    async def open_socket() -> dict[str, object]:
        socket = ApplicationCommunicator(
            application, {"type": "websocket", "path": "/ws/nothing/", "headers": []}
        )
        await socket.send_input({"type": "websocket.connect"})
        return await socket.receive_output(5)

    assert async_to_sync(open_socket)() == {"type": "websocket.close", "code": 4404}
