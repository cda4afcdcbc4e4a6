"""Environments: which one is meant, what it leaves out and writes differently, and ``.env``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from spec_kit import brief, problems_of

from nova_iac.errors import SpecError
from nova_iac.resource import Address
from nova_iac.spec import digest, environments, load_spec, read_document, read_dotenv, spec_for

RESOURCES = """
products:
  api: {name: API, type: USAGE, quantity_rounding: {decimal_places: 2, rounding_method: ROUND_UP}}
  web: {name: Web, type: SUBSCRIPTION}
rate_cards:
  standard:
    name: Standard
    rates:
      api: [{starting_at: 2025-09-01, price: $1}]
      web: [{starting_at: 2025-09-01, price: $20, billing_frequency: MONTHLY}]
customers:
  acme:
    name: Acme
    contracts:
      payg: {starting_at: 2025-09-01, rate_card: standard}
      trial: {starting_at: 2025-09-01, rate_card: standard}
  beta: {name: Beta}
"""


def spec_text(inside: str, name: str = "production") -> str:
    """A spec with one environment of this content."""
    return f"version: 1\nenvironments:\n  {name}: {inside}\n{RESOURCES}"


def test_defaults(write: Callable[..., Path]) -> None:
    """An empty environment is the real Metronome with the usual token; slashes at the end of a base_url don't matter."""
    document = read_document(
        write("version: 1\nenvironments:\n  a: {}\n  b: {base_url: 'http://localhost:8080//', token_env: T, protected: true}\n")
    )
    a, b = environments(document).values()

    assert (a.name, a.emulator, a.token_env, a.base_url, a.protected) == (
        "a", False, "METRONOME_BEARER_TOKEN", "https://api.metronome.com", False,
    )  # fmt: skip
    assert (a.exclude, dict(a.set), a.location.line, a.location.column) == ((), {}, 3, 3)
    assert (b.token_env, b.base_url, b.protected) == ("T", "http://localhost:8080", True)


THREE = "version: 1\n{default}environments: {{local: {{emulator: true}}, sandbox: {{}}, production: {{}}}}\n"


@pytest.mark.parametrize(
    ("text", "wanted", "chosen"),
    [
        (THREE.format(default=""), "sandbox", "sandbox"),
        (THREE.format(default="default_environment: local\n"), None, "local"),
        (THREE.format(default="default_environment: local\n"), "production", "production"),
        ("version: 1\nenvironments: {only: {}}\n", None, "only"),
    ],
)
def test_the_environment_that_is_meant(text: str, wanted: str | None, chosen: str, write: Callable[..., Path]) -> None:
    """The one that is asked for comes before the default, the default before the only one."""
    assert load_spec(write(text), wanted).environment.name == chosen


@pytest.mark.parametrize(
    ("text", "wanted", "expected", "words"),
    [
        (THREE.format(default=""), None, "1:1 NV221", "choose one of local, sandbox, production"),
        (THREE.format(default=""), "sandbx", "1:1 NV220", "did you mean sandbox?"),
        (THREE.format(default=""), "x", "1:1 NV220", "known: local, sandbox, production."),
        (THREE.format(default="default_environment: locl\n"), None, "2:22 NV220", "did you mean local?"),
        ("version: 1\n", None, "1:1 NV221", "environments: {local: {emulator: true}}"),
        ("version: 1\n", "local", "1:1 NV220", "there is none."),
    ],
)
def test_no_environment(text: str, wanted: str | None, expected: str, words: str, write: Callable[..., Path]) -> None:
    """Without an environment no spec can be made; the message says which there are, and all else that is wrong comes along."""
    with pytest.raises(SpecError) as trouble:
        load_spec(write(text + "products: {api: {name: API}}\n"), wanted)

    first, second = sorted(trouble.value.diagnostics, key=lambda found: found.code == "NV132")
    assert brief([first]) == [expected]
    assert words in first.detail
    assert second.code == "NV132"


def test_an_unknown_default_is_told_in_every_environment(write: Callable[..., Path]) -> None:
    """A typo in default_environment is an error also where another environment is asked for."""
    assert brief(load_spec(write(THREE.format(default="default_environment: locl\n")), "sandbox").diagnostics) == ["2:22 NV220"]


