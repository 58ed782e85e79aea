#!/bin/sh
# Take out of an environment what neither `seasift serve` nor `seasift predict` on a CPU needs. Usage: trim.sh ENVIRONMENT
set -eu
site=$(echo "$1"/lib/python3*/site-packages)
vino=$site/openvino
# Plugins for devices that a container does not have, and readers of formats other than ONNX and OpenVINO's own.
rm -f "$vino"/libs/libopenvino_intel_gpu_plugin* "$vino"/libs/libopenvino_intel_npu* \
    "$vino"/libs/libopenvino_tensorflow* "$vino"/libs/libopenvino_pytorch* "$vino"/libs/libopenvino_paddle* \
    "$vino"/libs/libopenvino_jax* "$vino"/libs/libopenvino_gguf* "$vino"/libs/*.json \
    "$vino"/frontend/pytorch/*.so "$vino"/frontend/tensorflow/*.so "$vino"/frontend/paddle/*.so "$vino"/frontend/jax/*.so
rm -rf "$vino/include" "$vino/cmake" "$vino"/libs/*.cl "$site"/numpy/*/tests "$site"/numpy/tests "$site/numpy/_core/include" \
    "$site"/matplotlib/tests "$site"/matplotlib/mpl-data/sample_data "$site"/mpl_toolkits/*/tests
rm -rf "$site"/pip "$site"/pip-*.dist-info "$site"/setuptools "$site"/setuptools-*.dist-info "$site"/pkg_resources \
    "$site"/_distutils_hack "$site"/distutils-precedence.pth
rm -f "$1"/bin/pip*
rm -rf "$1"/share/man
find "$1" -name __pycache__ -type d -prune -exec rm -rf {} +
find "$1" \( -name '*.pyi' -o -name '*.a' -o -name '*.pxd' -o -name '*.pyx' -o -name '*.c' \) -type f -delete
# Debug information in extension modules. Not in the libraries that wheels bring (*.libs): strip breaks what patchelf made.
if command -v strip > /dev/null; then
    find "$site" -name '*.so' -type f ! -path '*.libs/*' ! -path "$vino/*" ! -path "$site/onnxruntime/*" -exec strip --strip-debug {} +
fi
# All must still load.
"$1/bin/python3" -B - << 'END'
import ctypes
import sysconfig
from pathlib import Path

import av, cv2, hotcoco, lap, matplotlib.pyplot, numpy, openvino, PIL.Image  # noqa: E401

import seasift.cli.main

for library in sorted(Path(sysconfig.get_path("purelib")).rglob("*.so")):
    if not {"openvino", "onnxruntime"} & set(library.parts):  # they load theirs by need; a GPU's need its driver
        ctypes.CDLL(str(library))
END
