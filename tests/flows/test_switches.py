"""Values of switches chosen for a run: checked before anything is built."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from flows.cli import cli
from flows.errors import UsageError
from flows.switches import chosen, listing


def test_values_come_in_order_of_names_without_the_declared_ones():
    assert chosen(["va_own_term=exclude", "pca_rescale=none", "topsis_norm=minmax"]) == {
        "pca_rescale": "none", "va_own_term": "exclude",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["va_own_term"], "write NAME=VALUE"),
        (["va_own_trem=one"], r"did you mean va_own_term"),
        (["va_own_term=two"], "is one of one, exclude, internal"),
        (["va_own_term=one", "va_own_term=exclude"], "has two values: one and exclude"),
    ],
)
def test_what_cannot_be_chosen_is_said_in_one_line(texts, words):
    with pytest.raises(UsageError, match=words):
        chosen(texts)


def test_the_command_lists_every_switch_with_its_values():
    done = CliRunner().invoke(cli, ["switches"])
    assert done.exit_code == 0
    assert done.output.count("\n") == 2 * len(listing())
    assert "va_own_term=one  (one, exclude, internal)  virtual agglomeration" in done.output
