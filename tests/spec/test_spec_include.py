"""``include``: several files that read as one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from spec_kit import HEAD, brief, problems_of

from nova_iac.resource import Address
from nova_iac.spec import load_spec, with_sources


def product(key: str, name: str = "P") -> str:
    """A file with one product."""
    return f"products:\n  {key}: {{name: {name}, type: FIXED}}\n"


def test_sections_of_several_files_are_one(write: Callable[..., Path]) -> None:
    """Globs are sorted, files come behind the one that names them, nested ones behind theirs, and places name their file."""
    path = write(
        f"{HEAD}include: [parts/*.yaml, last.yaml]\n{product('root')}",
        parts__b_yaml=product("b"),
        parts__a_yaml=f"include: [deep/*.yaml]\n{product('a')}x-anchor: &x {{name: X}}\ncustomers: {{acme: *x}}\n",
        parts__deep__c_yaml=product("c"),
        last_yaml=product("last"),
    )
    spec = load_spec(path, None)

    assert spec.diagnostics == ()
    assert list(spec.blocks) == ["product.root", "product.a", "product.c", "product.b", "product.last", "customer.acme"]
    assert spec.blocks[Address("product.c")].location.file == str(path.parent / "parts/deep/c.yaml")


def test_paths_are_shown_as_given(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path stays relative in messages, for included files too, and their lines are found."""
    path = write(f"{HEAD}include: [parts/a.yaml]\n", parts__a_yaml="include: [../b.yaml]\n", b_yaml="prodcts: {}\n")
    monkeypatch.chdir(path.parent.parent)
    (found,) = with_sources(problems_of(Path(path.parent.name, "billing.yaml")))

    assert str(found.location) == f"{path.parent.name}/b.yaml:1:1"
    assert found.source == "prodcts: {}"


def test_a_file_that_is_named_twice_is_read_once(write: Callable[..., Path]) -> None:
    """Globs that overlap and files that share a third are no mistake."""
    both = "include: [c.yaml]\n"
    path = write(f"{HEAD}include: [a.yaml, '[ab].yaml', b.yaml]\n", a_yaml=both + product("a"), b_yaml=both, c_yaml=product("c"))
    spec = load_spec(path, None)

    assert spec.diagnostics == ()
    assert list(spec.blocks) == ["product.a", "product.c"]


def test_a_key_in_three_files(write: Callable[..., Path]) -> None:
    """Each file that defines a key again is told, with the first place; files that share a section aren't changed by it."""
    path = write(f"{HEAD}include: ['?.yaml']\n", a_yaml=product("p"), b_yaml=product("p"), c_yaml=product("p") + "  q: 1\n")
    found = problems_of(path)

    assert [Path(d.location.file).name for d in found if d.code == "NV124" and d.location] == ["b.yaml", "c.yaml"]
    assert all(f"{path.parent}/a.yaml:2:3" in d.detail for d in found if d.code == "NV124")


def test_a_shared_section_does_not_grow(write: Callable[..., Path]) -> None:
    """Where one anchored mapping is two sections, what a file adds to one is not in the other."""
    path = write(
        f"{HEAD}include: [a.yaml]\ncustomers: &c {{one: {{name: One}}}}\nrate_cards: *c\n",
        a_yaml="customers: {two: {name: Two}}\n",
    )

    assert sorted(load_spec(path, None).blocks) == ["customer.one", "customer.two", "rate_card.one"]


def test_a_glob_without_a_match_warns(write: Callable[..., Path]) -> None:
    """Nothing there yet is a warning; the same as a plain path is an error."""
    assert brief(problems_of(write(f"{HEAD}include: [customers/*.yaml, one.yaml]\n"))) == ["3:11 NV123", "3:29 NV120"]
    assert [str(d.severity) for d in problems_of(write(f"{HEAD}include: [customers/*.yaml]\n"))] == ["warning"]


def test_cycles(write: Callable[..., Path]) -> None:
    """Every entry that leads back to a file above it is told, and reading ends."""
    files = {"a_yaml": "include: [b.yaml]\n", "b_yaml": "include: [c.yaml, a.yaml]\n", "c_yaml": "include: [c.yaml]\n"}
    found = problems_of(write(f"{HEAD}include: ['*.yaml']\n", **files))
    places = {f"{Path(d.location.file).name}:{d.location.column}" for d in found if d.location}

    assert places == {"billing.yaml:11", "b.yaml:19", "c.yaml:11"}
    assert {d.code for d in found} == {"NV121"}


def test_a_long_chain_of_files(write: Callable[..., Path]) -> None:
    """A chain of 1,500 files needs no recursion."""
    files = {f"f{i}_yaml": f"include: [f{i + 1}.yaml]\n" for i in range(1500)}
    path = write(f"{HEAD}include: [f0.yaml]\n", **files, f1500_yaml=product("end"))

    assert list(load_spec(path, None).blocks) == ["product.end"]


def test_nothing_outside_the_folder(tmp_path: Path) -> None:
    """Neither a path nor a symbolic link leads out of the spec's folder; a link that stays inside is fine."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.yaml").write_text(product("x"))
    (tmp_path / "spec").mkdir()
    main = tmp_path / "spec" / "billing.yaml"
    (tmp_path / "spec" / "link.yaml").symlink_to(outside / "x.yaml")
    (tmp_path / "spec" / "folder").symlink_to(outside)
    (tmp_path / "spec" / "inside.yaml").write_text(product("inside"))
    (tmp_path / "spec" / "alias.yaml").symlink_to("inside.yaml")
    main.write_text(f"{HEAD}include: [../outside/x.yaml, link.yaml, folder/*.yaml, ../outside/*.yaml, alias.yaml]\n")

    spec = load_spec(main, None)
    assert brief(spec.diagnostics) == ["3:11 NV122", "3:30 NV122", "3:41 NV122", "3:56 NV122"]
    assert list(spec.blocks) == ["product.inside"]


def test_hidden_files_and_folders_are_not_matched(write: Callable[..., Path]) -> None:
    """An editor's copy is not read by accident; a pattern with the dot names it."""
    path = write(
        f"{HEAD}include: ['**/*.yaml']\nx-none: 1\n".replace("'**/*.yaml'", "'parts/**/*.yaml'"), parts__a_yaml=product("a")
    )
    (path.parent / "parts" / ".a.yaml").write_text("not: [yaml")
    (path.parent / "parts" / "folder.yaml").mkdir()

    assert list(load_spec(path, None).blocks) == ["product.a"]
    assert problems_of(path) == ()
    assert brief(problems_of(write(f"{HEAD}include: ['parts/.*.yaml']\n")))[-1].endswith("NV103")


def test_links_that_go_round(write: Callable[..., Path]) -> None:
    """Folders that link to each other don't keep a glob busy for ever."""
    path = write(f"{HEAD}include: ['parts/**/*.yaml']\n", parts__a_yaml=product("a"))
    for name in ("one", "two", "three"):
        (path.parent / "parts" / name).symlink_to(path.parent / "parts")

    assert list(load_spec(path, None).blocks) == ["product.a"]


@pytest.mark.parametrize("entry", ["{a: 1}", "[a]", "''", "~", "'a\\0b'", "'**x'", f"'{'x' * 5000}'", "'[a'"])
def test_entries_that_are_no_paths(entry: str, write: Callable[..., Path]) -> None:
    """Whatever stands in the list, it is told at its place."""
    found = problems_of(write(f"{HEAD}include: [{entry}]\n"))

    assert brief(found)[0].split()[0] == "3:11"
    assert len(found) == 1
