"""What an installed wheel has. scripts/check also installs one and runs it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from support import ROOT

from nova_iac import __version__


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of this checkout, built by the backend itself: no isolated environment, no network."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def test_schemas_reach_the_wheel(wheel: zipfile.ZipFile) -> None:
    """Every schema of the checkout is in the wheel, byte for byte, where nova_iac.schema_files looks for it."""
    schemas = ROOT / "schemas"
    expected = {f"nova_iac/_schemas/{path.relative_to(schemas).as_posix()}": path for path in schemas.rglob("*.json")}

    held = {name for name in wheel.namelist() if name.startswith("nova_iac/_schemas/")}

    assert held == set(expected)
    assert all(wheel.read(name) == path.read_bytes() for name, path in expected.items())


def test_every_module_and_data_file_reaches_the_wheel(wheel: zipfile.ZipFile) -> None:
    """The package is whole: modules, the type marker, the starter that init writes."""
    package = ROOT / "nova_iac"
    expected = {
        path.relative_to(ROOT).as_posix()
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and not path.name.startswith(".")
    }

    assert expected - set(wheel.namelist()) == set()
    assert {"nova_iac/py.typed", "nova_iac/cli/starter.yaml"} <= expected


def test_nothing_else_reaches_the_wheel(wheel: zipfile.ZipFile) -> None:
    """Tests, docs and benchmarks stay behind."""
    tops = {name.partition("/")[0] for name in wheel.namelist()}

    assert tops == {"nova_iac", f"nova_iac-{__version__}.dist-info"}


def test_command_is_declared(wheel: zipfile.ZipFile) -> None:
    """The console script is the module's main."""
    entry_points = wheel.read(f"nova_iac-{__version__}.dist-info/entry_points.txt").decode()

    assert "nova-iac = nova_iac.__main__:main" in entry_points


def test_versions_agree() -> None:
    """The package, its metadata and the changelog's newest release (or none yet) say the same."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == __version__


IMPORTED_AS = {"jsonschema_rs": "jsonschema-rs", "metronome": "metronome-sdk", "yaml": "pyyaml"}


def test_what_is_imported_is_a_dependency() -> None:
    """A fresh environment has every package that the code imports, as a dependency or, where that is optional, by an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["parquet"]]
    known = {re.split(r"[><=~\[; ]", one)[0] for one in declared}
    imported = set()
    for path in (ROOT / "nova_iac").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module).partition(".")[0])
    foreign = imported - set(sys.stdlib_module_names) - {"nova_iac"}

    assert sorted(IMPORTED_AS.get(name, name) for name in foreign if IMPORTED_AS.get(name, name) not in known) == []


def test_every_dependency_has_its_reason() -> None:
    """docs/dependencies.md names each dependency, extras included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    names = {name for one in listed if (name := one.split(">")[0].split("[")[0].strip()) != "nova-iac"}
    reasons = Path(ROOT, "docs", "dependencies.md").read_text(encoding="utf-8")

    assert [name for name in sorted(names) if f"`{name}`" not in reasons] == []
