# Roundelay. Every target works from a fresh clone; none leaves a process behind.
VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed

.PHONY: help install demo dashboard dashboard-test test faults check gen clean

help:
	@echo "make install   the environment in $(VENV)"
	@echo "make demo      a ring of four nodes on this machine trains the shipped letters"
	@echo "make dashboard a page in the browser, with a ring of five nodes to disturb"
	@echo "make test      the tests"
	@echo "make dashboard-test   the page's tests in headless Chromium (apt-get install chromium)"
	@echo "make faults    kill everything, at every moment, and write docs/results/faults.md (half an hour)"
	@echo "make check     lint, types, generated code fresh"
	@echo "make gen       rpc/gen anew from service.thrift (needs thrift-compiler)"

install: $(STAMP)

$(STAMP): requirements.txt pyproject.toml
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $(STAMP)

demo: install
	$(PYTHON) client.py letters validate_letters.txt --local 4

dashboard: $(VENV)/.dashboard
	$(PYTHON) -m dashboard --lab

$(VENV)/.dashboard: $(STAMP)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check "nicegui>=3.3,<4"
	touch $@

dashboard-test: $(VENV)/.dashboard
	$(PYTHON) -m pip install --quiet --disable-pip-version-check "playwright>=1.50,<2"
	$(PYTHON) -m pytest tests/dashboard tests/end_to_end/test_page.py

test: install
	$(PYTHON) -m pytest --numprocesses 2 --dist loadfile

faults: install
	$(PYTHON) -m bench report

check: install
	$(PYTHON) -m pip install --quiet --disable-pip-version-check "ruff>=0.12,<1" "mypy>=1.16,<3"
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy .
	$(PYTHON) -m rpc.generate --check

gen:
	python3 -m rpc.generate

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis
