"""From landed tables to an index of cities, one module an index; called by `models/indices`."""
