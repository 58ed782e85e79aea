# Two environments: .venv for work on seasift, .venv-demo with what a user installs. Each is made once and made
# again only when the dependencies change. Works with any Python 3.11 to 3.13 that `python3` names.
PYTHON ?= python3
UV_VERSION ?= 0.9
export UV_PYTHON_DOWNLOADS = never

.PHONY: help demo test attack test-browser test-examples test-slow test-image docs lint bench clean

help:
	@echo "make demo       outline and count objects in the example footage (needs no training packages)"
	@echo "make test       the default test suite"
	@echo "make attack     throw hostile files, requests and kills at the program (minutes)"
	@echo "make test-browser  the page's tests in Chromium (Debian package chromium)"
	@echo "make test-examples  notebooks, snippets of the docs, the DVC pipeline, Weights & Biases offline"
	@echo "make test-slow  the tests that take minutes"
	@echo "make docs       the documentation site, in site/"
	@echo "make test-image build the container image without a registry and try it (root on Debian; minutes)"
	@echo "make lint       ruff, ruff format, mypy --strict"
	@echo "make bench      the figures about speed"
	@echo "make clean      remove the environments and what demo wrote"

.venv-uv/ready:
	$(PYTHON) -m venv .venv-uv
	.venv-uv/bin/python -m pip install --quiet --disable-pip-version-check "uv>=$(UV_VERSION)"
	@touch $@

.venv/ready: .venv-uv/ready pyproject.toml uv.lock
	UV_PROJECT_ENVIRONMENT=.venv .venv-uv/bin/uv sync --quiet --frozen --python $(PYTHON) \
		--extra train --extra imagenet --extra onnxruntime --extra wandb --group dev
	@touch $@

# DVC and NNCF bring many packages that one slow test each needs, so they come only with the slow tests.
.venv/ready-slow: .venv/ready
	UV_PROJECT_ENVIRONMENT=.venv .venv-uv/bin/uv sync --quiet --frozen --inexact --python $(PYTHON) \
		--extra train --extra imagenet --extra onnxruntime --extra wandb --extra dvc --extra quantize --group dev
	@touch $@

# The site has an environment of its own; griffe reads the sources, and the base install gives real signatures.
.venv-docs/ready: .venv-uv/ready pyproject.toml uv.lock
	UV_PROJECT_ENVIRONMENT=.venv-docs .venv-uv/bin/uv sync --quiet --frozen --python $(PYTHON) --group docs
	@touch $@

.venv-demo/ready: .venv-uv/ready pyproject.toml uv.lock
	UV_PROJECT_ENVIRONMENT=.venv-demo .venv-uv/bin/uv sync --quiet --frozen --python $(PYTHON)
	@touch $@

demo: .venv-demo/ready
	.venv-demo/bin/seasift predict examples/footage/coral.mp4 examples/footage/shrimp.mp4 \
		--every 10 --threshold 0.08 --format overlay,json -o demo-output
	.venv-demo/bin/seasift survey examples/footage/coral.mp4 examples/footage/shrimp.mp4 \
		--every 3 --video -o demo-output/survey
	@echo "Images and predictions.json are in demo-output/; for the clips as one dive,"
	@echo "report.html, tables and an annotated video are in demo-output/survey/."
	@echo "Next, on your own footage:"
	@echo "  .venv-demo/bin/seasift survey DIVE.mp4 -o my-dive"
	@echo "  .venv-demo/bin/seasift review demo-output/survey"
	@echo "  .venv-demo/bin/seasift serve"

test: .venv/ready
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n auto --dist worksteal

test-browser: .venv/ready
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n auto --dist worksteal -m browser tests/service/page

# Slow tests of what outsiders try first.
test-examples: .venv/ready-slow
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest -m slow tests/test_notebooks.py tests/test_examples.py \
		tests/test_snippets.py tests/training/test_wandb_records.py

# What a stranger may send: fuzzing, kills, full disks, hostile models. Prints counts.
attack: .venv/ready
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest -m attack -rP tests/attack

test-slow: .venv/ready-slow
	.venv/bin/python -m pytest -m slow

# Keeps its Debian in IMAGE_WORK for the next time.
IMAGE_WORK ?= /var/tmp/seasift-image
test-image:
	sh docker/test-image.sh $(IMAGE_WORK)

docs: .venv-docs/ready
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/python -m mkdocs build --strict --quiet

lint: .venv/ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

bench: .venv/ready
	.venv/bin/python benchmarks/speed.py

clean:
	rm -rf .venv .venv-uv .venv-demo .venv-docs demo-output site
