"""What the service costs. Run: python benchmarks/service.py [--quick] [--model M] [--memory 5000]

Three subjects see the same images in turn, a round each, so that other work on the machine meets all of them alike:
the engine, a bare Predictor called in this process by as many threads as the service has workers (decode and predict; no
queue, no result document, no HTTP); `seasift serve` as a process of its own; and a naive twin: FastAPI with one inference a
request and nothing else, also a process. Prints pictures/s, p50 and p99 of a request for 1, 8 and 64 clients, and the two
ratios; then the server's resident memory over many requests (Linux). Clients are threads of this process: what they cost
is counted against the two servers. `cpu_ms` is what the subject's own process spent on an image, whoever else had the
machine meanwhile: where all cores are busy, throughput follows it.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, UploadFile
from memory import resident_mb

from seasift.core.image import decode_image
from seasift.evaluation.machine import describe_machine
from seasift.formats.document import image_entry
from seasift.inference.predictor import load_predictor
from seasift.service.settings import ServiceSettings
from seasift.speed.subjects import draw_images, given_images

Ask = Callable[[bytes], None]
_EDGE = "seasift-benchmark"


def naive_app(model: str) -> Any:
    """The twin: an image in, the document's objects out, one inference in the endpoint's thread."""
    predictor = load_predictor(model, precision="auto")  # as the server does
    app = FastAPI()

    @app.post("/v1/predict")
    def predict(files: UploadFile) -> Any:
        image = decode_image(files.file.read(), "a")
        info = predictor.info
        (found,) = predictor.predict(
            [image], threshold=info.threshold, max_objects=info.max_objects, class_ids=None
        )
        return image_entry("a", found, predictor.categories).model_dump()

    @app.get("/readyz")
    def ready() -> str:
        return "ok"

    return app


@contextmanager
def process(arguments: Sequence[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A server that answers /readyz, until the block ends."""
    started = subprocess.Popen(
        [sys.executable, *arguments], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        while True:
            if started.poll() is not None:
                sys.exit(f"{arguments} ended with {started.returncode}")
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
                break
            except (OSError, urllib.error.HTTPError):
                time.sleep(0.1)
        yield started
    finally:
        started.terminate()
        started.wait(90)


@contextmanager
def engine(model: str) -> Iterator[Callable[[], Ask]]:
    """A bare Predictor and the threads that call it; makes clients that wait for one of these."""
    predictor = load_predictor(model, precision="auto")  # as the server does
    info = predictor.info

    def look(pixels: bytes) -> None:
        image = decode_image(pixels, "a")
        predictor.predict([image], threshold=info.threshold, max_objects=info.max_objects, class_ids=None)

    with ThreadPoolExecutor(ServiceSettings().workers) as pool:
        yield lambda: lambda pixels: pool.submit(look, pixels).result()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def over_http(port: int) -> Callable[[], Ask]:
    """Make clients that keep their connection."""

    def client() -> Ask:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

        def ask(pixels: bytes) -> None:
            head = f'--{_EDGE}\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
            body = head.encode() + pixels + f"\r\n--{_EDGE}--\r\n".encode()
            kind = {"Content-Type": f"multipart/form-data; boundary={_EDGE}"}
            connection.request("POST", "/v1/predict", body, kind)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                sys.exit(f"{answer.status}: {text[:300]!r}")

        return ask

    return client


def round_of(
    client: Callable[[], Ask], loaded: Sequence[bytes], clients: int, count: int
) -> tuple[float, list[float]]:
    """Seconds of a round, and of each of its requests."""

    def run(number: int) -> list[float]:
        ask, spent = client(), []
        for turn in range(number, count, clients):
            begun = time.perf_counter()
            ask(loaded[turn % len(loaded)])
            spent.append(time.perf_counter() - begun)
        return spent

    with ThreadPoolExecutor(clients) as pool:
        begun = time.perf_counter()
        parts = list(pool.map(run, range(clients)))
        return time.perf_counter() - begun, [s for part in parts for s in part]


def cpu_s(pid: int) -> float:
    """Processor time that a process has spent (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def compare(
    subjects: dict[str, tuple[Callable[[], Ask], int]],
    loaded: Sequence[bytes],
    clients: int,
    count: int,
    rounds: int,
) -> dict[str, dict[str, float]]:
    """Rounds of all subjects, each with the process that it runs in, in turn; the first one does not count."""
    rates: dict[str, list[float]] = {name: [] for name in subjects}
    times: dict[str, list[float]] = {name: [] for name in subjects}
    cpu = dict.fromkeys(subjects, 0.0)
    for number in range(rounds + 1):
        for name, (client, pid) in subjects.items():
            before = cpu_s(pid)
            seconds, spent = round_of(client, loaded, clients, count if number else max(clients, 4))
            if number:
                rates[name].append(count / seconds)
                times[name] += spent
                cpu[name] += cpu_s(pid) - before
    found = {}
    for name in subjects:
        cuts = statistics.quantiles(times[name], n=100, method="inclusive")
        found[name] = {
            "pictures_s": statistics.median(rates[name]),
            "p50_ms": 1000 * cuts[49],
            "p99_ms": 1000 * cuts[98],
            "cpu_ms": 1000 * cpu[name] / count / rounds,
            "to_engine": statistics.median(r / e for r, e in zip(rates[name], rates["engine"], strict=True)),
            "to_naive": statistics.median(r / n for r, n in zip(rates[name], rates["naive"], strict=True)),
        }
    return found


def watch_memory(pid: int, client: Callable[[], Ask], loaded: Sequence[bytes], count: int) -> list[float]:
    """MB that the server holds after each tenth of so many requests by eight clients."""
    held = []
    for _ in range(10):
        round_of(client, loaded, 8, count // 10)
        held.append(resident_mb(pid) or 0)
    return held


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("images", nargs="*", help="images or folders; drawn ones without any")
    parser.add_argument("--model", default="default")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--count", type=int, default=256, help="requests in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", type=int, default=5000, help="requests of the look at memory; 0 for none")
    parser.add_argument("--quick", action="store_true", help="few requests, to see that it runs")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--naive", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.naive:
        uvicorn.run(naive_app(options.model), port=options.naive, log_level="warning")
        return
    if options.quick:
        options.count, options.rounds, options.memory = 16, 1, min(options.memory, 40)
    result = measure(options)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All of it, printed as it comes."""
    with tempfile.TemporaryDirectory() as name:
        chosen = (
            given_images(options.images, limit=100) if options.images else draw_images(Path(name) / "drawn")
        )
        loaded = [path.read_bytes() for path in chosen.paths]
    ours, naive = free_port(), free_port()
    result: dict[str, Any] = {"machine": describe_machine(), "pictures": chosen.what, "clients": {}}
    print(f"{result['machine']}\n{chosen.what}; load average {os.getloadavg()[0]:.1f}")
    serve = ["-m", "seasift", "serve", "--model", options.model, "--port", str(ours)]
    twin = [__file__, "--model", options.model, "--naive", str(naive)]
    with process(serve, ours) as server, process(twin, naive) as other, engine(options.model) as direct:
        subjects = {
            "engine": (direct, os.getpid()),
            "seasift": (over_http(ours), server.pid),
            "naive": (over_http(naive), other.pid),
        }
        for clients in options.clients:
            found = compare(subjects, loaded, clients, max(options.count, clients), options.rounds)
            result["clients"][clients] = found
            for subject, row in found.items():
                figures = "  ".join(f"{key} {value:8.2f}" for key, value in row.items())
                print(f"{clients:3} clients  {subject:8} {figures}", flush=True)
        if options.memory:
            result["memory_mb"] = watch_memory(server.pid, over_http(ours), loaded, options.memory)
            print(
                f"MB held after each tenth of {options.memory:,}: "
                + ", ".join(f"{held:.0f}" for held in result["memory_mb"])
            )
    return result


if __name__ == "__main__":
    main()
