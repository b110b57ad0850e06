"""Resolved values that cannot be what they say: impossible values, magnitude slips, values of a namesake county-level city.

Rules look at series, never at a list of known errors. Levels and ratios are compared in logarithms, growth rates in
points. A slip leaves the level of its neighbours and returns to it, or contradicts an identity; a value that stays at
its new level, or moves with the rest of its province, is a break in the series and is left alone.

The cells stay in raw.resolved; audit.quarantine names them, and the panel drops or corrects them.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from landing.dictionary import Dictionary, read_seed

# A fourfold deviation is never a year's change of a stable series; volatile ones are measured by their own spread:
# three times the 95th percentile of the deviations of all cities.
MIN_DEVIATION = 0.6
SPREAD_FACTOR = 3.0
# Both sides of a slip stand nearer to each other than this share of the deviation.
RETURN_SHARE = 0.6
# A whole province that moves by a quarter or more of the deviation is a revision or a real change, unless a power of
# ten of this size stands between (no economy grows by thirty in a year).
COMMON_SHARE = 0.4
ALWAYS_A_SLIP = 1.5
RELATION_DEVIATION = 0.5
# Extensive series may start small (a first campus, a new office): only a hundredfold start is suspicious.
SMALL_START = 2.0
GROWTH_POINTS = 40.0
# Where years on one side are missing a slip and a break look alike until the next year: ask for more.
EDGE_DEVIATION = 0.7
# Rise at an upgrade beyond the usual growth of other cities that no growth explains, and its multiple of the spread;
# where fewer cities than this have both years, 15 % a year is taken as usual.
UPGRADE_RISE = 0.25
UPGRADE_SPREAD = 1.5
MIN_CITIES = 20
USUAL_GROWTH = 0.0607
# Zeros are values where they are common; where fewer than this share of cells is zero, a zero is a missing value.
RARE_ZERO_SHARE = 0.005

SERIES = """
create or replace temp table plausibility_points as
select r.file_id, r.sheet, r.cell, r.city_code, r.variable, r.year, r.value, left(r.city_code, 2) as province,
    r.value * printed.factor_to_base::double / wanted.factor_to_base::double as x, i.kind, i.extensive = 'true' as extensive,
    i.unit, wanted.dimension
from raw.resolved r
join plausibility_indicators i on i.variable = r.variable
join plausibility_units printed on printed.unit = r.unit
join plausibility_units wanted on wanted.unit = i.unit
where not exists (from audit.quarantine q where (q.file_id, q.sheet, q.cell) = (r.file_id, r.sheet, r.cell))
"""

IMPOSSIBLE = """
select file_id, sheet, cell, 'impossible_value' as reason,
    case
        when kind = 'growth' then 'a growth rate below -100 %'
        when x < 0 then 'a negative ' || case when kind = 'ratio' then 'ratio' else 'level' end
        else 'a share outside 0 to 100'
    end as detail
from plausibility_points
where (kind = 'level' and x < 0)
    or (kind = 'ratio' and (x < 0 or (unit = 'pct' and (variable like '%share%' or variable like '%rate%') and x > 100)))
    or (kind = 'growth' and unit = 'pct' and x < -100)
"""

GROWTH = f"""
with typical as (
    select variable, year, median(x) as middle from plausibility_points where kind = 'growth' group by all
)
select file_id, sheet, cell, 'magnitude_jump' as reason,
    'growth of ' || printf('%g', x) || ' against ' || printf('%g', round(middle, 2)) || ' in the median city of that year' as detail
from plausibility_points join typical using (variable, year)
where kind = 'growth' and unit = 'pct' and abs(x - middle) > {GROWTH_POINTS}
"""

YEARLY = """
create or replace temp table plausibility_yearly as
select city_code, any_value(province) as province, variable, year, median(log10(x)) as l
from plausibility_points
where kind in ('level', 'ratio') and x > 0
group by city_code, variable, year
"""

NEIGHBOURS = """
create or replace temp table plausibility_neighbours as
select *,
    median(l) over near as middle, count(l) over near as n_near,
    median(l) over before as before, median(l) over after as after,
    median(l) over long_before as long_before, median(l) over long_after as long_after,
    lag(l) over in_order as previous, lead(l) over in_order as following