@pytest.mark.parametrize(
    ("patterns", "absent"),
    [
        ("customer.acme", {"customer.acme", "contract.acme.payg", "contract.acme.trial"}),
        ("contract.acme.payg", {"contract.acme.payg"}),
        ("contract.*.trial", {"contract.acme.trial"}),
        ("rate.standard.api, product.api", {"rate.standard.api", "product.api"}),
        ("'product.???'", {"product.api", "product.web"}),
        ("'*.acme*'", {"customer.acme", "contract.acme.payg", "contract.acme.trial"}),
        ("customer.acme, 'contract.*'", {"customer.acme", "contract.acme.payg", "contract.acme.trial"}),
        ("customer.*, rate_card.standard", {
            "customer.acme", "contract.acme.payg", "contract.acme.trial", "customer.beta",
            "rate_card.standard", "rate.standard.api", "rate.standard.web",
        }),
    ],
)  # fmt: skip
def test_exclude(patterns: str, absent: set[str], write: Callable[..., Path]) -> None:
    """What an address or pattern names is absent with its children; each is known with the place of the entry."""
    path = write(spec_text("{}"))
    everything = set(load_spec(path, None).blocks)
    spec = load_spec(write(spec_text(f"{{exclude: [{patterns}]}}")), None)

    assert spec.diagnostics == ()
    assert set(spec.excluded) == absent
    assert set(spec.blocks) == everything - absent
    assert {place.line for place in spec.excluded.values()} == {3}


def value_at(spec_path: Path, address: str, *path: str) -> object:
    """A value of a block's data, None if it isn't there."""
    data = load_spec(spec_path, None).blocks[Address(address)].data
    for name in path:
        data = data.get(name) if isinstance(data, dict) else None
    return data


@pytest.mark.parametrize(
    ("setting", "address", "path", "value"),
    [
        ("rate_card.standard.name: Other", "rate_card.standard", ("name",), "Other"),
        ("rate_card.standard.description: New", "rate_card.standard", ("description",), "New"),
        ("product.api.quantity_rounding: null", "product.api", ("quantity_rounding",), None),
        ("product.api.quantity_rounding.decimal_places: 3", "product.api", ("quantity_rounding", "decimal_places"), 3),
        ("product.web.is_refundable: ~", "product.web", ("is_refundable",), None),
        ("contract.acme.payg.ending_before: 2026-09-01", "contract.acme.payg", ("ending_before",), "2026-09-01T00:00:00Z"),
        ("customer.acme.contracts.payg.name: N", "contract.acme.payg", ("name",), "N"),
        ("customer.acme.contracts.payg: {starting_at: 2027-01-01}", "contract.acme.payg", ("rate_card",), None),
        ("product.web.tags: [a, no]", "product.web", ("tags",), ["a", "no"]),
        ("customer.beta.name: 'null'", "customer.beta", ("name",), "null"),
    ],
)
def test_set(setting: str, address: str, path: tuple[str, ...], value: object, write: Callable[..., Path]) -> None:
    """A field, also one inside of another or of a child, is replaced whole, added, or removed by null; it is typed as ever."""
    written = write(spec_text(f"{{set: {{{setting}}}}}"))

    assert load_spec(written, None).diagnostics == ()
    assert value_at(written, address, *path) == value


@pytest.mark.parametrize("address", ["rate_card.standard.rates.api", "rate.standard.api"])
def test_set_of_a_timeline(address: str, write: Callable[..., Path]) -> None:
    """A timeline is replaced whole, under either of its names, or removed; its places are those in the environment."""
    path = write(spec_text(f"{{set: {{{address}: [{{starting_at: 2025-10-01, price: $2}}]}}}}"))
    block = load_spec(path, None).blocks[Address("rate.standard.api")]

    assert block.data == [{"starting_at": "2025-10-01T00:00:00Z", "price": "$2"}]
    assert block.place((0, "price")).line == 3
    assert "rate.standard.api" not in load_spec(write(spec_text(f"{{set: {{{address}: null}}}}")), None).blocks


def test_set_makes_what_is_missing_on_the_way(write: Callable[..., Path]) -> None:
    """A subfield of a field that isn't there is put into a new mapping, and what that lacks is told at the environment."""
    found = problems_of(write(spec_text("{set: {product.web.quantity_rounding.decimal_places: 3}}")))

    assert brief(found) == ["3:22 NV132"]


def test_set_can_mend_and_break(write: Callable[..., Path]) -> None:
    """Values are judged as the environment has them: a field that only environments give may be missing in the file."""
    text = "version: 1\nenvironments:\n  good: {set: {product.api.type: FIXED}}\n  bad: {}\nproducts: {api: {name: API}}\n"
    document = read_document(write(text))

    assert spec_for(document, "good").diagnostics == ()
    assert brief(spec_for(document, "bad").diagnostics) == ["5:12 NV132"]
    assert spec_for(document, "good").diagnostics == ()


def test_a_mistake_is_told_in_every_environment(write: Callable[..., Path]) -> None:
    """What is wrong in a block is wrong in each environment, also where one sets another field of it."""
    text = "version: 1\nenvironments:\n  a: {}\n  b: {set: {product.api.name: B}}\n  c: {exclude: [product.api]}\n"
    document = read_document(write(f"{text}products: {{api: {{name: API, type: FIXED, tags: vip}}}}\n"))

    told = [brief(spec_for(document, name).diagnostics) for name in "abca"]
    assert told == [["6:48 NV130"], ["6:48 NV130"], [], ["6:48 NV130"]]


