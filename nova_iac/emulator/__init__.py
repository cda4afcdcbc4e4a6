"""A local Metronome: its HTTP API as a WSGI program on SQLite.

A different program from the provisioner: it answers as the API does, not as our kinds expect, and shares only the rating
library with them. ``Emulator`` is called in-process over httpx's WSGI transport or served by ``emulator.serve``.
"""

from nova_iac.emulator.app import Emulator

__all__ = ["Emulator"]
