"""The map of ARCHITECTURE.md: who may import whom, and what must not be loaded at start."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import seasift

ROOT = Path(seasift.__file__).parent
ROOMS = {entry.name for entry in ROOT.iterdir() if (entry / "__init__.py").exists()}
# fmt: off
ORDER = (
    "core", "recipes", "data", "formats", "video", "isolation", "tracking", "viz", "modelfile", "inference", "prediction",
    "models", "evaluation",
    "labelling", "survey", "review", "speed", "service", "export", "training", "adaptation", "cli",
)
# fmt: on
"""A room imports only rooms before it."""
HEAVY = ("torch", "torchvision", "lightning", "matplotlib", "pycocotools")
CORE_LIBRARIES = {"PIL", "cv2", "hotcoco", "jinja2", "numpy", "pydantic_core", "simplejpeg", "yaml"}


def paths_of(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def modules_of(room: str) -> list[str]:
    """Names of the modules in the order of `paths_of`."""
    files = [path.relative_to(ROOT.parent).with_suffix("") for path in paths_of(room)]
    return [".".join(file.parts).removesuffix(".__init__") for file in files]


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
    assert set(ORDER) == ROOMS


def circle_in(graph: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """One circle of a graph of imports; empty without any."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return tuple(error.args[1])
    return ()


def imports_between_modules() -> dict[str, set[str]]:
    """Every module to those that it imports anywhere: in functions and for type checkers, too.

    A package stands for its `__init__`; importing a module of it does not count as an import of that.
    """
    modules = {
        name: path for room in ROOMS for name, path in zip(modules_of(room), paths_of(room), strict=True)
    }
    graph = {}
    for module, path in modules.items():
        found = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    submodule = f"{node.module}.{alias.name}"
                    found.add(submodule if submodule in modules else node.module or "")
        graph[module] = (found & set(modules)) - {module}
    return graph


def test_circles_are_found() -> None:
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert not circle_in({"a": {"b", "c"}, "b": {"c"}})


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle_in(imports_between_modules()) == ()


def test_no_rooms_import_each_other_in_a_circle() -> None:
    rooms: dict[str, set[str]] = {room: set() for room in ROOMS}
    for module, imported in imports_between_modules().items():
        room = module.split(".")[1]
        rooms[room] |= {name.split(".")[1] for name in imported} - {room}
    assert circle_in(rooms) == ()


def test_a_class_name_is_used_once() -> None:
    places: dict[str, list[str]] = {}
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


@pytest.mark.parametrize("room", ORDER)
def test_rooms_import_only_rooms_before_them(room: str) -> None:
    allowed = ORDER[: ORDER.index(room) + 1]
    for path in (ROOT / room).rglob("*.py"):
        for name in imports_of(path):
            parts = name.split(".")
            if parts[0] == "seasift" and len(parts) > 1 and parts[1] in ROOMS:
                assert parts[1] in allowed, f"{path.relative_to(ROOT)} imports {name}"


def test_core_rests_on_few_libraries() -> None:
    for path in (ROOT / "core").rglob("*.py"):
        outside = {name.split(".")[0] for name in imports_of(path)} - {"seasift"} - sys.stdlib_module_names
        assert outside <= CORE_LIBRARIES, path


@pytest.mark.parametrize(
    "room",
    [room for room in ORDER if room not in ("models", "training", "export", "adaptation")],
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


@pytest.mark.parametrize("module", ["card", "card_page", "complete", "quantize"])
def test_cards_and_smaller_files_need_no_torch(module: str) -> None:
    code = f"import sys, seasift.export.{module}; print(*sorted({{'torch', 'torchvision', 'lightning'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_recipes_are_read_without_torch() -> None:
    code = "import sys, seasift.recipes.recipe as r; r.load_recipe('yolact-resnet50'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
