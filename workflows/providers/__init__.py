"""Adapters for outside services, one service a file; they know HTTP and no process.

Importing the package registers all of them in ``workflows.providers.registry``: another provider is another file.
"""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
