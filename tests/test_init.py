"""init: a starter that works as it stands, and nothing overwritten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import Project

LOCAL = [
    ".env", ".nova/", "billing.local.lock.json", ".billing.local.journal", ".billing.*.lock",
    "*.checkpoint.json", "*.rejected.ndjson",
]  # fmt: skip


@pytest.fixture
def empty(tmp_path: Path) -> Project:
    """A folder without a spec."""
    project = Project(tmp_path, "")
    project.spec.unlink()
    return project


def snapshot(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_starter_is_valid_without_a_warning(empty: Project) -> None:
    """What init writes passes validate in every environment."""
    empty.ok("init")

    checked = empty.ok("validate")

    assert checked.out == "billing.yaml is valid (environments checked: local, sandbox, production).\n"
    assert checked.err == ""


def test_starter_applies_and_is_then_in_place(empty: Project) -> None:
    """The starter is a whole setup: apply makes it, and the next plan is empty."""
    empty.ok("init")

    assert empty.apply().last == "Apply complete: 7 created, 0 updated, 0 replaced, 0 scheduled, 0 archived. 6 calls."
    assert empty.ok("plan").last == "No changes. The account matches billing.yaml."


def test_starter_names_a_schema_that_is_there(empty: Project) -> None:
    """The first line is for editors: its path leads to this version's schema."""
    empty.ok("init")

    first = empty.spec.read_text(encoding="utf-8").splitlines()[0]
    named = empty.folder / first.partition("$schema=")[2]

    assert json.loads(named.read_text(encoding="utf-8")) == empty.ok("schema").json


def test_existing_spec_is_left_alone(project: Project) -> None:
    """init beside a spec says so, exits 1 and writes nothing at all."""
    before = snapshot(project.folder)

    result = project.run("init")

    assert result.code == 1
    assert result.err == "Error: billing.yaml is there already; it was left as it is.\n"
    assert snapshot(project.folder) == before


def test_existing_schema_is_left_alone(empty: Project) -> None:
    """A schema of another version stays; init tells how to renew it."""
    schema = empty.folder / "schemas" / "billing.schema.json"
    schema.parent.mkdir()
    schema.write_text("{}\n", encoding="utf-8")

    result = empty.ok("init")

    assert "nova-iac schema >" in result.err
    assert schema.read_text(encoding="utf-8") == "{}\n"


def test_gitignore_gets_the_local_files(empty: Project) -> None:
    """Tokens, locks and the emulator's state are ignored by git; real environments' lockfiles are not."""
    empty.ok("init")

    lines = (empty.folder / ".gitignore").read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if not line.startswith("#")] == LOCAL


def test_gitignore_is_only_added_to(empty: Project) -> None:
    """What stands there stays, also without a final newline; what is there already isn't added again."""
    path = empty.folder / ".gitignore"
    path.write_text("dist/\n.env", encoding="utf-8")

    empty.ok("init")

    text = path.read_text(encoding="utf-8")
    assert text.startswith("dist/\n.env\n#")
    assert text.splitlines()[3:] == LOCAL[1:]

    empty.spec.unlink()
    empty.ok("init")

    assert path.read_text(encoding="utf-8") == text


def test_names_follow_the_spec(empty: Project) -> None:
    """With -f, the ignored files are those of that spec."""
    empty.ok("init", "-f", "pricing.yaml")

    assert "pricing.local.lock.json" in (empty.folder / ".gitignore").read_text(encoding="utf-8")
    assert not empty.spec.exists()


def test_folder_that_is_not_there(empty: Project) -> None:
    """A path that can't be written is a message, not a traceback."""
    result = empty.run("init", "-f", "nowhere/billing.yaml")

    assert result.code == 1
    assert result.err == "Error: nowhere/billing.yaml: No such file or directory\n"


def test_schemas_that_is_a_file(empty: Project) -> None:
    """So is a file where the folder should be."""
    (empty.folder / "schemas").write_text("", encoding="utf-8")

    assert empty.run("init").code == 1


def test_lockfile_of_a_real_environment(project: Project) -> None:
    """init -e writes a lockfile with a lineage, serial 0 and no resources, bound to the environment's host."""
    project.ok("init", "-e", "sandbox")

    data = json.loads((project.folder / "billing.sandbox.lock.json").read_text(encoding="utf-8"))

    assert len(data.pop("lineage")) == 36
    assert data == {
        "format_version": "1.0",
        "serial": 0,
        "environment": "sandbox",
        "account": {"base_url": "https://api.metronome.com"},
        "resources": {},
    }


def test_lockfile_is_used_by_the_next_plan(project: Project) -> None:
    """The lineage that init chose is the one that plans are made from."""
    project.ok("init", "-e", "sandbox")
    lineage = json.loads((project.folder / "billing.sandbox.lock.json").read_text(encoding="utf-8"))["lineage"]

    assert project.plan("-e", "sandbox", "--no-refresh")["lineage"] == lineage


@pytest.mark.parametrize("name", ["billing.sandbox.lock.json", ".billing.sandbox.journal"])
def test_existing_state_is_left_alone(project: Project, name: str) -> None:
    """Neither a lockfile nor the journal of an interrupted first apply is replaced."""
    (project.folder / name).write_text("{}", encoding="utf-8")
    before = snapshot(project.folder)

    result = project.run("init", "-e", "sandbox")

    assert result.code == 1
    assert name in result.err
    assert snapshot(project.folder) == before


def test_emulator_environment_needs_no_lockfile(project: Project) -> None:
    """The emulator's lockfile is local; asking for one is refused with the reason."""
    result = project.run("init", "-e", "local")

    assert result.code == 1
    assert "is the embedded emulator" in result.err


def test_unknown_environment(project: Project) -> None:
    """A name that the spec doesn't have is told with those it has."""
    result = project.run("init", "-e", "prod")

    assert result.code == 1
    assert "did you mean" in result.err or "known:" in result.err


def test_broken_spec_gets_no_lockfile(project: Project) -> None:
    """A lockfile is bound to a host, so it isn't made from a spec that can't be read properly."""
    project.edit("protected: true", "protected: perhaps")

    result = project.run("init", "-e", "production")

    assert result.code == 1
    assert "NV130" in result.err
    assert not (project.folder / "billing.production.lock.json").exists()


def test_environment_without_a_spec(empty: Project) -> None:
    """init -e (or NOVA_ENV) where there is no spec yet says what to do first."""
    result = empty.run("init", env={"NOVA_ENV": "production"})

    assert result.code == 1
    assert "without -e or NOVA_ENV" in result.err
