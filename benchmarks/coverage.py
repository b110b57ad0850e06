"""How often clustered intervals cover, by seed of the demo: `python -m benchmarks.coverage 0 1 2 3 4`.

Prints for each seed, for bias-reduced and for usual intervals, the range of the computed coverage (not drawn), how many coefficients
lie outside 91.0-98.3 %, those furthest from 95 %, and in how many of some streams of 400 draws all coefficients of columns with
two-way effects stay inside. Then, drawn: coverage of the types beside a lag and of the pair planted by instruments, with the bias of
plain least squares and the coverage of the usual region and of 2SLS intervals. About five minutes a seed.
"""

from __future__ import annotations

import sys

import numpy as np

from demo.planting.desk import Desk, View
from demo.samples import study
from demo.write import make
from tests.demo.coverage import PAPERS, bias_reduced, columns, design_of, drawn_coverage, exact_coverage, usual
from tests.demo.coverage_iv import coverage, instrumented_column, of_record, region, widths
from tests.demo.coverage_lag import drawn, dynamic_columns

LOW, HIGH, SHOWN, STREAMS, SPREADS = 0.910, 0.983, 6, 20, 24
LAG_DRAWS, IV_DRAWS = 2000, 20_000


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


def beside_a_lag(desk: Desk) -> None:
    """Print coverage and bias of the types in three regions."""
    view = View(desk, study("new_quality_va_types"))
    for at, design in enumerate(dynamic_columns(view)):
        found = drawn(design, np.random.default_rng([len(PAPERS), at, 3]), LAG_DRAWS)
        rows = zip(design.terms, found.covered, found.bias, found.plain_bias, strict=True)
        print(f"  {design.region}, {LAG_DRAWS:,} draws: coverage, bias, bias of least squares (standard deviations)")
        for term, share, bias, plain in rows:
            print(f"    {term}: {share:.3f}, {bias:.2f}, {plain:.2f}", flush=True)


def by_instruments(desk: Desk) -> None:
    """Print coverage of the regions and intervals of the pair, and the strength of the instruments."""
    view = View(desk, study("green_development"))
    design = instrumented_column(view)
    rule, plain = region(design, bias_reduced=True), region(design, bias_reduced=False)
    wide = widths(view, design, np.random.default_rng([1, 4]))
    many, usual_region, intervals = coverage(design, rule, plain, wide, np.random.default_rng([1, 3]), IV_DRAWS)
    streams = [
        coverage(design, rule, plain, wide, np.random.default_rng([stream, 5]), 400)[0] for stream in range(STREAMS)
    ]
    own = np.stack([design.column.x[term] for term in design.terms])
    fit, _ = of_record(view, design, own, np.random.default_rng(0).normal(size=design.shape))
    conditional = ", ".join(f"{stage.conditional_f:.2f}" for stage in fit.first_stage.values())
    print(
        f"  by instruments (Kleibergen-Paap F {fit.kleibergen_paap_f:.2f}, conditional F {conditional}), {IV_DRAWS:,} draws:",
        end=" ",
    )
    print(
        f"region {many:.3f}, usual region {usual_region:.3f}, 2SLS {' '.join(f'{share:.3f}' for share in intervals)};",
        end=" ",
    )
    print(
        f"region inside the band in {sum(LOW <= share <= HIGH for share in streams)} of {STREAMS} streams", flush=True
    )


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
        beside_a_lag(desk)
        by_instruments(desk)


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [20260101])
