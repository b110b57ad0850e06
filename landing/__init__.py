"""Readers of extracts: every cell becomes a row with its provenance, or a located quarantine entry."""