from plausibility_yearly
window
    in_order as (partition by city_code, variable order by year),
    near as (partition by city_code, variable order by year range between 3 preceding and 3 following exclude current row),
    before as (partition by city_code, variable order by year range between 3 preceding and 1 preceding),
    after as (partition by city_code, variable order by year range between 1 following and 3 following),
    long_before as (partition by city_code, variable order by year range between 10 preceding and 1 preceding),
    long_after as (partition by city_code, variable order by year range between 1 following and 10 following)
"""

DEVIATIONS = """
create or replace temp table plausibility_deviations as
with zeros as (
    select variable, avg((x = 0)::integer) as share from plausibility_points where kind = 'level' group by all
),
measured as (
    select p.*, n.middle, n.n_near, n.before, n.after, n.long_before, n.long_after,
        n.previous, n.following,
        case when p.x > 0 then log10(p.x) else -9 end as l
    from plausibility_points p
    join plausibility_yearly_places n using (city_code, variable, year)
    left join zeros z on z.variable = p.variable
    where p.kind in ('level', 'ratio') and (p.x > 0 or (p.x = 0 and z.share < $rare_zero)) and n.middle is not null
),
spread as (
    select variable, quantile_cont(abs(l - middle), 0.95) as q95 from measured where x > 0 group by all
),
common as (
    select variable, province, year, median(l - middle) as province_move
    from plausibility_neighbours where middle is not null group by all having count(*) >= 4
)
select m.*, m.l - m.middle as deviation, s.q95, coalesce(c.province_move, 0) as province_move
from measured m
join spread s on s.variable = m.variable
left join common c on c.variable = m.variable and c.province = m.province and c.year = m.year
"""

RESIDUALS = """
create or replace temp table plausibility_residuals as
with members as (
    select r.relation, r.variable, m.member, m.role
    from plausibility_relations r, lateral (
        select unnest(string_split(r.numerators, '|')) as member, 1 as role
        union all select unnest(string_split(r.denominators, '|')), -1
        union all select unnest(string_split(r.complements, '|')), 0
    ) m
    where m.member <> ''
),
sums as (
    select m.relation, any_value(m.variable) as variable, y.city_code, y.year, count(*) as found,
        sum(m.role * y.l) as product, sum(case when m.role = 0 then pow(10, y.l) end) as added
    from members m join plausibility_yearly y on y.variable = m.member
    group by m.relation, y.city_code, y.year
),
expected as (
    select s.*, case when added is null then product when added < 100 then log10(100 - added) end as l
    from sums s
    join (select relation, count(*) as needed from members group by all) n on n.relation = s.relation and n.needed = s.found
),
raw_residuals as (
    select e.relation, y.variable, y.city_code, y.year, y.l - e.l as residual
    from plausibility_yearly y join expected e using (variable, city_code, year)
)
select variable, city_code, year, arg_max(residual - middle, abs(residual - middle)) as residual
from raw_residuals join (select relation, median(residual) as middle from raw_residuals group by all) using (relation)
group by all
"""

JUMPS = f"""
with judged as (
    select d.*, r.residual,
        abs(deviation) > greatest({MIN_DEVIATION}, {SPREAD_FACTOR} * q95) as far,
        before is not null and after is not null
            and abs(before - after) < {RETURN_SHARE} * abs(deviation) and sign(l - before) = sign(l - after) as returns,
        (before is null or after is null) and abs(deviation) > {EDGE_DEVIATION}
            and abs(l - coalesce(case when before is null then following else previous end, middle))
                > greatest({EDGE_DEVIATION}, {SPREAD_FACTOR} * q95)
            and (n_near >= 3 or (n_near = 2 and abs(deviation) > {ALWAYS_A_SLIP})) as at_edge,
        coalesce(abs(l - case when before is null then long_before else long_after end) < abs(deviation) / 2, false) as stays,
        before is null and extensive and deviation < 0 and deviation > -{SMALL_START} as small_start,
        abs(deviation) < {ALWAYS_A_SLIP} and sign(province_move) = sign(deviation)
            and abs(province_move) > {COMMON_SHARE} * abs(deviation) as common_move,
        abs(deviation) > {MIN_DEVIATION} and abs(residual) > {RELATION_DEVIATION}
            and sign(residual) = sign(deviation) as contradicts
    from plausibility_deviations d
    left join plausibility_residuals r using (variable, city_code, year)
)
select file_id, sheet, cell, 'magnitude_jump' as reason,
    case when x = 0 then 'zero where neighbouring years hold ' || printf('%.4g', pow(10, middle))
        else printf('%.3g', pow(10, abs(deviation))) || case when deviation > 0 then ' times' else ' times below' end
            || ' the level of neighbouring years' end
    || case when contradicts then ', and contradicts its companions' when returns then ', back afterwards' else '' end as detail
