"""What people fill in: one module for each process. Knows neither the engine nor the web."""

import importlib
import pkgutil

from forms.base import (
    FormData,
    TaskForm,
    form_for,
    former_processes,
    former_tasks,
    registered,
    renamed_process,
    user_task,
)
from forms.declared import declared_form

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = [
    "FormData",
    "TaskForm",
    "declared_form",
    "form_for",
    "former_processes",
    "former_tasks",
    "registered",
    "renamed_process",
    "user_task",
]
