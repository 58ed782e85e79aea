"""A camera on this machine: MPEG-TS by TCP, one row of frames a connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def serving(parts: Sequence[bytes]) -> Iterator[str]:
    """Give the first caller the first part and hang up, and so on; later callers are refused. Gives the address."""
    server = socket.create_server(("127.0.0.1", 0))

    def work() -> None:
        for part in parts:
            try:
                caller, _ = server.accept()
            except OSError:
                return
            with caller:
                caller.sendall(part)
        server.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
    finally:
        server.close()
        thread.join(5)
