"""The files that make and start the image name things that exist. `make test-image` builds it and tries it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from seasift.service.settings import PREFIX, ServiceSettings, read_settings

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def _service(name: str) -> dict[str, Any]:
    service: dict[str, Any] = yaml.safe_load((ROOT / name).read_text())["services"]["seasift"]
    return service


def test_settings_that_are_set_for_the_container_exist() -> None:
    named = {*_service("compose.yaml")["environment"], *re.findall(rf"({PREFIX}\w+)=", DOCKERFILE)}
    assert len(named) > 3
    assert {name.removeprefix(PREFIX).lower() for name in named} <= set(ServiceSettings.model_fields)


def test_compose_makes_a_server_that_answers_to_this_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any variable set, the values in compose.yaml and the Dockerfile are settings that the server takes."""
    service = _service("compose.yaml")
    given = {name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", text) for name, text in service["environment"].items()}
    baked = dict(re.findall(rf"({PREFIX}\w+)=(\S+)", DOCKERFILE))
    for name, value in {**baked, **given}.items():
        monkeypatch.setenv(name, value)
    settings = read_settings({})
    assert settings.token is None
    assert settings.open_to_all
    assert settings.answers_to("127.0.0.1:8000")
    assert settings.answers_to("localhost:8000")
    assert not settings.answers_to("rebound.example:8000")
    assert service["ports"] == [f"${{SEASIFT_PUBLISH:-127.0.0.1:{settings.port}}}:{settings.port}"]
    assert service["volumes"] == [f"jobs:{settings.jobs}"]
    assert service["read_only"]


def test_the_gpu_variant_asks_for_what_the_build_knows() -> None:
    gpu = _service("compose.gpu.yaml")
    assert set(gpu["build"]["args"]) <= set(re.findall(r"^ARG (\w+)", DOCKERFILE, re.M))
    extras = re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(), re.M)
    assert gpu["build"]["args"]["EXTRA"] in extras
    settings = [
        value.split("=")
        for flag, value in zip(gpu["command"], gpu["command"][1:], strict=False)
        if flag == "--set"
    ]
    assert settings
    read_settings(dict(settings))


def test_the_build_sees_each_file_that_it_copies() -> None:
    """.dockerignore hides everything that it does not name after "!"."""
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M)
    seen = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.M)
    copied = [name for line in lines for name in line.split()]
    assert copied
    for name in copied:
        assert (ROOT / name).exists()
        assert name in seen
