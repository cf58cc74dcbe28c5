"""The sentences of ARCHITECTURE.md that a program can check: who imports whom, what never is."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from workflows import roles

ROOT = Path(__file__).parent.parent
OURS = ("models", "engine", "forms", "workflows", "webapp", "kartabl")
TEMPLATES = sorted((ROOT / "webapp" / "templates").rglob("*.html"))
SCRIPTS = sorted((ROOT / "webapp" / "frontend" / "src").rglob("*.js"))


def sources(*packages: str) -> list[Path]:
    files = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    return sorted([*files, ROOT / "kartabl.py"] if "kartabl" in packages else files)


CODE = sources(*OURS)
TESTS = sources("tests")


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), path.name)


def lines_with(pattern: str, files: list[Path]) -> list[str]:
    """``file:line: text`` for each line in which the pattern is found."""
    wanted = re.compile(pattern)
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if wanted.search(line)
    ]


def test_packages_import_only_what_their_contract_allows() -> None:
    """The contracts are in pyproject.toml."""
    checked = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout[-3000:]


def test_the_composition_root_leaves_the_libraries_to_their_packages() -> None:
    """import-linter looks at packages only; kartabl.py is a module."""
    modules = set(imported_modules(ROOT / "kartabl.py"))
    assert modules & {"SpiffWorkflow", "flask", "werkzeug", "jinja2", "wtforms", "flask_wtf"} == set()


def test_nobody_imports_the_private_names_of_another_package() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {node.module}.{name.name}"
        for path in CODE
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ImportFrom) and node.module
        for name in node.names
        if node.module.split(".")[0] in OURS
        and node.module.split(".")[0] != path.relative_to(ROOT).parts[0]
        and (name.name.startswith("_") or "._" in node.module)
    ]
    assert found == []


def test_every_library_that_we_import_is_declared_and_every_declared_one_is_used() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    requirements = [*project["dependencies"], *project["optional-dependencies"]["oidc"]]
    declared = {normal(re.split(r"[\[<>=!~ ]", line)[0]) for line in requirements}
    owners = packages_distributions()
    imported = {
        normal(owners[module][0])
        for path in CODE
        for module in imported_modules(path)
        if module in owners and module not in OURS
    }
    indirectly = {"werkzeug", "jinja2", "markupsafe"}  # parts of Flask
    by_name_only = {"psycopg", "tzdata"}  # SQLAlchemy and zoneinfo look for them
    assert imported - indirectly - declared == set(), "imported, but not declared in pyproject.toml"
    assert declared - imported - by_name_only == set(), "declared in pyproject.toml, but not imported"


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.split(".")[0]


def test_modules_say_what_they_are() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in [*CODE, *TESTS]
        if path.read_text("utf-8").strip() and ast.get_docstring(parsed(path)) is None
    ]
    assert silent == []


def engine_errors() -> set[str]:
    """The names of the engine's errors, in whichever module they are declared."""
    names, pending = {"EngineError"}, sources("engine")
    grown = True
    while grown:
        before = len(names)
        names |= {
            node.name
            for path in pending
            for node in ast.walk(parsed(path))
            if isinstance(node, ast.ClassDef) and names & {getattr(base, "id", "") for base in node.bases}
        }
        grown = len(names) > before
    return names


def public_functions(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield f"{prefix}{node.name}", node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body, f"{node.name}.")


def raised_in(function: ast.FunctionDef) -> set[str]:
    """The names of the classes that the function raises directly."""
    raised = (node.exc for node in ast.walk(function) if isinstance(node, ast.Raise) and node.exc)
    return {getattr(error.func if isinstance(error, ast.Call) else error, "id", "") for error in raised}


def test_public_functions_of_the_engine_say_which_of_its_errors_they_raise() -> None:
    errors = engine_errors()
    silent = [
        f"{path.relative_to(ROOT)}: {name} raises {error}"
        for path in sources("engine")
        for name, function in public_functions(parsed(path).body)
        for error in sorted(raised_in(function) & errors)
        if error not in (ast.get_docstring(function) or "").partition("Raises")[2]
    ]
    assert silent == []


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}
    assert [str(path) for path in CODE if path.stem in drawers or path.parent.name in drawers] == []


def test_the_engine_knows_no_process_by_name() -> None:
    """Gas, tickets and municipalities are the business of workflows/ and of the diagrams; roles are data."""
    processes = [path.stem for path in (ROOT / "bpmn_diagrams").glob("*.bpmn") if path.stem != "payment"]
    words = [
        "gas",
        "ticket",
        "municipal",
        "inspector",
        "contractor",
        "meter",
        "district",
        "department",
        "گاز",
        "تیکت",
        "شهرداری",
        *processes,
        *(role.key for role in roles.organisation().roles.values() if not role.is_system),
    ]
    pattern = rf"(?i)(?<![a-z])({'|'.join(words)})"
    assert lines_with(pattern, sources("engine")) == []


