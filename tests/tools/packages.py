"""Draws who imports whom, from the code: ``python -m tests.tools.packages --write``.

One picture for the folders and one for the packages of each big folder (``docs/packages-*.svg``). An arrow that
follows from others is left out, so that what remains can be read; ``pyproject.toml`` has the contracts.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path

import grimp

ROOT = Path(__file__).parent.parent.parent
FOLDERS = ("models", "engine", "forms", "workflows", "webapp")
DRAWN = ("webapp", "workflows", "engine")  # whose packages have a picture of their own
ROOT_MODULE = "kartabl"
MARGIN, ROW, HEIGHT, GAP, LETTER = 24, 84, 34, 22, 8.4  # pixels; LETTER: the mean width of one

Graph = dict[str, set[str]]  # importer → what it imports


def pictures() -> dict[Path, str]:
    """Every picture as SVG, by its file. Raises ``ValueError`` for a circle of imports."""
    graph = grimp.build_graph(*FOLDERS, cache_dir=None, exclude_type_checking_imports=True)
    drawn = {"folders": _between(graph, list(FOLDERS)) | {ROOT_MODULE: _imports_of_root()}}
    drawn |= {folder: _between(graph, _rooms(graph, folder)) for folder in DRAWN}
    return {ROOT / "docs" / f"packages-{name}.svg": _svg(name, packages) for name, packages in drawn.items()}


def _rooms(graph: grimp.ImportGraph, folder: str) -> list[str]:
    """The packages of a folder, and its modules that use one. Modules that everything uses are left out."""
    children = sorted(graph.find_children(folder))
    packages = {child for child in children if graph.find_children(child)}
    return [
        child
        for child in children
        if child in packages
        or any(graph.direct_import_exists(importer=child, imported=package, as_packages=True) for package in packages)
    ]


def _between(graph: grimp.ImportGraph, packages: list[str]) -> Graph:
    return {
        importer: {
            imported
            for imported in packages
            if imported != importer
            and graph.direct_import_exists(importer=importer, imported=imported, as_packages=True)
        }
        for importer in packages
    }


def _imports_of_root() -> set[str]:
    tree = ast.parse((ROOT / f"{ROOT_MODULE}.py").read_text("utf-8"))
    names = {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    names |= {name.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    return names & set(FOLDERS)


def levels(graph: Graph) -> dict[str, int]:
    """How far each package stands above those that import nothing. Raises ``ValueError`` for a circle."""
    above: dict[str, int] = {}

    def level(package: str, way: tuple[str, ...]) -> int:
        if package in way:
            raise ValueError(f"A circle of imports: {' → '.join([*way, package])}")
        if package not in above:
            above[package] = 1 + max((level(imported, (*way, package)) for imported in graph[package]), default=-1)
        return above[package]

    for package in graph:
        level(package, ())
    return above


def without_implied(graph: Graph) -> Graph:
    """The same graph without arrows that a longer way says already (its transitive reduction)."""

    def reached(package: str) -> set[str]:
        return set().union(*({imported} | reached(imported) for imported in graph[package]))

    return {
        package: {one for one in imported if not any(one in reached(other) for other in imported - {one})}
        for package, imported in graph.items()
    }


@dataclass
class Place:
    """Where a box, or the bend of an arrow that passes a row, stands in the picture."""

    name: str
    row: int
    width: float
    x: float = 0  # its middle

    @property
    def y(self) -> float:
        return MARGIN + self.row * ROW


def _svg(name: str, graph: Graph) -> str:
    above, arrows = levels(graph), without_implied(graph)
    top = max(above.values())
    boxes = {one: Place(one, top - above[one], LETTER * len(one.split(".")[-1]) + 28) for one in sorted(graph)}
    rows: list[list[Place]] = [[box for box in boxes.values() if box.row == row] for row in range(top + 1)]
    ways = []
    for package in sorted(arrows):
        for imported in sorted(arrows[package]):
            start, end = boxes[package], boxes[imported]
            bends = [Place("", row, 8) for row in range(start.row + 1, end.row)]
            for bend in bends:
                rows[bend.row].append(bend)
            ways.append([start, *bends, end])
    width = _arrange(rows, ways)
    height = 2 * MARGIN + top * ROW + HEIGHT
    lines = [_arrow(way) for way in ways] + [_box(box) for box in boxes.values()]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}"'
        f' font-family="Vazirmatn, Tahoma, sans-serif" font-size="14" role="img"'
        f' aria-label="Who imports whom: {name}">\n'
        '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7"'
        ' orient="auto-start-reverse"><path d="M0 0 10 5 0 10z" fill="#52606d"/></marker></defs>\n'
        f'<rect width="{width:.0f}" height="{height}" fill="#f7f9fb"/>\n'
    )
    return head + "\n".join(lines) + "\n</svg>\n"


def _arrange(rows: list[list[Place]], ways: list[list[Place]]) -> float:
    """Give every place its ``x``, near to what it is tied to; returns the width of the picture in pixels."""
    tied: dict[int, list[Place]] = {}
    for way in ways:
        for one, other in pairwise(way):
            tied.setdefault(id(one), []).append(other)
            tied.setdefault(id(other), []).append(one)
    width = max(sum(place.width + GAP for place in row) for row in rows) + 2 * MARGIN
    for row in rows:
        _spread(row, width)
    for sweep in range(24):
        for row in rows if sweep % 2 else reversed(rows):
            row.sort(key=lambda place: _mean([other.x for other in tied.get(id(place), [])], place.x))
            _spread(row, width)
    return width


def _spread(row: list[Place], width: float) -> None:
    free = (width - 2 * MARGIN - sum(place.width for place in row)) / (len(row) + 1)
    x = float(MARGIN)
    for place in row:
        place.x = x + free + place.width / 2
        x += free + place.width


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _arrow(way: list[Place]) -> str:
    start, *bends, end = way
    path = f"M{start.x:.0f} {start.y + HEIGHT:.0f}"
    x, y = start.x, start.y + HEIGHT
    for place in [*bends, end]:
        middle = (y + place.y) / 2
        path += f" C{x:.0f} {middle:.0f} {place.x:.0f} {middle:.0f} {place.x:.0f} {place.y:.0f}"
        x, y = place.x, place.y
        if place is not end:
            y += HEIGHT
            path += f" V{y:.0f}"
    return f'<path d="{path}" fill="none" stroke="#7b8794" stroke-width="1.3" marker-end="url(#arrow)"/>'


def _box(place: Place) -> str:
    name = place.name.split(".")[-1]
    left = place.x - place.width / 2
    return (
        f'<g><title>{escape(_subject(place.name))}</title><rect x="{left:.0f}" y="{place.y:.0f}"'
        f' width="{place.width:.0f}" height="{HEIGHT}" rx="7" fill="#fff" stroke="#2b6cb0" stroke-width="1.3"/>'
        f'<text x="{place.x:.0f}" y="{place.y + 22:.0f}" text-anchor="middle" fill="#1f2933">{name}</text></g>'
    )


def _subject(package: str) -> str:
    """The first line of a package's docstring."""
    path = ROOT / package.replace(".", "/")
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return (ast.get_docstring(ast.parse(source.read_text("utf-8"))) or "").partition("\n")[0]


def main() -> None:
    """Write the pictures with ``--write``; else name those that are not as the code is, and exit with 1."""
    stale = {path: svg for path, svg in pictures().items() if not path.exists() or path.read_text("utf-8") != svg}
    if "--write" in sys.argv[1:]:
        for path, svg in stale.items():
            path.write_text(svg, "utf-8")
            print(f"→ {path.relative_to(ROOT)}")
    elif stale:
        sys.exit(f"Stale: {', '.join(path.name for path in stale)}. Run `make packages`.")


if __name__ == "__main__":
    main()
