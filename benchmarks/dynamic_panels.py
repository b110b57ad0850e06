"""How long a dynamic-panel fit takes, against clustered two-step GMM of linearmodels on the same stacked arrays.

linearmodels does less: no instrument construction, no Windmeijer correction, no AR, Sargan or difference-in-Hansen tests.

OMP_NUM_THREADS=1 python -m benchmarks.dynamic_panels
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from linearmodels.iv import IVGMM

from estimation.gmm import Gmm, fit_gmm
from estimation.gmm.system import Spec, build_system

REPEATS = 5


def panel(entities: int, periods: int) -> pd.DataFrame:
    """y = .5 L.y + .3 x + effect + error, after 50 periods of burn-in."""
    rng = np.random.default_rng(1)
    effect = rng.normal(size=entities)
    y, x = np.zeros((2, entities, 50 + periods))
    for t in range(1, 50 + periods):
        x[:, t] = 0.6 * x[:, t - 1] + 0.3 * effect + rng.normal(size=entities)
        y[:, t] = 0.5 * y[:, t - 1] + 0.3 * x[:, t] + effect + rng.normal(size=entities)
    return pd.DataFrame(
        {
            "city_code": np.repeat(np.arange(entities), periods),
            "year": np.tile(np.arange(2005, 2005 + periods), entities),
            "y": y[:, 50:].ravel(),
            "x": x[:, 50:].ravel(),
        }
    )


def seconds(action: Callable[[], object]) -> float:
    """Best of a few runs."""
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return min(times)


def stacked_alternative(frame: pd.DataFrame, gmm: tuple[Gmm, ...]) -> Callable[[], object]:
    """IVGMM on the arrays of the same system, built beforehand."""
    data = build_system(frame, Spec("y", ("L.y", "x"), gmm, (), True, "fd", False, None, "city_code", "year"))
    rows = data.used.ravel()
    clusters = np.repeat(np.arange(len(data.used)), data.used.shape[1])[rows]
    y, X, Z = (a.reshape(len(rows), -1)[rows] for a in (data.y, data.X, data.Z))
    model = IVGMM(y, None, X, Z, weight_type="clustered", clusters=clusters)
    return lambda: model.fit(iter_limit=2, cov_type="clustered", clusters=clusters)


def main() -> None:
    """Print seconds and ratios."""
    cases = {
        "280 x 17, collapsed lags 2-3": (280, 17, (Gmm("y", (2, 3), collapse=True), Gmm("x", (1, 3), collapse=True))),
        "280 x 17, collapsed, all lags": (
            280,
            17,
            (Gmm("y", (2, None), collapse=True), Gmm("x", (1, None), collapse=True)),
        ),
        "280 x 17, lags 2-3 by period": (280, 17, (Gmm("y", (2, 3)), Gmm("x", (1, 2)))),
        "3000 x 20, collapsed lags 2-3": (3000, 20, (Gmm("y", (2, 3), collapse=True), Gmm("x", (1, 3), collapse=True))),
    }
    warnings.simplefilter("ignore")
    print(f"{'two-step system GMM':<32}{'instruments':>12}{'seconds':>10}{'linearmodels':>14}{'ratio':>8}")
    for label, (entities, periods, gmm) in cases.items():
        frame = panel(entities, periods)
        result = fit_gmm(frame, "y", ["L.y", "x"], gmm=gmm)
        mine = seconds(lambda frame=frame, gmm=gmm: fit_gmm(frame, "y", ["L.y", "x"], gmm=gmm))
        other = seconds(stacked_alternative(frame, gmm))
        print(f"{label:<32}{result.n_instruments:>12}{mine:>10.3f}{other:>14.3f}{mine / other:>8.2f}")


if __name__ == "__main__":
    main()
