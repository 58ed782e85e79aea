"""A camera on this machine: MPEG-TS by TCP, one row of frames a connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress


@contextmanager
def serving(parts: Sequence[bytes], port: int = 0) -> Iterator[str]:
    """Give the first caller the first part and hang up, and so on; later callers are refused. Gives the address."""
    server = socket.create_server(("127.0.0.1", port))
    location = server.getsockname()
    over = threading.Event()

    def work() -> None:
        with server:
            for part in parts:
                caller, _ = server.accept()
                with caller, suppress(OSError):
                    if over.is_set():
                        return
                    caller.sendall(part)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{location[1]}"
    finally:
        over.set()
        with suppress(OSError):  # wakes it, if it waits for a caller
            socket.create_connection(location).close()
        thread.join()
