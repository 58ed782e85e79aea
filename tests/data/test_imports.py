"""The data room stays light."""

from __future__ import annotations

import subprocess
import sys


def test_loading_it_loads_no_plots_no_torch_and_no_peer() -> None:
    code = (
        "import pkgutil, sys, importlib, seasift.data\n"
        "for module in pkgutil.walk_packages(seasift.data.__path__, 'seasift.data.'):\n"
        "    importlib.import_module(module.name)\n"
        "heavy = {'torch', 'torchvision', 'lightning', 'matplotlib', 'pycocotools', 'openvino', 'jinja2', 'rich'}\n"
        "print('heavy:', sorted(heavy & set(sys.modules)))\n"
        "print('rooms:', sorted({m.split('.')[1] for m in sys.modules if m.startswith('seasift.')}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["heavy: []", "rooms: ['_lazy', 'core', 'data']"]
