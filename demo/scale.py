"""Seeds for demos beyond the real roster: the repository's seeds with the invented cities added."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd

from demo.roster import SEEDS, extra_units, invented, load_roster


def scaled_seeds(target: Path, cities: int) -> Path:
    """Copy seeds/ to `target` and add the invented cities of `--cities`; returns `target`, to land such a demo with."""
    shutil.copytree(SEEDS, target)
    if not invented(cities):
        return target
    units = extra_units(load_roster().units, invented(cities))
    known = pd.read_csv(target / "cities.csv", dtype=str)
    added = units.reindex(columns=known.columns).astype(object)
    added[["valid_from", "valid_to"]] = None
    pd.concat([known, added]).to_csv(target / "cities.csv", index=False, lineterminator="\n")
    aliases = pd.read_csv(target / "city_aliases.csv", dtype=str)
    names = pd.DataFrame({"alias": units["name_zh"], "city_code": units["city_code"], "alias_type": "canonical"})
    pd.concat([aliases, names]).to_csv(target / "city_aliases.csv", index=False, lineterminator="\n")
    return target
