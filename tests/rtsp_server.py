"""A camera on this machine that speaks RTSP: GStreamer's own server, in a process of its own.

It needs Debian's packages `gir1.2-gst-rtsp-server-1.0`, `python3-gi`, `gstreamer1.0-plugins-base`, `-good` and `-bad`, which
belong to the system's Python; the process is run by that.
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Self

PACKAGES = "gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-{base,good,bad}"

_IMPORTS = """
import sys
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
"""
_NEEDED = ("qtdemux", "h264parse", "rtph264pay")
_PROBE = f"{_IMPORTS}\nsys.exit(not all(Gst.ElementFactory.find(name) for name in {_NEEDED}))"
_SERVE = f"""{_IMPORTS}
path, port, user = sys.argv[1:]
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(port)
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(f'( filesrc location="{{path}}" ! qtdemux ! h264parse config-interval=-1 ! rtph264pay name=pay0 pt=96 )')
if user:
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth = GstRtspServer.RTSPAuth()
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(*user.split(":")), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("user", "media.factory.access", True)
    permissions.add_permission_for_role("user", "media.factory.construct", True)
    factory.set_permissions(permissions)
server.get_mount_points().add_factory("/main", factory)
if not server.attach(None):
    sys.exit("the port is taken")
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
"""


@cache
def python() -> str | None:
    """A Python that has GStreamer's server; None if there is none."""
    for name in (sys.executable, "/usr/bin/python3"):
        if Path(name).exists() and not subprocess.run([name, "-c", _PROBE], capture_output=True).returncode:
            return name
    return None


class Camera:
    """Sends an MP4 of H.264 in its own time, from the beginning to each caller. Use as a context manager."""

    def __init__(self, path: Path, user: str = "") -> None:
        """`user` as `name:password`, if one is asked for."""
        self._path, self._user, self._port = path, user, "0"

    def __enter__(self) -> Self:
        self.switch_on()
        return self

    def __exit__(self, *_: object) -> None:
        self.switch_off()

    def switch_on(self) -> None:
        """At the port where it was before, if it was."""
        name = python()
        assert name, PACKAGES
        command = [name, "-c", _SERVE, str(self._path), self._port, self._user]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self._port = self._process.stdout.readline().strip()
        assert self._port, "the server did not start"

    def switch_off(self) -> None:
        """At once, as when a cable is cut."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"rtsp://127.0.0.1:{self._port}/main"
