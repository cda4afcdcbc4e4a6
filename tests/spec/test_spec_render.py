"""Diagnostics as text and as data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nova_iac.errors import Diagnostic, Location, Severity
from nova_iac.render.diagnostics import as_data, as_text, count_line
from nova_iac.spec import with_sources

ERROR, WARNING = Severity.ERROR, Severity.WARNING


def found(source: str | None, column: int = 1, **changes: object) -> Diagnostic:
    """A diagnostic of a line."""
    fields = {"address": "product.api", "location": Location("billing.yaml", 12, column), "source": source} | changes
    return Diagnostic(ERROR, "NV131", "Unknown key", "'nmae' is no field here;\ndid you mean name?", **fields)  # type: ignore[arg-type]


def caret(source: str, column: int) -> tuple[str, str]:
    """The source line as it is shown, and the line with the caret."""
    lines = as_text([found(source, column)], color=False).splitlines()
    return lines[1].partition("| ")[2], lines[2].partition("| ")[2]


def test_the_text() -> None:
    """Place, severity, code and summary; the line with a caret; the detail; then how many there are."""
    warning = Diagnostic(WARNING, "NV123", "Include without a match", "nothing matches.", None, Location("billing.yaml", 3, 1))

    assert as_text([found("    nmae: API", 5), warning], color=False) == (
        "billing.yaml:3:1: warning[NV123] Include without a match\n"
        "    nothing matches.\n"
        "\n"
        "billing.yaml:12:5: error[NV131] Unknown key (product.api)\n"
        "  12 |     nmae: API\n"
        "     |     ^\n"
        "    'nmae' is no field here;\n"
        "    did you mean name?\n"
        "\n"
        "1 error, 1 warning.\n"
    )


def test_without_a_place() -> None:
    """A problem of no place has no line to show."""
    text = as_text([found(None, location=None, address=None)], color=False)

    assert text.startswith("error[NV131] Unknown key\n    'nmae'")


@pytest.mark.parametrize(
    ("errors", "warnings", "line"),
    [(0, 0, "0 errors."), (1, 0, "1 error."), (0, 1, "1 warning."), (2, 3, "2 errors, 3 warnings."), (0, 2, "2 warnings.")],
)
def test_the_count(errors: int, warnings: int, line: str) -> None:
    """Errors and warnings are counted apart."""
    warning = Diagnostic(WARNING, "NV123", "s", "d")

    assert count_line([found(None)] * errors + [warning] * warnings) == line


def test_nothing_to_say() -> None:
    """No diagnostics, no text."""
    assert as_text([], color=True) == ""


def test_colour() -> None:
    """Colour changes no letter, and there is none without it."""
    plain, painted = as_text([found("a: b")], color=False), as_text([found("a: b")], color=True)

    assert "\x1b" not in plain
    assert "\x1b[1;31m" in painted
    for code in ("\x1b[1;31m", "\x1b[1m", "\x1b[2m", "\x1b[0m"):
        painted = painted.replace(code, "")
    assert painted == plain


@pytest.mark.parametrize(
    ("source", "column", "shown", "before"),
    [
        ("a: b", 4, "a: b", 3),
        ("\ta: b", 2, "→a: b", 1),
        ("a: \x1b[31mb", 4, "a: \\x1b[31mb", 3),
        ("\x1bx: b", 3, "\\x1bx: b", 5),
        ("\u202ea: b", 2, "\\u202ea: b", 6),
        ("日本: b", 5, "日本: b", 6),
        ("e\u0301: b", 4, "e\u0301: b", 2),
        ("a", 50, "a", 1),
        ("", 1, "", 0),
    ],
)
def test_the_caret_stands_under_the_column(source: str, column: int, shown: str, before: int) -> None:
    """Control characters become visible, and the caret still points at the right cell."""
    assert caret(source, column) == (shown, " " * before + "^")


@pytest.mark.parametrize("column", [1, 60, 5000, 99_999])
def test_long_lines_are_cut_around_the_caret(column: int) -> None:
    """Of a very long line the part around the caret is shown."""
    source = "".join(chr(ord("a") + index % 26) for index in range(100_000))
    shown, under = caret(source, column)

    assert len(shown) <= 122
    assert shown[under.index("^")] == source[column - 1]
    assert shown.startswith("…") == (column > 100)
    assert shown.endswith("…") == (column < 99_000)


def test_the_data() -> None:
    """The same as plain data, sorted, that says whether the spec is valid."""
    warning = Diagnostic(WARNING, "NV123", "s", "d", None, Location("a.yaml", 3, 1), "  x")
    data = as_data([found("    nmae: API", 5), warning])

    assert data == json.loads(json.dumps(data))
    assert {name: value for name, value in data.items() if name != "diagnostics"} == {
        "format_version": "1.0", "valid": False, "error_count": 1, "warning_count": 1,
    }  # fmt: skip
    assert data["diagnostics"][1] == {
        "severity": "error",
        "code": "NV131",
        "summary": "Unknown key",
        "detail": "'nmae' is no field here;\ndid you mean name?",
        "address": "product.api",
        "location": {"file": "billing.yaml", "line": 12, "column": 5},
        "source": "    nmae: API",
    }
    assert data["diagnostics"][0]["location"] == {"file": "a.yaml", "line": 3, "column": 1}
    assert as_data([warning])["valid"] is True


def test_sources(tmp_path: Path) -> None:
    """Lines are those that the parser counts; a byte order mark is no part of the first; what can't be read has no source."""
    path = tmp_path / "a.yaml"
    path.write_bytes("\ufeffone\r\ntwo\x85three\u2028four\rfive\n".encode())

    def at(line: int, file: str = str(path)) -> Diagnostic:
        return found(None, location=Location(file, line, 1))

    asked = [at(1), at(2), at(3), at(4), at(5), at(9), at(1, str(tmp_path)), at(1, "none"), at(1, "a\0b")]
    assert [d.source for d in with_sources(asked)] == ["one", "two", "three", "four", "five", None, None, None, None]


def test_a_source_that_is_given_stays(tmp_path: Path) -> None:
    """A diagnostic that shows less than the file keeps to that, and so do all others of its line."""
    path = tmp_path / "a.yaml"
    path.write_text("token: s3cret\nname: x\n")
    place = Location(str(path), 1, 1)
    given, same_line, other = with_sources(
        [found("token: …", location=place), found(None, location=place), found(None, location=Location(str(path), 2, 1))]
    )

    assert (given.source, same_line.source, other.source) == ("token: …", "token: …", "name: x")
