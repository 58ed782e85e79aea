"""What every engine is to those who use it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from seasift.core.errors import EngineError
from seasift.core.types import Float32, Int64


@dataclass(frozen=True)
class Port:
    """An input or output of a graph; a dimension that is only known at run time is None."""

    name: str
    shape: tuple[int | None, ...]
    float32: bool


class Engine(Protocol):
    """A graph ready to run. `run` may be called from several threads."""

    name: str
    precision: str  # what the engine really computes in: f32, bf16, f16
    max_in_flight: int  # runs that may be under way together and gain by it
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    def run(self, batch: Float32, others: Sequence[Int64] = ()) -> dict[str, Float32]:
        """Outputs by name for a batch (B, 3, H, W), and the graph's further inputs if it has any, in order."""


@dataclass(frozen=True)
class EngineSettings:
    """How a graph is to run.

    Attributes:
        precision: what is asked for: "f32", "bf16" or "f16".
        threads: of the CPU; None leaves it to the engine.
        throughput: several runs beside each other on a core each, instead of one run on all cores: more
            images a second, and each takes longer.
    """

    precision: str = "f32"
    threads: int | None = None
    throughput: bool = False


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def engine_error(engine: str, precision: str, doing: str, error: Exception) -> EngineError:
    """An engine's own exception as one line with a remedy.

    Args:
        engine: its name.
        precision: what it computes in.
        doing: what failed, such as "run the model".
        error: what the engine raised.
    """
    ways = [
        *([] if precision == "f32" else ["--precision f32"]),
        "--engine openvino" if engine.startswith("onnxruntime") else "--engine onnxruntime",
    ]
    return EngineError(
        f"the engine {engine} cannot {doing} in {precision} on this machine ({last_line(error)}). "
        f"Use {' or '.join(ways)}."
    )


def last_line(error: Exception) -> str:
    """What an engine's error comes to."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:200]
