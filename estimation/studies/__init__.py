"""Declarative study descriptions (`*.yml`), read by `estimation.runner`."""