from judged
where (far and not small_start and not common_move and (returns or (at_edge and not stays))) or contradicts
"""

NAMESAKES = f"""
with upgraded as (
    select city_code, year::integer as upgrade from plausibility_events
    where kind = 'upgrade' and old_type_zh in ('地区', '盟') and new_type_zh = '地级市' and city_code <> ''
),
after as (
    select y.city_code, y.variable, u.upgrade, arg_min(y.l, y.year) as l, min(y.year) as year
    from plausibility_yearly y join upgraded u on u.city_code = y.city_code and y.year between u.upgrade and u.upgrade + 4
    group by all
),
before as (
    select p.file_id, p.city_code, p.variable, p.year, p.extensive, log10(p.x) as l
    from plausibility_points p join upgraded u on u.city_code = p.city_code and p.year < u.upgrade
    where p.kind in ('level', 'ratio') and p.x > 0
),
usual as (
    select b.variable, b.year as year_before, a.year as year_after,
        case when count(distinct earlier.city_code) >= {MIN_CITIES} then median(later.l - earlier.l)
            else {USUAL_GROWTH} * (a.year - b.year) end as growth
    from (select distinct variable, city_code, year from before) b
    join after a on a.variable = b.variable and a.city_code = b.city_code
    join plausibility_yearly earlier on earlier.variable = b.variable and earlier.year = b.year
    join plausibility_yearly later
        on later.variable = b.variable and later.year = a.year and later.city_code = earlier.city_code
    group by b.variable, b.year, a.year
),
spread as (select variable, any_value(q95) as q95 from plausibility_deviations group by all),
last as (
    select file_id, city_code, variable, max(year) as year, arg_max(l, year) as l
    from before where extensive group by file_id, city_code, variable
),
files as (
    select distinct e.file_id, e.city_code, first_value(e.variable) over (partition by e.file_id, e.city_code order by e.variable)
        as witness, a.upgrade
    from last e
    join after a on a.variable = e.variable and a.city_code = e.city_code
    join usual u on u.variable = e.variable and u.year_before = e.year and u.year_after = a.year
    join spread s on s.variable = e.variable
    where a.l - e.l - u.growth > greatest({UPGRADE_RISE}, {UPGRADE_SPREAD} * s.q95)
),
found as (
    select p.*, f.witness, f.upgrade
    from plausibility_points p join files f on f.file_id = p.file_id and f.city_code = p.city_code and p.year < f.upgrade
),
copies as (
    select p.*, f.witness, f.upgrade
    from plausibility_points p
    join (select distinct city_code, variable, year, x, witness, upgrade from found) f using (city_code, variable, year, x)
    anti join files o on o.file_id = p.file_id and o.city_code = p.city_code
)
select distinct on (file_id, sheet, cell) file_id, sheet, cell, 'entity_not_valid' as reason,
    'before ' || upgrade || ' the county-level city of the same name: ' || witness || ' jumps at the upgrade' as detail
