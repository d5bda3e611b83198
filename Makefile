# Roundelay. Every target works from a fresh clone; none leaves a process behind.
VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed
PEERS := .venv-peers

.PHONY: help install demo test paper soak faults bench bench-peers hosts dashboard dashboard-test check gen clean

help:
	@echo "make install   the environment in $(VENV)"
	@echo "make demo      a ring of four nodes on this machine trains the shipped letters"
	@echo "make dashboard a page in the browser, with a ring of five nodes to disturb"
	@echo "make test      the tests"
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
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $(STAMP)

demo: install
	$(PYTHON) client.py letters validate_letters.txt --local 4

dashboard: $(VENV)/.dashboard
	$(PYTHON) -m roundelay.dashboard --lab

$(VENV)/.dashboard: $(STAMP)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check "nicegui>=3.3,<4"
	touch $@

dashboard-test: $(VENV)/.dashboard
	$(PYTHON) -m pip install --quiet --disable-pip-version-check "playwright>=1.50,<2"
	$(PYTHON) -m pytest tests/dashboard tests/end_to_end/test_page.py

test: install
	$(PYTHON) -m pytest --numprocesses 2 --dist loadfile

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
	python3 -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check scikit-learn grpcio "flwr[simulation]" py-spy
	touch $@

hosts: install
	$(PYTHON) -m chaos rows eight_hosts_train_as_one

check: install
	$(PYTHON) -m pip install --quiet --disable-pip-version-check "ruff>=0.12,<1" "mypy>=1.16,<3"
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy .
	$(PYTHON) -m roundelay.rpc.generate --check
	$(PYTHON) -m bench counts --check

gen:
	python3 -m roundelay.rpc.generate

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis
