#!/bin/sh
# Take out of an environment what neither `seasift serve` nor `seasift predict` on a CPU needs. Usage: trim.sh ENVIRONMENT
set -eu
site=$(echo "$1"/lib/python3*/site-packages)
vino=$site/openvino
# Plugins for devices that a container does not have, and readers of formats other than ONNX and OpenVINO's own.
rm -f "$vino"/libs/libopenvino_intel_gpu_plugin* "$vino"/libs/libopenvino_intel_npu* \
    "$vino"/libs/libopenvino_tensorflow* "$vino"/libs/libopenvino_pytorch* "$vino"/libs/libopenvino_paddle* \
    "$vino"/libs/libopenvino_jax* "$vino"/libs/*.json "$vino"/libs/cache.json
rm -rf "$vino/include" "$vino/cmake" "$vino"/libs/*.cl "$site"/numpy/*/tests "$site"/numpy/tests "$site/numpy/_core/include" \
    "$site"/matplotlib/tests "$site"/matplotlib/mpl-data/sample_data "$site"/mpl_toolkits/*/tests
rm -rf "$site"/pip "$site"/pip-*.dist-info "$site"/setuptools "$site"/setuptools-*.dist-info "$site"/pkg_resources \
    "$site"/_distutils_hack "$site"/distutils-precedence.pth
rm -f "$1"/bin/pip*
find "$1" -name __pycache__ -type d -prune -exec rm -rf {} +
find "$1" \( -name '*.pyi' -o -name '*.a' -o -name '*.pxd' \) -type f -delete
