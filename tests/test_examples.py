"""What lies in examples/ does what it says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from seasift.data.synthetic import make_synthetic
from seasift.modelfile.info import read_model_file

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


def in_two_parts(annotations: Path) -> Path:
    """The synthetic data set as a folder with five images to learn from and three to be judged on."""
    coco = json.loads(annotations.read_text(encoding="utf-8"))
    for part, images in (("train", coco["images"][:5]), ("val", coco["images"][5:])):
        ids = {image["id"] for image in images}
        kept = [entry for entry in coco["annotations"] if entry["image_id"] in ids]
        changed = {**coco, "images": images, "annotations": kept}
        annotations.with_name(f"instances_{part}.json").write_text(json.dumps(changed), encoding="utf-8")
    annotations.unlink()
    return annotations.parent


@pytest.mark.slow
def test_the_dvc_pipeline_runs_and_runs_again_only_what_changed(tmp_path: Path) -> None:
    pytest.importorskip("dvc", reason="the extra 'dvc' is not installed")
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / "examples" / "dvc" / name, tmp_path)
    settings = tmp_path / "params.yaml"
    wanted = yaml.safe_load(settings.read_text(encoding="utf-8"))
    wanted["source"] = in_two_parts(make_synthetic(tmp_path / "raw")).name
    wanted["data"] |= {"labels": "default", "masks": "published", "scheme": "published"}
    wanted["train"] |= {"weights": "none", "size": 96, "batch_size": 2, "max_steps": 3, "validate_every": 3}
    settings.write_text(yaml.safe_dump(wanted), encoding="utf-8")
    own = {f"DVC_{location}_DIR": str(tmp_path / ".own") for location in ("SITE_CACHE", "GLOBAL_CONFIG")}
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    environment = {**os.environ, **own, "PATH": path, "DVC_NO_ANALYTICS": "1", "OMP_NUM_THREADS": "1"}

    def dvc(*arguments: str) -> str:
        command = [str(BIN / "dvc"), *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    dvc("init", "--no-scm", "--quiet")
    dvc("repro")
    report = json.loads((tmp_path / "evaluation" / "report.json").read_text(encoding="utf-8"))
    assert report["data"]["pictures"] == 3
    info = read_model_file(tmp_path / "model" / "model.onnx").info
    assert [category.name for category in info.categories] == ["rov", "animal_fish", "trash_bag", "plant"]
    assert json.loads(dvc("metrics", "show", "--json"))[""]["data"]["evaluation/report.json"]["data"]["masks"]
    assert (tmp_path / "evaluation" / "report.html").exists()
    assert json.loads(dvc("status", "--json")) == {}
    wanted["export"]["threshold"] = 0.4
    settings.write_text(yaml.safe_dump(wanted), encoding="utf-8")
    assert list(json.loads(dvc("status", "--json"))) == ["export"]
    dvc("plots", "show", "--out", "plots")
    assert "val/mask_AP" in (tmp_path / "plots" / "index.html").read_text(encoding="utf-8")
