# Two commands do everything on a fresh machine with Python 3.11+ and make: `make refresh` and `make test`.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: refresh test test-all lint env lock clean

refresh: env ## environment, then the main job (on extracts/ if it holds files, else on the demo)
	$(RUN)/nianjian refresh

test: env ## environment, then all tests but the slow ones
	OMP_NUM_THREADS=1 $(RUN)/pytest -q -n 2 --dist loadfile

test-all: env ## also the simulations and large inputs
	OMP_NUM_THREADS=1 $(RUN)/pytest -q -n 2 --dist loadfile -m ""

lint: env ## style of Python and SQL, and types
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/sqlfluff lint models

env: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11 to 3.13 is needed, this is " + sys.version.split()[0] + "; name another with PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

lock: ## needs uv: pin every dependency with hashes; names no index and no address
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-strip-extras --no-header --output-file requirements.lock

clean:
	rm -rf $(VENV) demo-extracts warehouse-demo
