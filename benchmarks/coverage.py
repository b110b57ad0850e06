"""How often clustered intervals cover, by seed of the demo: `python -m benchmarks.coverage 0 1 2 3 4`.

Prints for each seed the coefficients whose design covers least (computed, not drawn), how many of them lie outside 91.0-98.3 %, and in how
many of some streams of 400 draws all coefficients of columns with two-way effects stay inside. About two minutes a seed.
"""

from __future__ import annotations

import sys

import numpy as np

from demo.planting.desk import View
from demo.samples import study
from demo.write import make
from tests.demo.coverage import PAPERS, columns, design_of, drawn_coverage, exact_coverage, record_factor

LOW, HIGH, SHOWN, STREAMS, SPREADS = 0.910, 0.983, 6, 20, 24


def main(seeds: list[int]) -> None:
    """Measure and print."""
    for seed in seeds:
        desk = make(seed=seed, editions=range(2006, 2024), cities=300).desk
        rows: list[tuple[float, str]] = []
        outside = np.zeros(STREAMS, dtype=int)
        for number, paper in enumerate(PAPERS):
            view = View(desk, study(paper))
            for at, column in enumerate(columns(view, paper)):
                design = design_of(column)
                factor = record_factor(view, design, np.random.default_rng([number, at, 1]))
                exact = exact_coverage(design, factor, np.random.default_rng([number, at, 2]), SPREADS).mean(axis=1)
                cities = int(design.keep.any(axis=1).sum())
                labels = [f"{paper} {column.table} {column.column} {term} ({cities} cities)" for term in design.terms]
                rows += zip(exact.tolist(), labels, strict=True)
                for stream in range(STREAMS if column.effects == "twoways" else 0):
                    share = drawn_coverage(design, factor, np.random.default_rng([stream, number, at]), 400)
                    outside[stream] += int(((share < LOW) | (share > HIGH)).sum())
        values = [value for value, _ in rows]
        print(f"seed {seed}: {len(rows)} coefficients, computed coverage {min(values):.3f} to {max(values):.3f},")
        print(f"  outside {LOW}-{HIGH}: {sum(not LOW <= value <= HIGH for value in values)};", end=" ")
        print(
            f"streams of 400 draws with all inside: {(outside == 0).sum()} of {STREAMS}, at most {outside.max()} outside"
        )
        for value, label in sorted(rows)[:SHOWN]:
            print(f"  {value:.3f} {label}")


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [20260101])
