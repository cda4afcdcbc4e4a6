"""The one contract that every kind keeps: its schema, its fields, its calls, its sets, its end.

The tables stand in ``test_<kind>.py`` as RICH: specs in which a resource has all its fields, and what a plan promises for an
edit of each of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from kinds_kit import GONE, LATER, Edit, Rich, applied, calls, reordered, text
from support import NOW, Project

from nova_iac.emulator import Emulator
from nova_iac.kinds import KINDS
from nova_iac.kinds.base import Kind, Mutability, Wanted
from nova_iac.kinds.lookup import Names
from nova_iac.kinds.shapes import ANYTHING, Items, Shape, Struct
from nova_iac.moment import parse
from nova_iac.remote import Client
from nova_iac.resource import Address, RemoteObject

RICH: dict[str, list[Rich]] = {name: import_module(f"test_{name}").RICH for name in KINDS}
EACH_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
EACH_RICH = pytest.mark.parametrize(
    "rich", [rich for each in RICH.values() for rich in each], ids=lambda rich: f"{rich.address} {rich.name}".strip()
)


def edits() -> Iterator[Any]:
    """Every edit of every table."""
    for each in RICH.values():
        for rich in each:
            for edit in rich.edits:
                words = (rich.address, rich.name, edit.field, "is left out" if edit.clears else "becomes another")
                yield pytest.param(rich, edit, id=" ".join(filter(None, words)))


def read(project: Project, kind: Kind) -> dict[Address, RemoteObject]:
    """What the kind reads of all recorded resources of its own."""
    entries = {Address(address): entry for address, entry in project.recorded.items()}
    names = Names({address: entry["id"] for address, entry in entries.items() if entry["id"]})
    wanted = [
        Wanted(address, entry["id"], entry["attributes"], None) for address, entry in entries.items() if address.kind == kind.name
    ]
    app = Emulator(project.database, clock=lambda: parse(NOW))
    try:
        with Client(base_url="http://emulator", token="t", app=app) as client:
            return dict(kind.read(wanted, client, names))
    finally:
        app.close()


# --- what a kind declares --------------------------------------------------------------------------------------------------


@EACH_KIND
def test_schema_and_fields_agree(kind: Kind) -> None:
    """Every property of the schema is a declared field, and the other way round; a timeline's words are its entries'."""
    if kind.schema["type"] == "array":
        assert list(kind.fields) == [kind.appends]
    else:
        assert set(kind.schema["properties"]) == set(kind.fields)


@EACH_KIND
def test_parents_stand_before_their_children(kind: Kind) -> None:
    """A parent is a kind that is presented before this one."""
    names = list(KINDS)
    assert kind.parent is None or names.index(kind.parent) < names.index(kind.name)


@EACH_KIND
def test_every_field_is_edited_here(kind: Kind) -> None:
    """The tables change every field that can be declared, and leave out each one that the schema lets be left out."""
    if kind.schema["type"] == "array":
        words: set[str] = set(kind.schema["items"]["properties"])
        declared = {word for rich in RICH[kind.name] for entry in rich.declared for word in entry}
        assert declared == words
        return
    changes = {edit.field for rich in RICH[kind.name] for edit in rich.edits if not edit.clears}
    clears = {edit.field for rich in RICH[kind.name] for edit in rich.edits if edit.clears}
    assert changes == set(kind.fields)
    assert clears == set(kind.fields)
    for rich in RICH[kind.name]:
        assert set(rich.declared) - {child.section for child in KINDS.values()} <= set(kind.fields)


@EACH_KIND
def test_promise_fits_the_mutability(kind: Kind) -> None:
    """A table promises a replacement of REPLACE fields only, and a date of dated ones only."""
    for rich in RICH[kind.name]:
        for edit in rich.edits:
            if not kind.appends and not edit.refused:
                replaced = kind.fields[edit.field].mutability is Mutability.REPLACE
                assert (edit.action == "replace") == replaced, edit


# --- create and read -------------------------------------------------------------------------------------------------------


@EACH_RICH
def test_what_was_created_reads_back_the_same(rich: Rich, tmp_path: Path) -> None:
    """Every readable field is read as it was declared; an unreadable one is not read at all; the second plan is empty."""
    project = applied(rich.spec, tmp_path)
    kind = rich.kind
    live = read(project, kind)
    recorded = project.recorded

    for address, found in live.items():
        declared = recorded[address]["attributes"]
        for name, value in declared.items():
            if kind.fields[name].readable:
                assert kind.project(name, found.attributes.get(name), value, value) == value, name
            else:
                assert name not in found.attributes, name
    assert rich.address in live
    for now in (NOW, *LATER):
        plan = project.plan(now=now)
        assert (plan["calls"], plan["drift"]) == ([], [])
        assert {change["action"] for change in plan["changes"]} == {"noop"}


@EACH_RICH
def test_order_of_sets_means_nothing(rich: Rich, tmp_path: Path) -> None:
    """Every set the other way round: no change, and nothing to record."""
    project = applied(rich.spec, tmp_path)
    before = project.lockfile.read_bytes()

    turned = reordered(rich.spec, lambda path: _is_set(path))
    project.write(text(turned))

    assert project.apply().last == "No changes. The account matches billing.yaml."
    assert project.lockfile.read_bytes() == before


def _is_set(path: tuple[str, ...]) -> bool:
    """Whether a set stands at a path of the spec: section, key, perhaps a child's section and key, then the field's."""
    by_section = {kind.section: kind for kind in KINDS.values()}
    kind, inside = by_section[path[0]], path[2:]
    if inside and inside[0] in by_section:
        kind, inside = by_section[inside[0]], inside[2:]
    shape: Shape = kind.shape
    for step in inside:
        if isinstance(shape, Items):
            shape = shape.item
        elif isinstance(shape, Struct):
            shape = shape.fields.get(step, shape.others or ANYTHING)
        else:
            return False
    return isinstance(shape, Items) and shape.is_set


# --- change and clear ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rich", "edit"), list(edits()))
def test_edit_does_what_is_promised(rich: Rich, edit: Edit, tmp_path: Path) -> None:
    """Action, fields, guards and calls are the promised ones; once applied the plan is empty, now and ever after."""
    project = applied(rich.spec, tmp_path)
    project.write(text(rich.edited(edit)))
    if edit.refused:
        _is_refused(project, edit, rich)
        return

    plan = project.plan(*edit.options)
    changes = {change["address"]: change for change in plan["changes"] if change["action"] != "noop"}

    assert {address: change["action"] for address, change in changes.items()} == {rich.address: edit.action}
    assert calls(plan) == edit.calls
    shown = {part["path"]: (part["before"], part["after"]) for part in changes[rich.address]["fields"]}
    expected = edit.fields if edit.fields is not None else _whole(rich, edit)
    assert shown == expected
    assert sorted({hit["code"] for hit in plan["guards"]}) == sorted(edit.guards)
    assert {word: count for word, count in plan["summary"].items() if count} == {edit.action: 1}

    allowed = [word for code in edit.guards for word in ("--allow", code)]
    project.apply(*edit.options, *allowed, "--parallelism", "1")
    assert project.writes() == [(call["method"], call["path"]) for call in plan["calls"]] or edit.action == "replace"
    assert len(project.writes()) == len(plan["calls"])
    for now in (NOW, *LATER):
        later = project.plan(now=now)
        assert (later["calls"], later["drift"]) == ([], []), now
        assert {change["action"] for change in later["changes"]} <= {"noop"}, now


def _whole(rich: Rich, edit: Edit) -> dict[str, tuple[Any, Any]]:
    """The change of a field that is shown as a whole."""
    default = rich.kind.fields[edit.field].default
    return {edit.field: (rich.declared[edit.field], default if edit.clears else edit.value)}


def _is_refused(project: Project, edit: Edit, rich: Rich) -> None:
    """The problem has its code, its place and the address; nothing was sent."""
    refused = project.run("apply", "--yes")
    assert refused.code == 1
    assert f"error[{edit.refused}]" in refused.err
    assert any(line.startswith("billing.yaml:") and f"error[{edit.refused}]" in line for line in refused.err.splitlines())
    assert rich.address in refused.err or edit.clears
    assert project.writes() == []


# --- the end ---------------------------------------------------------------------------------------------------------------


@EACH_RICH
def test_destroy_leaves_nothing_live(rich: Rich, tmp_path: Path) -> None:
    """Every object is archived; what can't be archived is forgotten with its parent, and the plan says why."""
    project = applied(rich.spec, tmp_path)
    entries = {Address(address): entry["id"] for address, entry in project.recorded.items()}
    lockfile = project.lockfile.read_text(encoding="utf-8")
    plan = project.plan("--destroy")

    project.ok("destroy", "--yes")

    assert project.recorded == {}
    project.lockfile.write_text(lockfile, encoding="utf-8")
    for kind in KINDS.values():
        mine = [address for address in entries if address.kind == kind.name]
        if kind.archivable:
            assert all(found.archived for found in read(project, kind).values())
            assert len(read(project, kind)) == len(mine)
        else:
            reasons = {change["reason"] for change in plan["changes"] if change["address"] in mine}
            assert reasons <= {"goes with its card: rates can't be archived"}


# --- what can't be read ----------------------------------------------------------------------------------------------------


@EACH_KIND
def test_unreadable_field_is_compared_with_the_record(kind: Kind, tmp_path: Path) -> None:
    """Its change shows the recorded value, and says that it can't be read back."""
    for name, part in kind.fields.items():
        if part.readable:
            continue
        rich, edit = next(
            (rich, edit)
            for rich in RICH[kind.name]
            for edit in rich.edits
            if edit.field == name and edit.value is not GONE and not edit.refused
        )
        project = applied(rich.spec, tmp_path / name)
        project.write(text(rich.edited(edit)))
        change = next(change for change in project.plan()["changes"] if change["address"] == rich.address)
        shown = next(part for part in change["fields"] if part["path"] == name)
        assert shown["before"] == rich.declared[name]
        assert shown["note"] in ("can't be read back: compared with what was recorded", "forces a replacement")
