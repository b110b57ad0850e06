"""The moment registry: printed mean, standard deviation, minimum and maximum of every variable beside those of the built samples."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from estimation.diagnostics.moments import check_moments, compare_moments

MOMENTS = ["mean", "sd", "min", "max"]
COLUMNS = [
    "study", "table_id", "printed", "column_name",
    *(f"published_{m}" for m in ("n", *MOMENTS)), *(f"built_{m}" for m in ("n", *MOMENTS)),
    "mean_distance", "log_sd_ratio", "below_min", "above_max", "mean_outside", "sd_impossible", "sd_limit", "note",
]  # fmt: skip


def moment_registry(
    samples: Mapping[str, pd.DataFrame], published: pd.DataFrame, variables: pd.DataFrame
) -> pd.DataFrame:
    """One row a printed variable: columns `COLUMNS`.

    ``mean_distance`` is (built - printed mean) / printed standard deviation, ``log_sd_ratio`` the log of built over printed standard
    deviation, ``below_min`` and ``above_max`` the shares of built values beyond the printed extremes. ``mean_outside`` and ``sd_impossible``
    say that no data can have the printed moments (see `estimation.diagnostics.moments.check_moments`).

    Args:
        samples: sample by study. published: study, table_id, printed, n, mean, sd, min, max, decimals, note.
        variables: study, printed, column_name.
    """
    names = variables.dropna(subset=["printed"]).set_index(["study", "printed"])["column_name"].to_dict()
    parts = []
    for study, rows in published.groupby("study", sort=False):
        printed = rows.set_index("printed")
        columns = {name: names.get((study, name), name) for name in printed.index}
        compared = compare_moments(samples[str(study)], printed, columns=columns)
        compared["published_n"] = printed["n"]
        compared["column_name"] = pd.Series(columns)
        compared = compared.join(_flags(printed)).assign(
            study=study, table_id=printed["table_id"], note=printed["note"]
        )
        parts.append(compared.rename_axis("printed").reset_index())
    table = pd.concat(parts, ignore_index=True).replace([np.inf, -np.inf], np.nan)
    return table.reindex(columns=COLUMNS)


def _flags(printed: pd.DataFrame) -> pd.DataFrame:
    """Which printed moments cannot be, judged at the decimals printed."""
    flags = [
        check_moments(rows[[*MOMENTS, "n"]].astype(float), decimals=int(str(decimals)))
        for decimals, rows in printed.groupby("decimals")
    ]
    return pd.concat(flags).loc[printed.index, ["mean_outside", "sd_impossible", "sd_limit"]]
