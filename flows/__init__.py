"""Prefect flows, release publishing and the command line: orchestration only, no arithmetic."""