from (from found union all from copies)
order by file_id, sheet, cell, witness
"""

HINTS = {
    "impossible_value": "correct it in seeds/corrections.csv, or accept its loss in seeds/accepted_quarantine.csv",
    "magnitude_jump": "correct it in seeds/corrections.csv, or accept its loss in seeds/accepted_quarantine.csv",
    "entity_not_valid": "accept its loss in seeds/accepted_quarantine.csv; no value of the prefecture is invented",
}


def check_plausibility(con: duckdb.DuckDBPyConnection, dictionary: Dictionary, seeds: Path) -> None:
    """Add quarantine rows for resolved cells that fail a rule; each cell once, the gravest rule first."""
    relations = read_seed(seeds, "plausibility_relations").assign(relation=lambda frame: range(len(frame)))
    for name, frame in (
        ("indicators", dictionary.indicators),
        ("units", dictionary.units),
        ("events", read_seed(seeds, "city_events")),
        ("relations", relations),
    ):
        con.register("plausibility_incoming", frame)
        con.execute(f"create or replace temp table plausibility_{name} as select * from plausibility_incoming")
        con.unregister("plausibility_incoming")
    con.execute(SERIES)
    _flag(con, IMPOSSIBLE)
    _flag(con, GROWTH)
    _measure(con)
    if _flag(con, NAMESAKES):
        _measure(con)
    con.execute(RESIDUALS)
    _flag(con, JUMPS)


def _measure(con: duckdb.DuckDBPyConnection) -> None:
    """Deviation of every value from its neighbours; a cell that is zero has neighbours of its own."""
    con.execute(YEARLY)
    con.execute(NEIGHBOURS)
    con.execute("""
        create or replace temp table plausibility_yearly_places as
        select city_code, variable, year, middle, n_near, before, after, long_before, long_after,
            previous, following
        from plausibility_neighbours
        union all
        select z.city_code, z.variable, z.year,
            median(y.l) filter (abs(y.year - z.year) <= 3), count(*) filter (abs(y.year - z.year) <= 3),
            median(y.l) filter (y.year between z.year - 3 and z.year - 1),
            median(y.l) filter (y.year between z.year + 1 and z.year + 3),
            median(y.l) filter (y.year < z.year), median(y.l) filter (y.year > z.year),
            arg_max(y.l, y.year) filter (y.year < z.year), arg_min(y.l, y.year) filter (y.year > z.year)
        from (select distinct city_code, variable, year from plausibility_points where x = 0 and kind = 'level') z
        anti join plausibility_yearly k on (k.city_code, k.variable, k.year) = (z.city_code, z.variable, z.year)
        join plausibility_yearly y
            on y.city_code = z.city_code and y.variable = z.variable and abs(y.year - z.year) between 1 and 10
        group by z.city_code, z.variable, z.year
    """)
    con.execute(DEVIATIONS.replace("$rare_zero", str(RARE_ZERO_SHARE)))


def _flag(con: duckdb.DuckDBPyConnection, rule: str) -> bool:
    """Quarantine what a rule finds and take it out of the points the next rules see; whether there was any."""
    hints = " ".join(f"when '{reason}' then '{hint}'" for reason, hint in HINTS.items())
    con.execute(f"create or replace temp table plausibility_found as {rule}")
    con.execute(f"""
        insert into audit.quarantine
        select f.file_id, f.sheet, f.cell, o.value_text, f.reason, f.detail, case f.reason {hints} end, null
        from plausibility_found f
        join raw.observations o on (o.file_id, o.sheet, o.cell) = (f.file_id, f.sheet, f.cell)
    """)
    con.execute("""
        delete from plausibility_points p
        where exists (from plausibility_found f where (f.file_id, f.sheet, f.cell) = (p.file_id, p.sheet, p.cell))
    """)
    found = con.execute("select count(*) from plausibility_found").fetchone()
    return found is not None and found[0] > 0
