"""A disk that is full after so many bytes, while a video is written: one line, an exit code, no hang.

Run: python -m tests.attack.full_disk MODEL VIDEO FOLDER SIZE... Prints size, exit code and seconds of each run; -1 for one that
did not end. Each run is a fork of this process, which has loaded the program and has no threads yet.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

SECONDS = 30.0


def child(arguments: list[str], size: int, log: Path) -> None:
    """Become a run of `seasift` that can write no file beyond a size."""
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then a write fails, as on a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    sys.argv = ["seasift", *arguments]
    from seasift.cli.main import main

    main()


def ended(pid: int) -> int:
    """The exit code of a process; -1 if it had to be killed."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return -1


def main() -> None:
    """Run all sizes."""
    model, video, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    sys.dont_write_bytecode = True  # half a module would be kept
    import seasift.cli.main
    import seasift.inference.predictor
    import seasift.prediction.run
    import seasift.video.writing  # noqa: F401

    for size in map(int, sys.argv[4:]):
        log, out = folder / f"{size}.log", folder / f"{size}"
        arguments = [
            "predict",
            video,
            "--every",
            "1",
            "--model",
            model,
            "-f",
            "video",
            "-o",
            str(out / "a.mp4"),
        ]
        begun = time.monotonic()
        pid = os.fork()
        if pid == 0:
            child(arguments, size, log)
        code = ended(pid)
        left = [path.name for path in out.glob("*")] if out.exists() else []
        text = log.read_text(errors="replace")
        print(
            json.dumps(
                {"size": size, "code": code, "s": time.monotonic() - begun, "left": left, "text": text}
            )
        )


if __name__ == "__main__":
    main()
