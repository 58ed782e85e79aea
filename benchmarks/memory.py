"""Memory of `seasift predict` over many images. Run: python benchmarks/memory.py [PICTURES…] [options of predict]

Starts the command on as many images as asked for (those given, again and again under new names; drawn ones without
any), reads its resident memory from /proc while it works, and prints how that went, a line for each tenth of the way.
Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from seasift.evaluation.machine import describe_machine
from seasift.speed.subjects import draw_images, given_images


def many(images: list[Path], count: int, folder: Path) -> None:
    """Give `count` names to the images, in turn."""
    folder.mkdir()
    for number in range(count):
        source = images[number % len(images)]
        index = folder / f"{number:06}{source.suffix}"
        try:
            os.link(source.resolve(), index)
        except OSError:  # another disk
            shutil.copyfile(source, index)


def resident_mb(pid: int) -> float | None:
    """MB of memory that a process holds; None if it is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return None


def done_lines(journal: Path) -> int:
    """Images that are finished, by the journal; its first line is about settings."""
    try:
        return max(journal.read_bytes().count(b"\n") - 1, 0)
    except OSError:
        return 0


def watch(command: list[str], journal: Path, every_s: float) -> list[tuple[int, float]]:
    """Run a command; (images done, MB) as it goes on."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    samples: list[tuple[int, float]] = []
    while process.poll() is None:
        held, done = resident_mb(process.pid), done_lines(journal)
        if held is not None and done:
            samples.append((done, held))
        time.sleep(every_s)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed with {process.returncode}")
    return samples


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", nargs="*", help="images or folders; drawn ones without any")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two looks")
    parser.add_argument("--json", type=Path, help="write the samples to this file")
    options, further = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        chosen = (
            given_images(options.images, limit=options.count)
            if options.images
            else draw_images(folder / "drawn")
        )
        many(chosen.paths, options.count, folder / "many")
        command = [
            sys.executable,
            "-m",
            "seasift",
            "predict",
            str(folder / "many"),
            "-o",
            str(folder / "out"),
        ]
        samples = watch([*command, *further], folder / "out" / ".seasift-partial.jsonl", options.every)
        size = (folder / "out" / "predictions.json").stat().st_size
    print(describe_machine())
    print(f"{options.count:,} images ({chosen.what}), {size / 1e6:.1f} MB of JSON, {' '.join(further)}")
    for tenth in range(1, 11):
        part = [held for done, held in samples if (tenth - 1) <= 10 * done / options.count < tenth]
        if part:
            print(f"{tenth * options.count // 10:8,} images: {max(part):7.1f} MB at most")
    print(f"the end: {max(held for _, held in samples[-3:]):7.1f} MB at most")
    if options.json:
        options.json.write_text(json.dumps(samples))


if __name__ == "__main__":
    main()
