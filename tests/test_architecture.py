"""The map in docs/architecture.md, held to be true. Each rule is a list of offenders with their places; it must be empty."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from support import ROOT

PACKAGE = ROOT / "nova_iac"

LAYERS = (
    ("__main__",),
    ("cli",),
    ("ui",),
    ("render",),
    ("adopt", "apply", "usage"),
    ("state.live",),
    ("plan",),
    ("state.folding",),
    ("state.journal",),
    ("state.lockfile", "state.mutex"),
    ("state.strict",),
    ("desired",),
    ("spec",),
    ("kinds",),
    ("remote",),
    ("retry",),
    ("timeline",),
    ("resource",),
    ("rating",),
    ("money", "moment"),
    ("errors", "schema_files"),
)
"""From left to right: a module imports only what stands to its right, or in its own package."""

OUTSIDE = ("emulator",)
"""Other programs in the same package; they have their own rule."""

ONLY = {
    "click": ("cli",),
    "deepdiff": ("plan.diff",),
    "httpx": ("remote",),
    "jsonschema": ("spec.schema",),
    "jsonschema_rs": ("spec.schema",),
    "metronome": ("remote",),
    "msgspec": ("usage",),
    "pyarrow": ("usage.tables",),
    "sqlite3": ("emulator",),
    "waitress": ("emulator.serve", "ui.serve"),
    "yaml": ("spec.loader", "spec.written"),
}
"""Which modules (or packages) may import what comes from elsewhere."""

LAZY = ("deepdiff", "httpx", "jsonschema", "jsonschema_rs", "metronome", "pyarrow", "waitress")
"""Heavy: imported in the function that needs them, so that start-up doesn't pay for them."""

PURE = ("plan", "desired", "spec", "render", "rating", "kinds", "timeline", "resource", "money", "moment")
CLOCKS = re.compile(
    r"(?:datetime|date)\.(?:now|utcnow|today)|time\.(?:time|time_ns|monotonic|perf_counter|sleep|localtime|gmtime)"
)
FILES = re.compile(
    r"open|print|input|(?:os|shutil|tempfile|socket|subprocess)\.\w+"
    r"|[\w?]+\.(?:open|is_file|is_dir|glob|read_text|write_text|read_bytes|write_bytes)"
)
READS_ITS_FILES = ("spec.loader", "spec.include", "spec.dotenv", "spec.sources")


@dataclass(frozen=True)
class Import:
    """One import statement: in which module and line, of what, and whether it runs when the module is loaded."""

    module: str
    line: int
    target: str
    at_load: bool

    def __str__(self) -> str:
        return f"nova_iac.{self.module}:{self.line} imports {self.target}"


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the package by its dotted name, without the package's own name in front."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name or "__init__"] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


@cache
def nodes(tree: ast.Module) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree))


@cache
def imports(module: str, tree: ast.Module) -> tuple[Import, ...]:
    """The imports of a module, those for the type checker left out."""

    def visit(node: ast.AST, at_load: bool) -> Iterator[Import]:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            return
        if isinstance(node, ast.Import):
            for name in node.names:
                yield Import(module, node.lineno, name.name, at_load)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"nova_iac.{module}:{node.lineno}: imports are written out in full"
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                known = whole.removeprefix("nova_iac.") in modules()
                yield Import(module, node.lineno, whole if known else str(node.module), at_load)
        inside = at_load and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, inside)

    return tuple(visit(tree, True))


def all_imports() -> Iterator[Import]:
    for module, tree in modules().items():
        yield from imports(module, tree)


def ours(target: str) -> str | None:
    """A target inside the package, by its name there; ``__version__`` and the like are everybody's."""
    if target == "nova_iac":
        return None
    return target.removeprefix("nova_iac.") if target.startswith("nova_iac.") else None


def layer(module: str) -> int:
    """Where a module stands; the longest name wins, so that state.live is not state."""
    ranks = {name: rank for rank, names in enumerate(LAYERS) for name in names}
    found = [name for name in ranks if within(module, name)]
    assert found, f"nova_iac.{module} has no place in LAYERS: put it into the map, and into docs/architecture.md"
    return ranks[max(found, key=len)]


