"""Problems of a spec as SARIF 2.1.0, so that code review shows them on the changed line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote

from nova_iac import __version__
from nova_iac.errors import Diagnostic, Severity

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning"}


def as_sarif(diagnostics: Sequence[Diagnostic], path_of: Callable[[str], str]) -> dict[str, Any]:
    """One run with a rule per code and a result per problem.

    :param path_of: a file's path in its repository, from which code review counts; absolute where there is no repository.
    """
    ordered = sorted(diagnostics, key=Diagnostic.sort_key)
    rules = {diagnostic.code: diagnostic.summary for diagnostic in ordered}
    index = {code: number for number, code in enumerate(sorted(rules))}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "nova-iac",
                        "version": __version__,
                        "rules": [{"id": code, "shortDescription": {"text": rules[code]}} for code in sorted(rules)],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(diagnostic, index, path_of) for diagnostic in ordered],
            }
        ],
    }


def _result(diagnostic: Diagnostic, index: dict[str, int], path_of: Callable[[str], str]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": index[diagnostic.code],
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": f"{diagnostic.summary}: {diagnostic.detail}"},
    }
    place = diagnostic.location
    if place is not None:
        result["locations"] = [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(PurePath(path_of(place.file)))},
                    "region": {"startLine": place.line, "startColumn": place.column},
                }
            }
        ]
    return result


def _uri(path: PurePath) -> str:
    return path.as_uri() if path.is_absolute() else quote(path.as_posix(), errors="surrogateescape")