@pytest.mark.parametrize(
    ("inside", "code", "words"),
    [
        ("{exclude: [customer.acm]}", "NV224", "did you mean customer.acme?"),
        ("{exclude: [customers.acme]}", "NV224", "did you mean customer.acme?"),
        ("{exclude: ['customer.x*']}", "NV224", "the pattern matches nothing."),
        ("{exclude: ['rate.standard.api[region=eu]']}", "NV224", "names no resource"),
        ("{exclude: [acme]}", "NV224", "an address begins with one of"),
        ("{exclude: ['']}", "NV224", "names no resource"),
        ("{set: {product.apy.name: x}}", "NV222", "did you mean product.api?"),
        ("{set: {contract.acme.pay.name: x}}", "NV222", "did you mean contract.acme.payg?"),
        ("{set: {products.api.name: x}}", "NV222", "did you mean product.api.name?"),
        ("{set: {product: x}}", "NV222", "is no ADDRESS.FIELD"),
        ("{set: {rate_card.standard.rates.wep: []}}", "NV222", "there is no rate.standard.wep in this spec"),
        ("{set: {product.api.nam: x}}", "NV223", "did you mean name?"),
        ("{set: {product.api: {}}}", "NV223", "names a whole resource"),
        ("{set: {product.api.name.first: x}}", "NV223", "nothing can be set inside of name"),
        ("{set: {product.api.quantity_rounding.places: 1}}", "NV223", "did you mean decimal_places?"),
        ("{set: {rate.standard.api.price: $2}}", "NV223", "nothing can be set inside of"),
        ("{exclude: [customer.acme], set: {customer.acme.name: x}}", "NV225", "is excluded in this environment, at line 3"),
        ("{exclude: [customer.acme], set: {contract.acme.payg.name: x}}", "NV225", "contract.acme.payg is excluded"),
        ("{set: {product.api.name: [x]}}", "NV130", "expected text, found a list"),
        ("{set: {product.api.name: {a: 1}}, exclude: customer.acme}", "NV130", "expected"),
        ("{emulator: true, token_env: X}", "NV227", "token_env means nothing beside emulator: true"),
    ],
)
def test_overrides_that_lead_nowhere(inside: str, code: str, words: str, write: Callable[..., Path]) -> None:
    """An address or field that isn't there, or an override without effect, is told at its place with the nearest there is."""
    found = problems_of(write(spec_text(inside)))

    assert {d.code for d in found} >= {code}
    assert any(words in d.detail and d.location and d.location.line == 3 for d in found)


def test_environments_do_not_touch_each_other(write: Callable[..., Path]) -> None:
    """What one environment excludes and sets is as it was in all others, however often they are looked at."""
    changes = "{exclude: [contract.acme.trial, rate.standard.web], set: {product.api.name: Other, contract.acme.payg.name: x}}"
    text = f"version: 1\nenvironments:\n  plain: {{}}\n  other: {changes}\n{RESOURCES}"
    document = read_document(write(text))
    before = spec_for(document, "plain")
    spec_for(document, "other")
    after = spec_for(document, "plain")

    assert digest(before) == digest(after) != digest(spec_for(document, "other"))
    assert [(a, b.data) for a, b in before.blocks.items()] == [(a, b.data) for a, b in after.blocks.items()]
    assert after.diagnostics == ()
    untouched = Address("customer.beta")
    assert after.blocks[untouched].data is spec_for(document, "other").blocks[untouched].data


def test_a_token_that_was_written_into_the_spec_is_not_repeated(write: Callable[..., Path]) -> None:
    """Whoever pastes a token where none belongs doesn't find it in the messages."""
    from nova_iac.render.diagnostics import as_data, as_text
    from nova_iac.spec import with_sources

    text = "version: 1\nenvironments:\n  a: {token: s3cret-1, protectd: true}\n  b:\n    token_env: s3cret-2\n"
    text += "  c: {base_url: 'https://me:s3cret-3@host'}\n  d:\n    base_url: http://s3cret-4@host/v1\n"
    found = with_sources(problems_of(write(text), "a"))

    assert [one.code for one in found] == ["NV131", "NV131", "NV142", "NV142", "NV142"]
    assert "base_url can't hold a user name or a password" in str(found)
    assert "s3cret" not in as_text(found, color=False)
    assert "s3cret" not in str(as_data(found))


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ("{product.old: product.api}", []),
        ("{product.old: product.older, product.older: product.api}", []),
        ("{contract.acme.old: contract.acme.payg, rate.standard.old: rate.standard.api}", []),
        ("{product.old: product.apy}", ["4:22 NV226"]),
        ("{product.web: product.api}", ["4:9 NV226"]),
        ("{product.a: product.api, product.b: product.api}", ["4:44 NV226"]),
        ("{product.a: product.a}", ["4:20 NV226"]),
        ("{customer.a: product.api}", ["4:21 NV226"]),
        ("{product: product.api, contract.a: contract.acme.payg}", ["4:9 NV226", "4:31 NV226"]),
        ("{product.old: [x]}", ["4:22 NV130"]),
    ],
)
def test_moved(moves: str, expected: list[str], write: Callable[..., Path]) -> None:
    """A move leads from an address without a block to one of the same kind that has one."""
    spec = load_spec(write(f"version: 1\nenvironments: {{a: {{}}}}\n\nmoved: {moves}\n{RESOURCES}"), None)

    assert brief(spec.diagnostics) == expected


