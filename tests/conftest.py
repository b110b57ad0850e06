"""Fixtures every room may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("NIANJIAN_SHARED", ROOT.parent / "shared"))


def _shared_folder(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"needs {name}/ of the shared folder (set NIANJIAN_SHARED); not found at {folder}")
    return folder


@pytest.fixture(scope="session")
def oracles() -> Path:
    """Folder of public reference data with `expected.json`; the test is skipped where it is absent."""
    return _shared_folder("oracles")


@pytest.fixture(scope="session")
def extracts() -> Path:
    """Folder of real extracts, read in place; the test is skipped where it is absent."""
    return _shared_folder("extracts")
