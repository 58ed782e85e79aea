"""The map of ARCHITECTURE.md: who may import whom, and what must not be loaded at start."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import seasift

ROOT = Path(seasift.__file__).parent
ROOMS = {entry.name for entry in ROOT.iterdir() if (entry / "__init__.py").exists()}
MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "data": {"core"},
    "runtime": {"core"},
    "formats": {"core"},
    "prediction": {"core", "runtime", "formats"},
    "evaluation": {"core", "data", "runtime"},
    "survey": {"core", "runtime", "formats"},
    "review": {"core", "runtime", "formats", "survey"},
    "service": {"core", "data", "runtime", "formats", "prediction", "evaluation", "review"},
    "models": {"core"},
    "training": ROOMS - {"cli", "service"},
    "export": ROOMS - {"cli", "service"},
    "speed": {"core", "runtime", "formats", "evaluation"},
    "cli": ROOMS,
}
HEAVY = ("torch", "torchvision", "lightning", "matplotlib", "pycocotools")
CORE_LIBRARIES = {"numpy", "cv2", "hotcoco"}


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_every_room_is_on_the_map() -> None:
    assert set(MAY_IMPORT) >= ROOMS - {"recipes", "weights"}


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_rooms_import_only_what_the_map_allows(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        for name in imports_of(path):
            parts = name.split(".")
            if parts[0] == "seasift" and len(parts) > 1 and parts[1] in ROOMS:
                assert parts[1] in MAY_IMPORT[room] | {room}, f"{path.relative_to(ROOT)} imports {name}"


def test_core_rests_on_few_libraries() -> None:
    for path in (ROOT / "core").rglob("*.py"):
        outside = {name.split(".")[0] for name in imports_of(path)} - {"seasift"} - sys.stdlib_module_names
        assert outside <= CORE_LIBRARIES, path


def modules_of(room: str) -> list[str]:
    files = [p.relative_to(ROOT.parent).with_suffix("") for p in (ROOT / room).rglob("*.py")]
    return sorted({".".join(p.parts).removesuffix(".__init__") for p in files})


@pytest.mark.parametrize(
    "room",
    [
        "core",
        "data",
        "runtime",
        "formats",
        "prediction",
        "evaluation",
        "survey",
        "review",
        "speed",
        "service",
        "cli",
    ],
)
def test_loading_a_room_loads_nothing_heavy(room: str) -> None:
    code = "; ".join(
        [
            "import sys, importlib",
            f"[importlib.import_module(name) for name in {modules_of(room)!r}]",
            f"print(*sorted(set({HEAVY!r}) & set(sys.modules)))",
        ]
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_recipes_are_read_without_torch() -> None:
    code = "import sys, seasift.training.recipe as r; r.load_recipe('yolact-resnet50'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
