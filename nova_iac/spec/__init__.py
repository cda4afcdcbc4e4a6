"""Text → data that knows where it came from.

``load_spec`` for one environment; ``read_document`` and ``spec_for`` where several are looked at. Problems of content are never
raised: they are a spec's diagnostics, each with its place, and the graph adds its own before anyone stops.
"""

from __future__ import annotations

from nova_iac.spec.document import Document, Spec, digest, environments, load_spec, read_document, spec_for
from nova_iac.spec.dotenv import read_dotenv
from nova_iac.spec.environments import Environment
from nova_iac.spec.problems import nearest
from nova_iac.spec.sources import with_sources

__all__ = [
    "Document",
    "Environment",
    "Spec",
    "digest",
    "environments",
    "load_spec",
    "nearest",
    "read_document",
    "read_dotenv",
    "spec_for",
    "with_sources",
]
