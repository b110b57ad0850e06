"""What is declared about models is there, and what is there is declared: switches, constructed variables, study columns, word lists."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "seeds"
STUDIES = ["common_prosperity", "industrial_upgrading", "new_quality_va_types", "green_development", "digital_industry"]
KEYS = {"city_code", "year", "province_code", "region3", "admin_level", "interpolated", "upstream_interpolated"}


def seed(name: str) -> pd.DataFrame:
    return pd.read_csv(SEEDS / f"{name}.csv", dtype=str, keep_default_na=False)


def sources() -> dict[str, str]:
    """Text of every model, macro, data test and module of `estimation`."""
    folders = {"models": ("*.sql", "*.py"), "dbt_project": ("*.sql",), "estimation": ("*.py",)}
    return {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for folder, patterns in folders.items()
        for pattern in patterns
        for path in sorted((ROOT / folder).rglob(pattern))
    }


def described() -> dict[str, dict[str, str]]:
    """Described columns by model."""
    models: dict[str, dict[str, str]] = {}
    for path in sorted((ROOT / "models").rglob("*.yml")):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            models[model["name"]] = {c["name"]: c.get("description", "") for c in model.get("columns", [])}
    return models


def lineage(model: str, texts: dict[str, str]) -> str:
    """Text of a model and of every model before it; empty where there is no such model."""
    seen: set[str] = set()
    waiting = [model]
    while waiting:
        name = waiting.pop()
        if name in texts and name not in seen:
            seen.add(name)
            waiting += re.findall(r"""ref\(['"](\w+)['"]\)""", texts[name])
    return "".join(texts[name] for name in sorted(seen))


def used_switches() -> set[str]:
    sql = re.compile(r"""switch\(\s*['"](\w+)['"]\s*\)""")
    python = re.compile(r"""(?:switches\[|_chosen\()["'](\w+)["']""")
    return {name for text in sources().values() for pattern in (sql, python) for name in pattern.findall(text)}


# Points of the method specifications that name a switch and are settled elsewhere than by a switch of the data: by options of the estimation, which
# the YAML of a study gives, by a list of the seeds, or because there is nothing to choose.
ELSEWHERE = {
    "study": (
        "het_main_effects", "band_joint", "sdm_lag_controls", "sdm_own_controls", "const_style", "placebo_type", "es_base", "rescale_controls", "gmm_lags",
        "gmm_collapse", "gmm_transform", "windmeijer", "gmm_year_dummies", "qca_*", "first_stage_print", "se", "border_linear", "r2_type",
        "col1_estimator=pooled/re", "r2_sdm", "rho_bounds", "itcv_df", "rob_*",
    ),
    "stored under every choice (indices.spatial_weights), the study picks": ("W_norm",),
    "a list or number of the seeds": ("n_cities", "nq_items", "np_items", "wordlist_nq", "wordlist_digital", "fi_source"),
    "the demo": ("desc_fix", "plant_mode"),
    "stored side by side": ("dominance_mode", "iv_sq"),
    "one method is known": ("market_index_method",),
}  # fmt: skip


def ambiguities(folder: Path) -> dict[str, list[str]]:
    """Switches named in section 8 of the method specifications, by number of the point."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.md")):
        table = path.read_text(encoding="utf-8").split("## 8.")[1]
        for cells in (line.split("|") for line in table.splitlines() if re.match(r"\| [A-E]\d+ ", line)):
            names = re.findall(r"`([^`]+)`", cells[-2])
            found[cells[1].strip()] = [
                n
                for name in names
                for n in re.split(r",\s*", re.sub(r"\s*=.*", "", name) if "=pooled" not in name else name)
            ]
    return {point: names for point, names in found.items() if names}


class TestSwitches:
    def test_every_ambiguity_of_the_methods_is_settled(self, extracts):
        """Each is a switch, or stands in the list above; and a switch names no point that does not exist."""
        named = {
            f"{point} {name}" for point, names in ambiguities(extracts.parent / "methods").items() for name in names
        }
        settled = {a for text in seed("switches")["ambiguity"] for a in text.split("; ") if a}
        other = {name for names in ELSEWHERE.values() for name in names}
        assert len(named) > 80
        assert {a for a in named - settled if a not in other and a.split(" ", 1)[1] not in other} == set()
        assert settled - named == set()

    def test_every_switch_is_used_and_every_used_one_declared(self):
        declared = set(seed("switches")["switch"])
        assert declared - used_switches() == set()
        assert used_switches() - declared == set()

    def test_values_are_allowed_and_documented(self):
        switches = seed("switches")
        assert switches["switch"].is_unique
        for row in switches.itertuples():
            allowed = row.allowed.split("|")
            assert row.value in allowed, row.switch
            assert len(set(allowed)) == len(allowed) >= 2, row.switch
            assert len(row.description) > 20 and row.applies_to, row.switch

    def test_a_switch_of_a_model_is_an_edge_of_the_project(self):
        """Python models read switches from audit_switches, so that an override reaches them too."""
        for name, text in sources().items():
            if name.startswith("models/") and name.endswith(".py") and "switches[" in text:
                assert 'dbt.ref("audit_switches")' in text, name


class TestConstructedVariables:
    def test_every_one_says_where_it_is_built_and_that_column_is_described(self):
        models = described()
        schemas = {"studies": "study_", "indices": "idx_"}
        variables = seed("constructed_variables")
        assert len(variables) >= 90
        for row in variables.itertuples():
            places = [place for place in row.built_in.split("|") if place]
            assert places, row.id
            for place in places:
                schema, table, column = place.split(".")
                assert models[schemas[schema] + table].get(column), f"{row.id}: {place}"

    def test_every_one_names_its_model_and_what_it_is_made_from(self):
        """Each variable of a city stands in the text of the model, of the models it reads or of the functions they call, and no other is made up."""
        texts = {Path(name).stem: text for name, text in sources().items() if name.startswith("models/")}
        functions = "".join(text for name, text in sources().items() if name.startswith("estimation/cities/"))
        scopes = seed("indicators").set_index("variable")["scope"]
        for row in seed("constructed_variables").itertuples():
            read = lineage(row.model, texts)
            assert read, f"{row.id}: no model {row.model}"
            for variable in filter(None, row.made_from.split("|")):
                city = scopes[variable] in ("city", "districts")
                assert not city or variable in read + functions, f"{row.id}: {variable}"

    def test_inputs_of_a_model_of_one_table_are_complete(self):
        """Ratios read the panel alone: every variable of a column's expression is in its list, whatever the switches."""
        columns = re.split(r"\n {8}(?=\S)", sources()["models/indices/idx_ratios.sql"])
        by_name = {found.group(1): text for text in columns if (found := re.search(r"\bas (\w+)\s*,?\s*$", text))}
        variables, listed = set(seed("indicators")["variable"]), seed("constructed_variables")
        checked = 0
        for row in listed[listed["model"] == "idx_ratios"].itertuples():
            name = row.built_in.split("|")[0].rsplit(".", 1)[1]
            read = variables & set(re.findall(r"\w+", by_name.get(name, "")))
            if len(read) > 0 and "{%" not in by_name[name]:
                assert read <= set(row.made_from.split("|")), row.id
                checked += 1
        assert checked > 15

    def test_every_paper_that_uses_a_variable_has_it(self):
        """A variable of a paper stands in that paper's sample, or in a table of all cities."""
        built = seed("study_variables").groupby("constructed_id")["study"].agg(set)
        for row in seed("constructed_variables").itertuples():
            if row.built_in.startswith("studies."):
                assert set(row.papers.split(";")) <= built[row.id], row.id

    def test_the_list_is_complete(self, extracts):
        published = pd.read_csv(extracts.parent / "methods" / "constructed.csv", dtype=str, keep_default_na=False)
        assert set(published["id"]) == set(seed("constructed_variables")["id"])


class TestStudyVariables:
    @pytest.mark.parametrize("study", STUDIES)
    def test_declared_columns_are_the_described_columns(self, study):
        variables = seed("study_variables")
        declared = set(variables.loc[variables["study"] == study, "column_name"])
        assert declared | KEYS == set(described()[f"study_{study}"])
        assert declared & KEYS == set()

    @pytest.mark.parametrize("study", STUDIES)
    def test_descriptions_name_unit_formula_and_paper(self, study):
        built, columns = seed("constructed_variables").set_index("id"), described()[f"study_{study}"]
        variables = seed("study_variables")
        for row in variables[variables["study"] == study].itertuples():
            text = columns[row.column_name]
            assert not row.unit or f"Unit: {row.unit}." in text, row.column_name
            if row.constructed_id:
                known = built.loc[row.constructed_id]
                assert f"Formula: {known['formula'].rstrip('.')}." in text, row.column_name
                assert f"Paper: {known['papers'].replace(';', ', ')}." in text, row.column_name

    def test_expectations_make_sense(self):
        variables = seed("study_variables")
        assert variables["description"].str.len().gt(10).all()
        numeric = variables[variables["kind"] != "class"]
        assert (numeric["low"].astype(float) < numeric["high"].astype(float)).all()
        assert (numeric.loc[numeric["kind"] == "dummy", ["low", "high"]] == ["0", "1"]).all().all()
        jumps = variables.loc[variables["max_jump"] != "", "max_jump"].astype(float)
        assert (jumps > 0).all() and len(jumps) > 80

    def test_ranges_under_other_values_of_switches_are_of_columns_and_wider(self):
        """A row names a value that is allowed and not in use by default, a column of the study, and a limit that it widens."""
        switches = seed("switches").set_index("switch")
        variables = seed("study_variables").set_index(["study", "column_name"])
        for row in seed("variable_ranges").itertuples():
            switch, variable = switches.loc[row.switch], variables.loc[(row.study, row.column_name)]
            assert row.value in switch["allowed"].split("|") and row.value != switch["value"], row
            assert len(row.reason) > 10 and (row.low or row.high or row.max_jump), row
            assert not row.low or float(row.low) < float(variable["low"]) or row.high, row
            assert not row.high or float(row.high) > float(variable["high"]), row
            assert not row.max_jump or float(row.max_jump) > float(variable["max_jump"] or 0), row

    def test_every_printed_moment_has_its_column(self):
        variables, moments = seed("study_variables"), seed("published_moments")
        printed = set(zip(variables["study"], variables["printed"], strict=True))
        assert set(zip(moments["study"], moments["printed"], strict=True)) <= printed
        assert set(moments["study"]) == set(STUDIES)

    @pytest.mark.parametrize(
        ("study", "prefix"), [("industrial_upgrading", "iv_terrain"), ("digital_industry", "iv_hangzhou")]
    )
    def test_instruments_by_year_cover_the_sample_but_its_first_year(self, study, prefix):
        variables, samples = seed("study_variables"), seed("study_samples").set_index("study")
        first, last = (int(samples.loc[study, name]) for name in ("first_year", "last_year"))
        own = variables[(variables["study"] == study) & (variables["kind"] == "interaction")]
        assert own["column_name"].to_list() == [f"{prefix}_{year}" for year in range(first + 1, last + 1)]

    def test_cleaning_and_years_of_the_studies(self):
        samples = seed("study_samples").set_index("study")
        assert set(samples.index) == set(STUDIES)
        assert samples["cleaning"].to_dict() == {
            "common_prosperity": "none", "industrial_upgrading": "winsorise", "new_quality_va_types": "none",
            "green_development": "none", "digital_industry": "replace_outliers",
        }  # fmt: skip
        sizes = (samples["last_year"].astype(int) - samples["first_year"].astype(int) + 1) * samples[
            "published_cities"
        ].astype(int)
        assert sizes.astype(str).to_dict() == samples["published_city_years"].to_dict()


class TestOtherDeclarations:
    @pytest.mark.parametrize(
        ("room", "allowed"),
        [("models", {"estimation"}), ("estimation", {"estimation"}), ("expectations", {"expectations"})],
    )
    def test_rooms_import_what_they_may(self, room, allowed):
        rooms = {path.name for path in ROOT.iterdir() if path.is_dir()}
        pattern = re.compile(r"^\s*(?:from|import) (\w+)", re.MULTILINE)
        for path in sorted((ROOT / room).rglob("*.py")):
            used = set(pattern.findall(path.read_text(encoding="utf-8"))) & rooms
            assert used <= allowed, f"{path.relative_to(ROOT)} imports {used - allowed}"

    def test_word_lists_of_the_models_exist(self):
        text = (ROOT / "models" / "indices" / "idx_report_words.sql").read_text(encoding="utf-8")
        assert set(re.findall(r"word_list = '(\w+)'", text)) == set(seed("word_lists")["word_list"])

    def test_policies_of_the_macro_are_columns(self):
        macro = (ROOT / "dbt_project" / "macros" / "policies.sql").read_text(encoding="utf-8")
        names = re.findall(r"'(\w+)'", macro)
        columns = described()["idx_policies"]
        assert {f"{name}_year" for name in names} | set(names) | {"city_code", "year"} == set(columns)

    def test_indicators_of_every_index_are_described_in_order(self):
        indicators = seed("index_indicators")
        for name, rows in indicators.groupby("index"):
            expected = [f"i{int(n):02d}" for n in rows["no"]]
            assert [c for c in described()[f"idx_indicators_{name}"] if c.startswith("i")] == expected

    def test_sizes_of_groups_that_the_readings_state(self):
        """published_groups: 194 of 286 cities border another province; the nine plans name 144 units, the tenth cluster ten more of the 286."""
        cities, pairs, clusters = seed("cities"), seed("city_adjacency_2021"), seed("city_clusters")
        left_out = {"460300", "460400", "650400", "650500", "630200"}
        present = cities[cities["name_zh"].str.endswith("市") & (cities["valid_to"] == "")]
        present = present[~present["city_code"].isin(left_out) & (present["province_code"] != "540000")]
        province = cities.set_index("city_code")["province_code"]
        across = pairs[pairs["city_code_i"].map(province) != pairs["city_code_j"].map(province)]
        border = set(across["city_code_i"]) | set(across["city_code_j"])
        approved = set(clusters.loc[clusters["approval_year"] != "", "city_code"])
        tenth = set(clusters.loc[clusters["approval_year"] == "", "city_code"]) - approved
        codes = set(present["city_code"])
        assert (len(codes), len(codes & border)) == (286, 194)
        assert (len(approved), len(codes & approved), len(codes & tenth)) == (144, 137, 10)
