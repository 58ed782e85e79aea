"""Settings by option and environment, and who may reach the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from seasift.core.errors import InputError
from seasift.service.settings import ServiceSettings, check_reach, read_settings


def test_options_count_more_than_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"SEASIFT_PORT": "9000", "SEASIFT_REQUEST_BYTES": "123", "SEASIFT_JOBS": "", "PORT": "1"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = read_settings({"port": 9001, "cors_origins": "https://a.example, https://b.example"})
    assert (settings.port, settings.request_bytes, settings.jobs) == (9001, 123, None)
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    monkeypatch.setenv("SEASIFT_JOBS", "x")
    monkeypatch.setenv("SEASIFT_HOSTS", "sea.example,lab.example")
    assert read_settings({}).jobs == Path("x")
    assert read_settings({}).hosts == ("sea.example", "lab.example")


def test_a_wrong_variable_of_the_environment_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEASIFT_PORT", "a door")
    with pytest.raises(InputError, match="port: got 'a door'"):
        read_settings({})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"request_byte": "1"}, "did you mean request_bytes?"),
        ({"request_s": "nan"}, "request_s: got 'nan'"),
        ({"workers": "0"}, "workers: got '0'"),
        ({"queue_images": "3"}, "could never be taken"),
        ({"uploads_bytes": "10"}, "could never be taken"),
        ({"token": "short"}, "fewer than 8 characters"),
    ],
)
def test_wrong_settings_are_named(given: dict[str, str], words: str) -> None:
    with pytest.raises(InputError) as caught:
        read_settings(given)
    assert words in str(caught.value)
    assert "'short'" not in str(caught.value), "a token is never shown"


def test_the_documentation_names_every_setting() -> None:
    text = (Path(__file__).parents[2] / "docs" / "reference" / "service.md").read_text(encoding="utf-8")
    assert [name for name in ServiceSettings.model_fields if f"`{name}`" not in text] == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_this_machine_needs_no_token(host: str) -> None:
    assert check_reach(ServiceSettings(host=host)) is None


def test_beyond_this_machine_there_is_a_token_or_a_warning() -> None:
    with pytest.raises(InputError, match="--open-to-all"):
        check_reach(ServiceSettings(host="0.0.0.0"))
    assert check_reach(ServiceSettings(host="0.0.0.0", token="long-enough")) is None
    assert "answers anyone" in (check_reach(ServiceSettings(host="0.0.0.0", open_to_all=True)) or "")
    with pytest.raises(InputError, match="--open-to-all"):
        check_reach(ServiceSettings(host="localhost.example.org"))
