"""The table of endpoints in docs/emulator.md, made from the routes.

``python -m nova_iac.emulator.endpoints docs/emulator.md`` writes it anew between its two marks.
"""

from __future__ import annotations

import sys
from pathlib import Path

from nova_iac.emulator import routes

BEGIN, END = "<!-- endpoints: generated -->", "<!-- endpoints: end -->"


def table() -> str:
    """Every endpoint of the API: emulated, partly (what not), not."""
    lines = ["| Endpoint | Emulated |", "|---|---|"]
    for route in sorted(routes.ROUTES, key=lambda route: (route.path, route.method)):
        state = "no (501)" if route.behaviour is None else f"partly; not: {route.lacks}" if route.lacks else "yes"
        lines.append(f"| {route.method} `{route.path}` | {state} |")
    return "\n".join(lines)


def renewed(document: str) -> str:
    """The document with a current table between the marks."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
