"""Government work reports: short texts whose words count as a city's attention to digital and new-productivity matters."""

from __future__ import annotations

import numpy as np

from demo.csvfile import csv_bytes
from demo.draws import Draws
from demo.economy import TIERS
from demo.world import World

FIRST_YEAR = 2013
DIGITAL = ("数字经济", "大数据", "智能制造", "互联网", "人工智能", "云计算", "智慧城市", "电子商务")
PRODUCTIVE = ("科技创新", "高质量发展", "战略性新兴产业", "创新驱动", "先进制造", "绿色发展", "未来产业", "高新技术")
OPENING = "各位代表：过去一年，全市上下稳中求进。现在我代表市人民政府作工作报告（合成文本）。"
CLOSING = "让我们携手前行，谢谢大家。"


def reports(world: World) -> bytes:
    """Rows city x year with the text."""
    units = world.roster.units
    draws = Draws(world.seed, units["city_code"].tolist())
    years = [int(year) for year in world.years if year >= FIRST_YEAR]
    tier = units["admin_level"].isin(TIERS).to_numpy()[:, None]
    trend = np.array(years) - FIRST_YEAR
    digital = np.exp(
        1.6 + 0.12 * trend + 0.4 * tier + 0.4 * draws.normal("digital words") + 0.2 * draws.path("words", len(years))
    )
    productive = np.exp(
        1.9 + 0.07 * trend + 0.3 * tier + 0.35 * draws.normal("new words") + 0.2 * draws.path("new", len(years))
    )
    rows = []
    for t, year in enumerate(years):
        names, listed = world.roster.names(year).tolist(), world.roster.listed(year).to_numpy()
        for i in np.flatnonzero(listed):
            text = _text(int(digital[i, t]), DIGITAL, "大力发展") + _text(int(productive[i, t]), PRODUCTIVE, "着力推进")
            rows.append([names[i], year, f"{OPENING}{text}{CLOSING}"])
    return csv_bytes(["城市", "年份", "政府工作报告全文"], rows)


def _text(count: int, words: tuple[str, ...], verb: str) -> str:
    """Sentences that hold `count` of the words, each as often as the others."""
    return "".join(f"{verb}{words[at % len(words)]}，" for at in range(count))
