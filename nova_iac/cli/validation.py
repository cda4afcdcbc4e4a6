"""All problems of a spec, over one environment or all of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nova_iac.desired.graph import build_graph
from nova_iac.errors import Diagnostic, SpecError
from nova_iac.kinds import KINDS
from nova_iac.spec import environments, load_spec, read_document, spec_for, with_sources


def problems_of(file: Path, environment: str | None) -> tuple[Sequence[Diagnostic], Sequence[str]]:
    """Every diagnostic, each once however many environments have it, with its source line; and the environments looked at."""
    found: dict[Diagnostic, None] = {}
    names: Sequence[str] = ()
    try:
        if environment is None:
            document = read_document(file)
            names = list(environments(document))
            specs = [spec_for(document, name) for name in names]
        else:
            specs, names = [load_spec(file, environment)], [environment]
        if not specs:
            specs = [load_spec(file, None)]
        for spec in specs:
            try:
                found |= dict.fromkeys(build_graph(spec, KINDS).warnings)
            except SpecError as problem:
                found |= dict.fromkeys(problem.diagnostics)
    except SpecError as problem:
        found |= dict.fromkeys(problem.diagnostics)
    return with_sources(sorted(found, key=Diagnostic.sort_key)), names
