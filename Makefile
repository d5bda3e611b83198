# Every target works from a fresh clone, and none leaves a process behind.
# Another interpreter: make install PYTHON3=python3.12
PYTHON3 := python3
VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed
PEERS := .venv-peers
PIP := -m pip install --quiet --disable-pip-version-check
SEED := 1
# Empty if PYTHON3 is new enough, else its version.
TOO_OLD = $(shell $(PYTHON3) -c 'import sys; sys.version_info >= (3, 11) or print("%d.%d" % sys.version_info[:2])')

.PHONY: help install demo test test-matrix mutants paper soak faults bench bench-peers hosts dashboard dashboard-test check gen clean

help:
	@echo "make install   the environment in $(VENV)"
	@echo "make demo      a ring of four nodes on this machine trains the shipped letters"
	@echo "make dashboard a page in the browser, with a ring of five nodes to disturb"
	@echo "make test      the tests"
	@echo "make test-matrix   the tests on each installed Python, with the lowest and the newest dependencies"
	@echo "make mutants   small faults put into the core: its tests must find 90 % (another sample: SEED=2)"
	@echo "make dashboard-test   the page's tests in headless Chromium (apt-get install chromium)"
	@echo "make paper     the Chord paper's tables, into docs/results/chord.md (half an hour of one core)"
	@echo "make soak      20 nodes for ten minutes, one killed every 10 s, into docs/results/soak.md"
	@echo "make faults    kill everything, at every moment, and write docs/results/faults.md (an hour)"
	@echo "make hosts     eight hosts as network namespaces train as one, and one loses its link (needs root)"
	@echo "make bench     every figure beside its peer, into docs/results/ (each part has a limit: 15 minutes in all)"
	@echo "make bench-peers  the peers that make bench compares with, in an environment of their own (1.5 GB)"
	@echo "make check     lint, types, generated code fresh, counts that may not grow"
	@echo "make gen       rpc/gen anew from service.thrift (needs thrift-compiler)"

install: $(STAMP)

$(STAMP): requirements.txt pyproject.toml
	$(if $(TOO_OLD),$(error Python 3.11 or later is required, and $(PYTHON3) is $(TOO_OLD); name another: make $(MAKECMDGOALS) PYTHON3=python3.12))
	$(PYTHON3) -m venv $(VENV)
	$(PYTHON) $(PIP) -r requirements.txt
	touch $(STAMP)

demo: install
	$(PYTHON) client.py letters validate_letters.txt --local 4

dashboard: $(VENV)/.dashboard
	$(PYTHON) -m roundelay.dashboard --lab

$(VENV)/.dashboard: $(STAMP)
	$(PYTHON) $(PIP) "nicegui>=3.3,<4"
	touch $@

dashboard-test: $(VENV)/.dashboard
	$(PYTHON) $(PIP) "playwright>=1.50,<2"
	$(PYTHON) -m pytest tests/dashboard tests/end_to_end/test_page.py

test: install
	$(PYTHON) -m pytest --numprocesses 2 --dist loadfile

test-matrix: install
	$(PYTHON) $(PIP) "uv>=0.5,<1"
	$(PYTHON) tools/matrix.py

mutants: install
	$(PYTHON) $(PIP) "cosmic-ray>=8.4,<9"
	$(PYTHON) tools/mutants.py --seed $(SEED)

paper: install
	$(PYTHON) -m roundelay.sim paper

soak: install
	$(PYTHON) -m chaos soak --out docs/results/soak.md

faults: install
	$(PYTHON) -m chaos report

bench: install
	$(PYTHON) -m bench performance

bench-peers: $(PEERS)/.installed

# torch first and by itself: the others are content with it, where a newer one would bring several GB of CUDA.
$(PEERS)/.installed: Makefile
	$(PYTHON3) -m venv $(PEERS)
	$(PEERS)/bin/python $(PIP) torch==2.13.0
	$(PEERS)/bin/python $(PIP) scikit-learn grpcio "flwr[simulation]" py-spy
	touch $@

hosts: install
	$(PYTHON) -m chaos rows eight_hosts_train_as_one

check: install
	$(PYTHON) $(PIP) "ruff>=0.12,<1" "mypy>=1.16,<3" "pytest-cov>=6,<8"
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy .
	$(PYTHON) -m roundelay.rpc.generate --check
	$(PYTHON) -m bench counts --check

gen:
	python3 -m roundelay.rpc.generate

clean:
	rm -rf $(VENV) .venv-matrix .mypy_cache .ruff_cache .hypothesis build/mutants build/coverage