def test_each_process_has_its_forms_its_operations_and_its_stories_under_its_own_key() -> None:
    missing = [
        f"{diagram.stem}: {places[0]}"
        for diagram in sorted((ROOT / "bpmn_diagrams").glob("*.bpmn"))
        for places in (
            [f"forms/{diagram.stem}.py"],
            [f"workflows/{diagram.stem}.py", f"workflows/{diagram.stem}/__init__.py"],
            [f"tests/scenarios/test_{diagram.stem}.py"],
        )
        if not any((ROOT / place).is_file() for place in places)
    ]
    assert missing == []


def test_processes_name_roles_by_their_constants() -> None:
    """``workflows/roles.py`` has the keys; what a role may see and do is ``engine/identity/permissions.py``'s."""
    keys = "|".join(roles.organisation().roles)
    named = rf"(\.roles\b.*|RoleGrant\.role == |\.(bind|bound)\(|\brole=\(?)[{{(]?[\"']({keys})[\"']"
    assert lines_with(named, sources("workflows")) == []


def test_production_imports_nothing_of_the_demo() -> None:
    program = "import sys, kartabl; print([name for name in sys.modules if name.startswith('workflows.demo')])"
    imported = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert imported.stdout.strip() == "[]"


# ------------------------------------------------------------------------------------ what is never done


def test_xml_is_read_in_one_place_only() -> None:
    """Another parser would bring entities, network and giants back in."""
    others = [path for path in CODE if path != ROOT / "engine" / "xml.py"]
    reading = r"\b(etree|objectify|html)\.(parse|fromstring|fromstringlist|iterparse|XML|HTML|XMLParser)\b"
    assert lines_with(reading, others) == []
    assert lines_with(r"^\s*(import|from)\s+(xml|defusedxml)\b", others) == []


def test_every_file_leaves_through_one_door() -> None:
    """``webapp/shell/downloads.py`` records each file that leaves: a second door would leave gaps in that record."""
    others = [path for path in CODE if path != ROOT / "webapp" / "shell" / "downloads.py"]
    handing_out = r"(?i)content-disposition|\bsend_file\b|\bsend_from_directory\b|\bas_attachment\b"
    assert lines_with(handing_out, others) == []
    answers = lines_with(r"\b(Response\((?!status=)|make_response\(|wrap_file\()", others)
    assert {line.split(":")[0] for line in answers} == ANSWERS.keys()


ANSWERS = {  # who else makes an answer by itself: none of them a file for a person
    "webapp/api/calls.py": "JSON of the API",
    "webapp/problems.py": "errors of the API",
    "webapp/shell/health.py": "ok, for a monitor",
    "webapp/shell/script_texts.py": "a script of every page",
    "webapp/work/cases.py": "the diagram that a script draws on the case's page",
}


def test_what_is_typed_is_never_run() -> None:
    forbidden = {"eval", "exec", "compile", "__import__"}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.func.id}"
        for path in CODE
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in forbidden
    ]
    assert found == []


@pytest.mark.parametrize("module", ["pickle", "marshal", "shelve", "dill", "random"])
def test_unsafe_modules_are_not_imported(module: str) -> None:
    """Pickles run code when they are read; ``random`` can be guessed (``secrets`` cannot)."""
    using = {path.relative_to(ROOT).as_posix() for path in CODE if module in imported_modules(path)}
    if module == "random":  # demo data invents the same people every time
        using = {path for path in using if not path.startswith("workflows/demo")}
    assert using == set()


def test_sql_is_never_put_together_from_strings() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in CODE
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", "")) in ("text", "literal_column", "exec_driver_sql")
        and node.args
        and isinstance(node.args[0], ast.JoinedStr | ast.BinOp)
    ]
    assert found == []


def test_pages_escape_everything() -> None:
    assert lines_with(r"\|\s*safe\b|autoescape\s+false|\bMarkup\s*\(\s*f", [*TEMPLATES, *CODE]) == []


def test_scripts_write_text_and_elements_never_markup() -> None:
    assert lines_with(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", SCRIPTS) == []


def test_rules_are_given_the_time_and_do_not_look_at_a_clock() -> None:
    looking = r"\b(datetime\.(now|utcnow|today)|date\.today|time\.time)\(\)?"
    assert lines_with(looking, sources("models", "forms", "workflows")) == []


def test_nothing_below_an_entry_point_commits() -> None:
    assert lines_with(r"\.(commit|rollback)\(\)", sources("models", "forms", "workflows")) == []


def test_nothing_is_left_open_in_the_code() -> None:
    marks = "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "raise NotImplemented(Error)?"))
    assert lines_with(rf"\b({marks})\b", [*CODE, *TEMPLATES, *SCRIPTS]) == []
