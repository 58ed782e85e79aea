"""The machine of a measurement."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def describe_machine() -> dict[str, str | int]:
    """Processor, cores that this process may use, system and Python version."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
    }


def describe_hardware(engine: str | None) -> str:
    """The hardware that an engine computes on, in words."""
    machine = describe_machine()
    words = in_words(machine["processor"], machine["cores"])
    if engine and "cuda" in engine:
        words = f"{graphics_processor() or 'unnamed GPU'} beside {words}"
    return words


def in_words(processor: object, cores: object) -> str:
    """A processor and the number of its cores."""
    return f"{processor}, {cores} core{'' if cores == 1 else 's'}"


def graphics_processor(folder: Path = Path("/proc/driver/nvidia/gpus")) -> str | None:
    """Name of the first NVIDIA graphics processor, as its driver gives it; None without one."""
    for path in sorted(folder.glob("*/information")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "Model" and value.strip():
                return value.strip()
    return None


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
