"""Cobb-Douglas production functions and the distortion of factor prices they imply."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError, panel_frame
from estimation.core.within import Effects
from estimation.panel.fit import PanelFit, fit_panel

CAPITAL_PRICE = 0.10


@dataclass(frozen=True)
class ProductionFunction:
    """ln Y = c + alpha ln K + beta ln L.

    Attributes:
        alpha, beta: output elasticities of capital and labour. fit: the regression they come from.
        output, capital, labour: the columns they belong to.
    """

    alpha: float
    beta: float
    fit: PanelFit
    output: str
    capital: str
    labour: str


def cobb_douglas(
    df: pd.DataFrame,
    output: str,
    capital: str,
    labour: str,
    *,
    effects: Effects = "twoways",
    entity: str = "city_code",
    time: str = "year",
) -> ProductionFunction:
    """Estimate the output elasticities by least squares on logs, pooled (``effects="none"``) or with effects.

    Raises:
        EstimationError: values that are not above zero, or a regression that cannot be run.
    """
    frame = panel_frame(df, [output, capital, labour], entity=entity, time=time)
    levels = frame.data[[output, capital, labour]]
    for column in levels:
        wrong = frame.data[levels[column] <= 0]
        if len(wrong):
            label, when = (wrong[name].to_list()[0] for name in (entity, time))
            raise EstimationError(
                f"{column} must be above zero to take logs; it is not in {len(wrong)} row(s), e.g. {label} in {when}"
            )
    logs = frame.data[[entity, time]].assign(
        ln_output=np.log(levels[output]), ln_capital=np.log(levels[capital]), ln_labour=np.log(levels[labour])
    )
    fit = fit_panel(logs, "ln_output", ["ln_capital", "ln_labour"], effects=effects, entity=entity, time=time)
    return ProductionFunction(float(fit.coef["ln_capital"]), float(fit.coef["ln_labour"]), fit, output, capital, labour)


def distortion(
    df: pd.DataFrame, function: ProductionFunction, wage: str, *, capital_price: float | str = CAPITAL_PRICE
) -> pd.DataFrame:
    """distK = |alpha Y / (r K) - 1| and distL = |beta Y / (w L) - 1|: marginal products against factor prices.

    Args:
        df: frame with the function's columns. wage: column w, in the unit of output over that of labour.
        capital_price: r, a number or a column.

    Returns:
        Frame on the index of ``df`` with ``mpk``, ``mpl``, ``dist_k``, ``dist_l``; NaN where a value is missing.

    Raises:
        EstimationError: an absent column, or capital, labour or a factor price that is not above zero.
    """
    needed = [function.output, function.capital, function.labour, wage]
    needed += [capital_price] if isinstance(capital_price, str) else []
    absent = [column for column in needed if column not in df.columns]
    if absent:
        raise EstimationError(f"column(s) not in the data: {', '.join(absent)}")
    rent = df[capital_price] if isinstance(capital_price, str) else pd.Series(float(capital_price), index=df.index)
    output, capital, labour, pay = (df[column].astype(float) for column in needed[:4])
    for name, values in ((function.capital, capital), (function.labour, labour), (wage, pay), ("capital price", rent)):
        if (values <= 0).any():
            raise EstimationError(f"{name} must be above zero; it is not in row {values.index[values <= 0][0]}")
    mpk, mpl = function.alpha * output / capital, function.beta * output / labour
    return pd.DataFrame({"mpk": mpk, "mpl": mpl, "dist_k": (mpk / rent - 1).abs(), "dist_l": (mpl / pay - 1).abs()})
