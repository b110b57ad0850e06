"""Great Expectations suites, one module a gate (landed, panel, results)."""
