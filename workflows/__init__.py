"""Processes: operations, briefings, printouts, lists. Importing the package registers them in ``workflows.registry``.

``workflows.demo`` is left out: production never imports it.
"""

import importlib
import pkgutil
from collections.abc import Iterable


def _import_all(path: Iterable[str], package: str) -> None:
    for module in pkgutil.iter_modules(path, f"{package}."):
        if module.name == f"{__name__}.demo":
            continue
        imported = importlib.import_module(module.name)
        if module.ispkg:
            _import_all(imported.__path__, module.name)


_import_all(__path__, __name__)
