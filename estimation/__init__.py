"""The numbers: one module a method, pure functions on arrays and frames (no database, no orchestration)."""
