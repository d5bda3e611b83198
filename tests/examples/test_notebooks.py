"""The notebooks in examples/notebooks: every cell runs; an interrupted kernel and a repeated cell leave nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from roundelay.testing.waiting import until
from tests.processes import ROOT, environment, marked, new_mark

NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
TIMEOUT_S = 120


def test_there_are_notebooks_without_outputs() -> None:
    assert len(NOTEBOOKS) == 5
    for path in NOTEBOOKS:
        assert all(not cell.get("outputs") for cell in json.loads(path.read_text())["cells"]), f"clear {path.name}"


def cells_of(*sources: str) -> Any:
    from nbformat import v4

    return v4.new_notebook(cells=[v4.new_code_cell(source) for source in sources])


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> str:
    """Mark the processes of this test's kernel."""
    pytest.importorskip("nbclient", reason="nbclient and ipykernel run notebooks: the extra dev")
    pytest.importorskip("ipykernel", reason="nbclient and ipykernel run notebooks: the extra dev")
    made = new_mark()
    for name, value in (environment(made) | {"PYTHONPATH": str(ROOT)}).items():
        monkeypatch.setenv(name, value)
    return made


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_to_its_end_and_leaves_no_process(path: Path, mark: str, tmp_path: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    book = nbformat.read(path, as_version=4)
    NotebookClient(book, timeout=TIMEOUT_S, resources={"metadata": {"path": str(tmp_path)}}).execute()

    until(lambda: not marked(mark), "the kernel's ring has ended")


@pytest.mark.filterwarnings("ignore")
def test_a_cell_that_runs_again_replaces_its_ring_and_an_interrupt_ends_the_waiting_only(
    mark: str, tmp_path: Path
) -> None:
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    start = "import roundelay\nring = roundelay.local_ring(1)"
    data = "x = [[float(i % 2), float(i % 3)] for i in range(60)]\ny = [i % 2 for i in range(60)]"
    long = f"{data}\njob = ring.train(x, y, clients=2, rounds=1500, patience=0, hidden=(4,))\n"
    interrupt = "import os, signal, threading\nthreading.Timer(2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()"
    book = cells_of(
        start, start, f"{long}{interrupt}\nlist(job.rounds())", "job.cancel()\nprint(len(job.history()) > 0)"
    )
    client = NotebookClient(book, timeout=TIMEOUT_S, resources={"metadata": {"path": str(tmp_path)}})

    with client.setup_kernel():
        for number in (0, 1):
            client.execute_cell(book.cells[number], number)
        until(lambda: len([line for line in marked(mark) if " node 0 " in line]) == 1, "the first ring has ended")
        with pytest.raises(CellExecutionError, match="KeyboardInterrupt"):
            client.execute_cell(book.cells[2], 2)
        client.execute_cell(book.cells[3], 3)

    assert book.cells[3].outputs[-1].text == "True\n"
    until(lambda: not marked(mark), "the kernel's ring has ended")
