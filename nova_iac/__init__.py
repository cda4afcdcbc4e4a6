"""Billing as code for Metronome."""

__version__ = "0.1.0"
