"""`import seasift`: what it names, what it costs, and what type checkers see."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import seasift

INIT = Path(seasift.__file__)
ROOMS = [
    "seasift",
    *(
        f"seasift.{room}"
        for room in (
            "core",
            "formats",
            "video",
            "viz",
            "inference",
            "prediction",
            "evaluation",
            "survey",
            "speed",
        )
    ),
]
USER_CODE = """
import numpy as np
import seasift

model: seasift.Model = seasift.load("default", precision="f32")
found: seasift.Instances = model("frame.jpg", threshold=0.3)
both: list[seasift.Instances] = model(["a.jpg", "b.jpg"])
first: seasift.Detection = found[0]
sure: seasift.Instances = found[found.scores > 0.5]
names: list[str] = [obj.name for obj in found[:2]]
sure.plot(seasift.read_image("frame.jpg")).save("out.jpg")
for frame in seasift.open_video("dive.mp4", every="1s", start=2):
    found = model(frame.image)
result = seasift.predict(["dive/"], every="2s", output="found/", formats=["json"])
files: list[str] = [image.file for image in result.images]
report = seasift.convert("a.json", "b.csv", to="viame-csv")
try:
    pass
except (seasift.InputError, seasift.NotFoundError, seasift.SeasiftError):
    pass
"""
WRONG_CODE = """
import seasift

seasift.load()("frame.jpg", treshold=0.3)
seasift.predict(["dive/"], evry="2s")
seasift.load(precision=16)
"""


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_import_is_quick_and_loads_nothing() -> None:
    code = (
        "import sys, time; t = time.process_time(); import seasift; t = time.process_time() - t;"
        "print(t, *({'numpy', 'cv2', 'pydantic', 'typing_extensions', 'seasift.core'} & set(sys.modules)))"
    )
    seconds, *loaded = run_python(code).split()
    assert float(seconds) < 0.05
    assert loaded == []


def test_every_name_is_there_and_documented() -> None:
    assert set(dir(seasift)) >= set(seasift.__all__) - {"__version__"}
    for name in seasift.__all__:
        value = getattr(seasift, name)
        assert name == "__version__" or inspect.getdoc(value)


def test_imports_for_type_checkers_table_and_all_agree() -> None:
    (guarded,) = [node for node in ast.parse(INIT.read_text("utf-8")).body if isinstance(node, ast.If)]
    seen = {
        alias.asname: f"{node.module}:{alias.name}"
        for node in guarded.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("seasift")
        for alias in node.names
    }
    callable_packages = {name: f"{seasift._NAMES[name]}.api:{name}" for name in ("survey", "export")}
    assert seen == seasift._NAMES | callable_packages
    assert set(seasift.__all__) == set(seen) | {"__version__"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="prodict"):
        seasift.prodict  # noqa: B018
    assert not hasattr(seasift, "load_model")


@pytest.mark.parametrize("name", ["survey", "export"])
def test_a_room_and_a_function_of_one_name_are_one(name: str) -> None:
    """Importing `a.b` sets `b` in `a`; the public functions survey and export must outlive that."""
    package = importlib.import_module(f"seasift.{name}")
    assert getattr(seasift, name) is package
    api = importlib.import_module(f"seasift.{name}.api")
    assert inspect.signature(package) == inspect.signature(getattr(api, name))  # type: ignore[arg-type]


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_room_offers_is_there(room: str) -> None:
    package = importlib.import_module(room)
    for name in package.__all__:
        assert getattr(package, name) is not None
        if room != "seasift" and name != room.rpartition(".")[2]:
            assert importlib.util.find_spec(f"{room}.{name}") is None, "a module would hide it"


def test_the_arguments_of_use_cases_are_the_fields_of_their_options() -> None:
    from seasift.prediction.options import PredictOptions

    arguments = inspect.signature(seasift.predict).parameters
    assert list(arguments) == list(inspect.signature(PredictOptions).parameters)
    assert arguments["every"].default == "1s"
    with pytest.raises(TypeError, match="evry"):
        seasift.predict("a.jpg", evry="2s")  # type: ignore[call-arg]


@pytest.mark.slow
def test_type_checkers_know_the_api(tmp_path: Path) -> None:
    (tmp_path / "right.py").write_text(USER_CODE, encoding="utf-8")
    (tmp_path / "wrong.py").write_text(WRONG_CODE, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        "--cache-dir",
        str(tmp_path / "cache"),
    ]
    right = subprocess.run([*command, "right.py"], cwd=tmp_path, capture_output=True, text=True)
    assert right.returncode == 0, right.stdout
    wrong = subprocess.run([*command, "wrong.py"], cwd=tmp_path, capture_output=True, text=True)
    lines = {line.split(":")[1] for line in wrong.stdout.splitlines() if ": error:" in line}
    assert lines == {"4", "5", "6"}, wrong.stdout
