"""What each process does at its steps. Importing the package registers all of it in ``workflows.registry``."""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
