"""What the sockets of the API are set to."""

import socket

from api.server import _listen


def test_answers_are_sent_at_once() -> None:
    listener = _listen("127.0.0.1", 0)
    with socket.create_connection(listener.getsockname()[:2]), listener:
        listener.setblocking(True)
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
