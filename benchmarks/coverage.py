"""How often clustered intervals cover, by seed of the demo: `python -m benchmarks.coverage 0 1 2 3 4`.

Prints for each seed, for bias-reduced and for usual intervals, the range of the computed coverage (not drawn), how many coefficients
lie outside 91.0-98.3 %, those furthest from 95 %, and in how many of some streams of 400 draws all coefficients of columns with
two-way effects stay inside. About three minutes a seed.
"""

from __future__ import annotations

import sys

import numpy as np

from demo.planting.desk import Desk, View
from demo.samples import study
from demo.write import make
from tests.demo.coverage import PAPERS, bias_reduced, columns, design_of, drawn_coverage, exact_coverage, usual

LOW, HIGH, SHOWN, STREAMS, SPREADS = 0.910, 0.983, 6, 20, 24


def measured(desk: Desk, kind: str) -> tuple[list[tuple[float, str]], np.ndarray]:
    """Computed coverage with the coefficient's name, and how many shares of 400 draws lie outside the band, by stream."""
    rows: list[tuple[float, str]] = []
    outside = np.zeros(STREAMS, dtype=int)
    for number, paper in enumerate(PAPERS):
        view = View(desk, study(paper))
        for at, column in enumerate(columns(view, paper)):
            design = design_of(column)
            seed = [number, at, 1]
            rule = bias_reduced(design) if kind == "bias-reduced" else usual(view, design, np.random.default_rng(seed))
            exact = exact_coverage(design, rule, np.random.default_rng([number, at, 2]), SPREADS).mean(axis=1)
            cities = int(design.keep.any(axis=1).sum())
            labels = [f"{paper} {column.table} {column.column} {term} ({cities} cities)" for term in design.terms]
            rows += zip(exact.tolist(), labels, strict=True)
            for stream in range(STREAMS if column.effects == "twoways" else 0):
                share = drawn_coverage(design, rule, np.random.default_rng([stream, number, at]), 400)
                outside[stream] += int(((share < LOW) | (share > HIGH)).sum())
    return rows, outside


def main(seeds: list[int]) -> None:
    """Measure and print."""
    for seed in seeds:
        desk = make(seed=seed, editions=range(2006, 2024), cities=300).desk
        for kind in ("bias-reduced", "usual"):
            rows, outside = measured(desk, kind)
            values = [value for value, _ in rows]
            print(
                f"seed {seed}, {kind}: {len(rows)} coefficients, coverage {min(values):.3f} to {max(values):.3f},",
                end=" ",
            )
            print(f"outside {LOW}-{HIGH}: {sum(not LOW <= value <= HIGH for value in values)};", end=" ")
            print(f"streams with all inside: {(outside == 0).sum()} of {STREAMS}, at most {outside.max()} outside")
            for value, label in sorted(rows, key=lambda row: -abs(row[0] - 0.95))[:SHOWN]:
                print(f"  {value:.3f} {label}", flush=True)


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [20260101])
