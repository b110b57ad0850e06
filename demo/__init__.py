"""Synthetic yearbooks in the real layouts, with a known truth."""
