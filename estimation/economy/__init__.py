"""Quantities of the economy behind the indices: capital, distortion, allocation, structure, coordination, markets, robots."""
