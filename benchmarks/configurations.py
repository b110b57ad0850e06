"""How long a truth table and its three solutions take, against plain enumeration of covers by size.

python -m benchmarks.configurations
"""

from __future__ import annotations

import itertools
import time
import warnings

import numpy as np
import pandas as pd

from estimation.qca import calibrate, minimize, truth_table
from estimation.qca.minimisation import minimal_covers, prime_implicants

COMBINATIONS = 1_000_000


def cases(n: int, k: int) -> pd.DataFrame:
    """Fuzzy memberships with two planted configurations and noise."""
    rng = np.random.default_rng(k)
    raw = rng.normal(size=(n, k))
    latent = np.maximum(np.minimum(raw[:, 0], -raw[:, 1]), np.minimum(raw[:, 2], raw[:, 3])) + 0.3 * rng.normal(size=n)
    data = pd.DataFrame({f"X{i}": calibrate(raw[:, i], (-1.6, 0, 1.6)) for i in range(k)})
    return data.assign(city_code=np.arange(n), Y=calibrate(latent, (-1.6, 0, 1.6)))


def enumerate_covers(chart: list[int], n_rows: int) -> int:
    """Number of minimal covers by trying every choice of 1, 2, ... columns; -1 when there are too many choices."""
    everything = (1 << n_rows) - 1
    tried = 0
    for size in range(1, len(chart) + 1):
        found = 0
        for chosen in itertools.combinations(chart, size):
            tried += 1
            if tried > COMBINATIONS:
                return -1
            covered = 0
            for column in chosen:
                covered |= column
            found += covered == everything
        if found:
            return found
    return 0


def main() -> None:
    """Print seconds and ratios."""
    warnings.simplefilter("ignore")
    print(
        f"{'cases x conditions':<20}{'table s':>9}{'three solutions s':>19}{'models':>8}{'covers s':>10}{'enumeration s':>15}{'ratio':>8}"
    )
    for n, k in [(60, 5), (280, 6), (280, 7), (4760, 7), (280, 8)]:
        data, names = cases(n, k), [f"X{i}" for i in range(k)]
        started = time.perf_counter()
        tt = truth_table(data, "Y", names, incl=0.8, freq=1, pri=0.6)
        table = time.perf_counter() - started
        started = time.perf_counter()
        expected = ["1", "0", "1", "1"] + ["-"] * (k - 4)
        minimize(tt)
        parsimonious = minimize(tt, kind="parsimonious", max_models=10**6)
        minimize(tt, kind="intermediate", dir_exp=expected, max_models=10**6)
        solutions = time.perf_counter() - started
        positive = tt.rows("1")
        primes = prime_implicants(positive, tt.rows("?"), k)
        chart = [sum(1 << i for i, row in enumerate(positive) if term.covers(row)) for term in primes]
        started = time.perf_counter()
        minimal_covers(chart, len(positive), 10**6)
        mine = time.perf_counter() - started
        started = time.perf_counter()
        count = enumerate_covers(chart, len(positive))
        other = time.perf_counter() - started
        versus = f"{other:>15.3f}{mine / other:>8.3f}" if count >= 0 else f"{'> ' + format(other, '.1f'):>15}{'':>8}"
        print(f"{f'{n} x {k}':<20}{table:>9.3f}{solutions:>19.3f}{len(parsimonious.models):>8}{mine:>10.4f}{versus}")


if __name__ == "__main__":
    main()
