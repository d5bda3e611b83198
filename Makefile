# Roundelay. Every target works from a fresh clone; none leaves a process behind.
VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed

.PHONY: help install demo test faults hosts check gen clean

help:
	@echo "make install   the environment in $(VENV)"
	@echo "make demo      a ring of four nodes on this machine trains the shipped letters"
	@echo "make test      the tests"
	@echo "make faults    kill everything, at every moment, and write docs/results/faults.md (half an hour)"
	@echo "make hosts     eight hosts as network namespaces train as one, and one loses its link (needs root)"
	@echo "make check     lint, types, generated code fresh"
	@echo "make gen       rpc/gen anew from service.thrift (needs thrift-compiler)"

install: $(STAMP)

$(STAMP): requirements.txt pyproject.toml
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $(STAMP)

demo: install
	$(PYTHON) client.py letters validate_letters.txt --local 4

test: install
	$(PYTHON) -m pytest --numprocesses 2 --dist loadfile

faults: install
	$(PYTHON) -m bench report

hosts: install
	$(PYTHON) -m bench rows eight_hosts_train_as_one

check: install
	$(PYTHON) -m pip install --quiet --disable-pip-version-check "ruff>=0.12,<1" "mypy>=1.16,<3"
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy .
	$(PYTHON) -m rpc.generate --check

gen:
	python3 -m rpc.generate

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis
