"""Two processes learn what one learns from the whole batch."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

LOSSES = ("loss/total", "loss/box", "loss/class", "loss/mask", "loss/semantic")
SCRIPT = """
import json
from pathlib import Path

from seasift.cli.main import main
from seasift.training.callbacks import Curve
from seasift.training.validation import SplitEvaluator

Curve.__init__.__kwdefaults__["every"] = 1
judge = SplitEvaluator.__call__


def and_tell(self, found):
    figures = judge(self, found)
    images = [image.id for image in self._truth.images]
    with Path(__file__).with_name("judged.txt").open("a") as file:
        file.write(json.dumps([sorted(found), sorted(self.found) == images, figures]) + "\\n")
    return figures


SplitEvaluator.__call__ = and_tell
main()
"""


def losses(folder: Path) -> np.ndarray:
    with (folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["loss/total"]]
    return np.array([[float(row[name]) for name in LOSSES] for row in rows])


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one(shapes: Path, tmp_path: Path) -> None:
    """A few steps of a small rate: an untrained network soon makes much of the last digit of a sum.

    Batch norm is frozen, since its statistics are each process's own.
    """
    (tmp_path / "train.py").write_text(SCRIPT)  # Lightning starts the same script once more for each process
    changes = [
        *("model.backbone=efficientnet-lite0", "model.size=96", "model.fpn_channels=16"),
        *("model.proto_channels=16", "model.prototypes=8", "training.precision=fp32"),
        "model.frozen_batch_norm=true",
        *("schedule.name=constant", "schedule.warmup_steps=0", "optimizer.lr=0.0001"),
        *(f"augment.{step}=false" for step in ("photometric", "expand", "crop", "flip")),
        *("training.batch_size=4", "training.max_steps=4", "training.validate_every=4"),
        *(f"data.{key}=null" for key in ("labels", "masks", "scheme")),
    ]
    command = [sys.executable, str(tmp_path / "train.py"), "train", "yolact-resnet50", "--data", str(shapes)]
    command += [part for change in changes for part in ("--set", change)]
    for devices in ("1", "2"):
        folder = tmp_path / devices
        more = ["--accelerator", "cpu", "--devices", devices, "-o", str(folder)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command + more, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("done:") == 1
        told = tmp_path / "judged.txt"
        shares = [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()]
        told.unlink()
        assert len(shares) == int(devices)
        assert sorted(image for own, _, _ in shares for image in own) == list(range(1, 9))
        assert all(whole and figures == shares[0][2] for _, whole, figures in shares)
    one, two = losses(tmp_path / "1"), losses(tmp_path / "2")
    assert one.shape == (4, 5)
    assert one[-1, 0] < 0.8 * one[0, 0]  # it has learnt something on the way
    np.testing.assert_allclose(two, one, rtol=1e-4)
    assert (tmp_path / "2" / "best.ckpt").exists()
    assert (tmp_path / "2" / "curves" / "ap.svg").exists()