def test_a_move_into_what_was_not_read(write: Callable[..., Path]) -> None:
    """Where the end of the file wasn't read, the new address may stand there."""
    text = f"version: 1\nenvironments: {{a: {{}}}}\nmoved: {{product.old: product.zzz}}\n{RESOURCES}  gamma: @\n"

    assert [found.code for found in load_spec(write(text), None).diagnostics] == ["NV103"]


def test_moved_is_given(write: Callable[..., Path]) -> None:
    """A spec carries its moves as addresses."""
    spec = load_spec(write(f"version: 1\nenvironments: {{a: {{}}}}\nmoved: {{product.old: product.api}}\n{RESOURCES}"), None)

    assert dict(spec.moved) == {Address("product.old"): Address("product.api")}


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (("name: API,", "name: 'API',   # comment\n   "), True),
        (("products:", "x-y: 1\nproducts:"), True),
        (("price: $1}", "price: USD 1.00}"), True),
        (("starting_at: 2025-09-01, price: $1", "price: $1, starting_at: 2025-09-01T02:00:00+02:00"), True),
        (("type: SUBSCRIPTION", "type: SUBSCRIPTION, tags: [b, a]"), False),
        (("name: API", "name: APY"), False),
        (("price: $1}", "price: $1.01}"), False),
        (("name: Beta", "name: Beta, lifecycle: {protect: true}"), False),
        (("\nproducts:", "\nmoved: {product.old: product.api}\nproducts:"), False),
    ],
)
def test_digest(change: tuple[str, str], same: bool, write: Callable[..., Path]) -> None:
    """The digest follows what a spec means, not how it is written."""
    text = spec_text("{}")
    assert change[0] in text
    before, after = digest(load_spec(write(text), None)), digest(load_spec(write(text.replace(*change)), None))

    assert (before == after) is same
    assert len(before) == 64


def test_digest_and_sets(write: Callable[..., Path]) -> None:
    """The order of a set changes nothing, that of a timeline does."""
    text = spec_text("{}").replace("type: SUBSCRIPTION", "type: SUBSCRIPTION, tags: [a, b]")
    digests = {digest(load_spec(write(t), None)) for t in (text, text.replace("[a, b]", "[b, a]"))}

    assert len(digests) == 1


@pytest.mark.parametrize(
    ("line", "settings"),
    [
        ("A=b", {"A": "b"}),
        ("  export A = b c  ", {"A": "b c"}),
        ("A=", {"A": ""}),
        ("A=b # comment", {"A": "b"}),
        ("A= # comment", {"A": ""}),
        ("A=b#c", {"A": "b#c"}),
        ("# A=b", {}),
        ("A='b # $c \\n'", {"A": "b # $c \\n"}),
        ('A="b\\n\\"c\\" # d" # comment', {"A": 'b\n"c" # d'}),
        ("A=it's", {"A": "it's"}),
        ("A='open", {}),
        ('A="b" c', {}),
        ("A B=c", {}),
        ("1A=b", {}),
        ("export", {}),
        ("=b", {}),
        ("A=1\nA=2\r\nB=3", {"A": "2", "B": "3"}),
        ("\ufeffA=b", {"A": "b"}),
    ],
)
def test_dotenv(line: str, settings: dict[str, str], tmp_path: Path) -> None:
    """The lines of a .env file that are read, and those that are passed over."""
    path = tmp_path / ".env"
    path.write_bytes(line.encode())

    assert read_dotenv(path) == settings


def test_dotenv_that_cannot_be_read(tmp_path: Path) -> None:
    """No .env is none; one that is no text is an error that shows nothing of it."""
    assert read_dotenv(tmp_path / ".env") == {}
    assert read_dotenv(tmp_path) == {}
    (tmp_path / ".env").write_bytes(b"TOKEN=s3cret\xff")
    with pytest.raises(SpecError) as trouble:
        read_dotenv(tmp_path / ".env")

    assert "s3cret" not in str(trouble.value.diagnostics)
    assert trouble.value.diagnostics[0].location is None
