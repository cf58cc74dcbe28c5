"""Writes the lock files ``requirements/*.txt`` from pyproject.toml: every package with its version and hashes.

``run`` is what an installation needs, ``dev`` that and what tests and checks need, ``build`` what makes the wheel,
``node`` the Node that the front end is built with where none is at hand.
Pins that still fit stay as they are; ``--upgrade`` raises all, ``--upgrade-package NAME`` one.
"""

import ast
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
PROJECT = ROOT / "pyproject.toml"
FOLDER = ROOT / "requirements"
DEVELOPERS = ("test", "dev")  # extras that no installation for an office needs

Inputs = dict[str, list[str]]


def inputs(project: dict[str, Any]) -> Inputs:
    """The requirements that each lock file answers, by the file's name without ``.txt``."""
    extras: dict[str, list[str]] = project["project"].get("optional-dependencies", {})
    own = project["project"]["dependencies"]
    name = project["project"]["name"]
    run = [*own, *(line for extra, lines in extras.items() if extra not in DEVELOPERS for line in lines)]
    dev = [*run, *(line for extra in DEVELOPERS for line in extras[extra])]
    return {
        "dev": [line for line in dev if not line.startswith(f"{name}[")],
        "run": [line for line in run if not line.startswith(f"{name}[")],
        "build": project["build-system"]["requires"],
        "node": [_node()],
    }


def _node() -> str:
    """What the build hook takes for the front end where no Node is at hand."""
    module = ast.parse((ROOT / "hatch_build.py").read_text("utf-8"))
    constants = {ast.unparse(one.targets[0]): one.value for one in module.body if isinstance(one, ast.Assign)}
    return str(ast.literal_eval(constants["NODE_WHEEL"]))


def read_project() -> dict[str, Any]:
    return tomllib.loads(PROJECT.read_text("utf-8"))


def write(*options: str) -> None:
    """Resolve anew. A package has one version in all files: the one of ``dev``."""
    python = read_project()["project"]["requires-python"].removeprefix(">=")
    for name, lines in inputs(read_project()).items():
        constraint = [] if name == "dev" else ["--constraint", str(FOLDER / "dev.txt")]
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "requirements.in"
            source.write_text("\n".join(lines), "utf-8")
            command = [str(Path(sys.executable).parent / "uv"), "pip", "compile", str(source), *constraint, *options]
            command += ["--universal", "--python-version", python, "--generate-hashes", "--no-annotate", "--quiet"]
            command += ["--custom-compile-command", "make lock", "--output-file", str(FOLDER / f"{name}.txt")]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    write(*sys.argv[1:])
