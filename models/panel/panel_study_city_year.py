"""The panel of studies that do not simply keep abolished units: their choices carried out, one row a (study, city, year)."""

import pandas as pd

from landing.history import Abolition, apply_history


def model(dbt, session):
    dbt.config(materialized="table", alias="study_city_year")
    chosen = dbt.ref("study_events").df()
    panel = dbt.ref("panel_city_year").df()
    cities = dbt.ref("cities").df()
    pairs = dbt.ref("city_event_successors").df()
    indicators = dbt.ref("indicators").df().set_index("variable")
    last = cities.set_index("city_code")["valid_to"]
    abolitions = [
        Abolition(event, old, int(last[old]), tuple(rows["successor_code"]))
        for (event, old), rows in pairs.groupby(["event_id", "old_code"])
    ]
    variables = [v for v in panel.columns if v in indicators.index]
    extensive = [v for v in variables if indicators.loc[v, "extensive"]]
    weights = indicators.loc[[v for v in variables if v not in extensive], "weight_variable"].dropna()
    ruled = panel[["city_code", "year", *extensive, *weights.index]]
    parts = [ruled.iloc[:0].assign(study=pd.Series(dtype="str"))]
    for study, rows in chosen.groupby("study"):
        if (rows["choice"] != "keep").any():
            choices = {a.event_id: "keep" for a in abolitions} | dict(
                zip(rows["event_id"], rows["choice"], strict=True)
            )
            done = apply_history(ruled, abolitions, choices, extensive=extensive, weights=weights.to_dict())
            parts.append(done.frame.assign(study=study))
    return pd.concat(parts, ignore_index=True).astype({"city_code": "str", "study": "str"})