def package(module: str) -> str:
    """The station that a module belongs to; modules of one station may import each other."""
    return module.partition(".")[0]


EMPTY_PACKAGES = ("__init__", "state")


def against_the_order() -> Iterator[str]:
    for found in all_imports():
        target = ours(found.target)
        if target is None or target in EMPTY_PACKAGES or found.module in EMPTY_PACKAGES or package(found.module) in OUTSIDE:
            continue
        if package(target) in OUTSIDE:
            continue
        here, there = layer(found.module), layer(target)
        same = package(found.module) == package(target) and package(target) != "state"
        if here > there or (here == there and not same and found.module != target):
            yield str(found)


def across_the_emulator() -> Iterator[str]:
    for found in all_imports():
        target = ours(found.target)
        if target is None:
            continue
        inside = package(found.module) == "emulator"
        if inside and package(target) not in ("emulator", "rating", "money"):
            yield str(found)
        if not inside and package(target) == "emulator" and package(found.module) != "cli":
            yield str(found)


def foreign_in_wrong_places() -> Iterator[str]:
    for found in all_imports():
        allowed = ONLY.get(found.target.partition(".")[0])
        if allowed is not None and not any(within(found.module, name) for name in allowed):
            yield str(found)


def heavy_at_load() -> Iterator[str]:
    for found in all_imports():
        if found.at_load and found.target.partition(".")[0] in LAZY:
            yield str(found)


def rating_imports() -> Iterator[str]:
    for found in all_imports():
        target = ours(found.target)
        if package(found.module) == "rating" and target is not None and package(target) not in ("rating", "money"):
            yield str(found)


