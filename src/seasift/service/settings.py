"""Everything that may be set about a server: by option, by environment variable, or left alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from seasift.core.errors import InputError, expected

PREFIX = "SEASIFT_"
_PORT = re.compile(r"(?<=[^:]):\d*$")
_LOOPBACK = re.compile(r"127(\.\d{1,3}){3}|::1|localhost")

_Count = Annotated[int, Field(ge=1)]
_Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class ServiceSettings(BaseSettings):
    """One server's settings. Without a value, `request_bytes` is read from `SEASIFT_REQUEST_BYTES`, and so on."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=PREFIX, env_ignore_empty=True)

    host: Annotated[str, Field(description="address to listen on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="0 takes a free one")] = 8000
    token: Annotated[SecretStr | None, Field(description="what clients must send as a bearer token")] = None
    open_to_all: Annotated[bool, Field(description="listen beyond this machine without a token")] = False
    cors_origins: Annotated[
        tuple[str, ...], NoDecode, Field(description="pages of other origins that may call; comma separated")
    ] = ()
    hosts: Annotated[
        tuple[str, ...], NoDecode, Field(description="names that requests may call this server by; * for any")
    ] = ()
    workers: Annotated[
        _Count, Field(le=64, description="threads that look at images, and processes that decode them")
    ] = 2
    batch: Annotated[_Count, Field(le=256, description="waiting images that run together")] = 1
    batch_delay_ms: Annotated[
        float, Field(ge=0, le=1000, description="how long an image waits for others")
    ] = 0
    request_bytes: Annotated[_Count, Field(description="of a whole request with images")] = 64 << 20
    uploads_bytes: Annotated[_Count, Field(description="of all requests with images under way")] = 1 << 30
    request_s: Annotated[_Seconds, Field(description="for a whole request, its upload included")] = 60
    connections: Annotated[_Count, Field(description="open at one time; more are turned away")] = 500
    header_s: Annotated[
        _Seconds, Field(description="from the first byte of a connection to the end of a request's head")
    ] = 10
    image_pixels: Annotated[_Count, Field(description="of an image, by its header")] = 100_000_000
    decode_s: Annotated[
        _Seconds, Field(description="for decoding an image, or for each step of decoding a video")
    ] = 20
    decode_bytes: Annotated[
        int, Field(ge=64 << 20, description="memory that decoding an image or video may take (Linux)")
    ] = 2 << 30
    stuck_s: Annotated[
        _Seconds, Field(description="all workers at one image for so long: /readyz says no")
    ] = 5
    images_per_request: _Count = 64
    queue_images: Annotated[_Count, Field(description="images of requests that may wait")] = 256
    jobs: Annotated[Path | None, Field(description="folder that keeps jobs; without it there are none")] = (
        None
    )
    jobs_per_client: Annotated[_Count, Field(description="unfinished at one time")] = 4
    job_upload_bytes: Annotated[_Count, Field(description="of an archive or video")] = 2 << 30
    job_upload_s: Annotated[_Seconds, Field(description="for uploading it")] = 1800
    job_unpacked_bytes: Annotated[_Count, Field(description="of all images in an archive")] = 8 << 30
    job_images: Annotated[_Count, Field(description="images or frames of a job")] = 20_000
    jobs_age_s: Annotated[_Seconds, Field(description="results older than this are removed")] = 7 * 86400
    jobs_bytes: Annotated[_Count, Field(description="of all jobs; the oldest results go first")] = 20 << 30
    drain_s: Annotated[
        float, Field(ge=0, le=600, description="from SIGTERM until no new connection is taken")
    ] = 1.0

    @field_validator("cors_origins", "hosts", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("token")
    @classmethod
    def _worth_having(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 8:
            raise ValueError("a token of fewer than 8 characters; give a longer one")
        return value

    @model_validator(mode="after")
    def _possible(self) -> ServiceSettings:
        if self.request_bytes > self.uploads_bytes:
            raise ValueError(
                f"request_bytes {self.request_bytes} is more than uploads_bytes {self.uploads_bytes}; "
                "such a request could never be taken"
            )
        if self.images_per_request > self.queue_images:
            raise ValueError(
                f"images_per_request {self.images_per_request} is more than queue_images "
                f"{self.queue_images}; such a request could never be taken"
            )
        return self

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return _LOOPBACK.fullmatch(self.host) is not None

    def answers_to(self, header: str) -> bool:
        """Whether a request with this Host header is meant for this server.

        A page of the web may have its own name lead to 127.0.0.1 and then call as if it were of this origin
        (DNS rebinding); the name in the header gives it away. Without `hosts`, a server that listens on loopback
        answers to loopback's names, any other to all.
        """
        if "*" in self.hosts or not (self.hosts or self.loopback):
            return True
        name = _PORT.sub("", header.strip()).strip("[]").rstrip(".").lower()
        return name in {host.lower() for host in self.hosts} or _LOOPBACK.fullmatch(name) is not None


def read_settings(given: Mapping[str, Any]) -> ServiceSettings:
    """Settings from what was given, then from the environment, then the defaults.

    Raises:
        InputError: an unknown or impossible setting.
    """
    for name in given:
        if name not in ServiceSettings.model_fields:
            raise InputError(
                f"--set {name}: no such setting; {expected(name, ServiceSettings.model_fields)}."
            )
    try:
        return ServiceSettings(**given)
    except ValidationError as error:
        raise InputError(_in_words(error)) from None


def _in_words(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_context=False)[0]
    location = ".".join(str(part) for part in problem["loc"])
    got = "" if not location or location == "token" else f" got {problem['input']!r};"
    return f"{location or 'settings'}:{got} {problem['msg'].removeprefix('Value error, ')}."


def check_reach(settings: ServiceSettings) -> str | None:
    """Hold address and token to each other.

    Returns:
        A warning, if all the network may use the server.
    Raises:
        InputError: an address beyond this machine without a token, and nobody said that this is meant.
    """
    if settings.loopback or settings.token:
        return None
    if not settings.open_to_all:
        raise InputError(
            f"--host {settings.host} without a token would let anyone who reaches this machine use it. "
            f"Set {PREFIX}TOKEN, or say --open-to-all."
        )
    return f"{settings.host}:{settings.port} answers anyone who reaches this machine: no token is set."
