"""The one-page view: a WSGI program on loopback that shows one environment and makes targeted applies on request.

``App`` is the program. What it works with (the spec, the account, a run under the lock) is handed in by the command line as a
``Desk``; nothing here reads the process environment, prints, or opens a client.
"""

from __future__ import annotations

from nova_iac.ui.app import App
from nova_iac.ui.desk import Applied, Desk, Session

__all__ = ["App", "Applied", "Desk", "Session"]