def dotted(node: ast.AST) -> str:
    """``a.b.c`` for a chain of names, ``?.c`` for a member of something that has none."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else "?"


def called(pattern: re.Pattern[str], packages: tuple[str, ...], but: tuple[str, ...] = ()) -> Iterator[str]:
    """Names that are used (called or handed on) in these packages though they match the pattern."""
    for module, tree in modules().items():
        if module in but or not any(within(module, name) for name in packages):
            continue
        for node in nodes(tree):
            if not isinstance(node, ast.Call | ast.Attribute):
                continue
            name = dotted(node.func if isinstance(node, ast.Call) else node)
            if pattern.fullmatch(name) or pattern.fullmatch(".".join(name.split(".")[-2:])):
                yield f"nova_iac.{module}:{node.lineno} uses {name}"


def clock_in_pure_code() -> Iterator[str]:
    yield from called(CLOCKS, PURE)


def files_in_pure_code() -> Iterator[str]:
    yield from called(FILES, PURE, READS_ITS_FILES)


def kind_names() -> set[str]:
    from nova_iac.kinds import KINDS

    return set(KINDS)


def kinds_by_name() -> Iterator[str]:
    """Comparisons of a kind with a name, matches on it, and tables and look-ups by it."""
    names = kind_names()

    def named(node: ast.AST) -> bool:
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            return any(named(part) for part in node.elts)
        return isinstance(node, ast.Constant) and node.value in names

    def of_kinds(node: ast.AST) -> bool:
        return "kind" in dotted(node).lower()

    def knows(node: ast.AST) -> bool:
        match node:
            case ast.Compare(left, _, comparators):
                sides = [left, *comparators]
                return any(map(named, sides)) and any(map(of_kinds, sides))
            case ast.Match(subject, cases):
                patterns = [part for case in cases for part in ast.walk(case.pattern) if isinstance(part, ast.MatchValue)]
                return of_kinds(subject) and any(named(part.value) for part in patterns)
            case ast.Subscript(value, key):
                return of_kinds(value) and named(key)
            case ast.Dict(keys):
                return len(keys) > 1 and all(key is not None and named(key) for key in keys)
            case ast.Call(function, arguments):
                return (of_kinds(function) or dotted(function) == "Address.of") and any(map(named, arguments))
        return False

    for module, tree in modules().items():
        if package(module) in ("kinds", "emulator", "rating"):
            continue
        for node in nodes(tree):
            if knows(node):
                yield f"nova_iac.{module}:{getattr(node, 'lineno', 0)} knows a kind by its name"


def floats_for_money() -> Iterator[str]:
    """float() anywhere in what handles money and quantities but at the edge, where remote turns them into JSON numbers."""
    for module, tree in modules().items():
        if package(module) not in ("money", "timeline", "spec", "kinds", "desired", "plan", "state", "rating"):
            continue
        for node in nodes(tree):
            if isinstance(node, ast.Call) and dotted(node.func) == "float":
                yield f"nova_iac.{module}:{node.lineno} makes a float"


def broad_handlers() -> Iterator[str]:
    """A bug stays a bug: only the command line (which lets it through) and remote (which re-raises it) may catch everything."""
    for module, tree in modules().items():
        if package(module) in ("cli", "remote", "emulator"):
            continue
        for node in nodes(tree):
            if not isinstance(node, ast.ExceptHandler):
                continue
            everything = node.type is None or dotted(node.type) in ("Exception", "BaseException")
            raises_again = any(isinstance(part, ast.Raise) and part.exc is None for part in ast.walk(node))
            if everything and not raises_again:
                yield f"nova_iac.{module}:{node.lineno} catches everything"


def output_outside_the_command_line() -> Iterator[str]:
    pattern = re.compile(r"print|input|sys\.(?:stdout|stderr|stdin|exit)|os\.environ|os\.getenv")
    elsewhere = tuple({package(module) for module in modules()} - {"cli", "__main__", "emulator"})
    yield from called(pattern, elsewhere)


def unfinished_words() -> Iterator[str]:
    words = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b")
    for folder in ("nova_iac", "tests", "docs", "benchmarks", "scripts", "schemas"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix not in (".py", ".md", ".yaml", ".json", "") or not path.is_file():
                continue
            for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
                if words.search(line):
                    yield f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"


RULES: tuple[Callable[[], Iterator[str]], ...] = (
    against_the_order,
    across_the_emulator,
    foreign_in_wrong_places,
    heavy_at_load,
    rating_imports,
    clock_in_pure_code,
    files_in_pure_code,
    kinds_by_name,
    floats_for_money,
    broad_handlers,
    output_outside_the_command_line,
    unfinished_words,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_holds(rule: Callable[[], Iterator[str]]) -> None:
    """Nothing in the code breaks this rule of the map."""
    assert list(rule()) == []


BROKEN = {
    against_the_order: ("plan.bad", "from nova_iac.apply.executor import ApplyEvent"),
    across_the_emulator: ("emulator.bad", "from nova_iac.resource import Address"),
    foreign_in_wrong_places: ("render.bad", "import click"),
    heavy_at_load: ("remote.bad", "import metronome"),
    rating_imports: ("rating.bad", "from nova_iac.resource import Address"),
    clock_in_pure_code: ("plan.bad", "from datetime import datetime\nnow = datetime.now()"),
    files_in_pure_code: ("plan.bad", "from pathlib import Path\nPath('x').read_text()"),
    kinds_by_name: ("plan.bad", "def f(address):\n    return address.kind == 'rate'"),
    floats_for_money: ("plan.bad", "price = float('0.1')"),
    broad_handlers: ("plan.bad", "try:\n    f()\nexcept Exception:\n    pass"),
    output_outside_the_command_line: ("render.bad", "print('hello')"),
}
"""For each rule a module that breaks it, so that a rule that finds nothing is known to look."""


@pytest.mark.parametrize("rule", BROKEN, ids=lambda rule: rule.__name__)
def test_rule_finds_what_breaks_it(rule: Callable[[], Iterator[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that breaks the rule is named."""
    module, source = BROKEN[rule]
    monkeypatch.setitem(modules(), module, ast.parse(source))

    assert any(f"nova_iac.{module}" in offender for offender in rule())


def test_unfinished_words_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule that reads files finds a word that says that something is missing."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "bad.md").write_text("TO" + "DO: write this", encoding="utf-8")
    monkeypatch.setitem(globals(), "ROOT", tmp_path)

    assert [offender.partition(":")[0] for offender in unfinished_words()] == [str(Path("docs", "bad.md"))]


def test_every_layer_exists() -> None:
    """The map names no place that isn't there."""
    named = [name for names in LAYERS for name in names]

    assert [name for name in named if not any(within(module, name) for module in modules())] == []
