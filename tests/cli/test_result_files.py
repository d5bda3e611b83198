"""Result files that cannot be written: refused before the job, and written elsewhere after it."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest

from roundelay.cli import training
from roundelay.cli.result_files import write_files
from roundelay.client.errors import CannotWrite
from roundelay.client.report import JobReport
from roundelay.client.whole_file import require_writable, whole_file
from roundelay.ml.readers.saved_model import load
from tests.cli.test_output import ROOM_BYTES
from tests.end_to_end.small_job import write_tiny
from tests.processes import client, client_here

FAST = ("--rounds", 1, "--epochs", 1, "--hidden", 4, "--local", 1, "--json")
NOWHERE = Path("/nowhere")


def test_a_full_disk_is_told_before_anything_is_trained(tmp_path: Path) -> None:
    for option in ("--out", "--proof", "--history", "--timing"):
        done = client("letters", option, tmp_path / "m.npz", room_bytes=ROOM_BYTES)

        assert (done.code, done.out, done.err) == (
            73,
            "",
            f"cannot write {tmp_path}/m.npz: File too large; make room, or name a file in another folder\n",
        )
    assert not list(tmp_path.iterdir())


def test_each_reason_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()

    with pytest.raises(CannotWrite, match=r"d: it is a folder; name a file$"):
        require_writable(tmp_path / "d")
    with pytest.raises(CannotWrite, match=f"there is no folder {tmp_path}/e; make it, or name a file in another$"):
        require_writable(tmp_path / "e" / "m.npz")


def test_a_check_leaves_the_file_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "m.npz").write_bytes(b"before")

    require_writable(tmp_path / "m.npz")

    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("m.npz", b"before")]


def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    device = tmp_path / "pipe"
    os.mkfifo(device)
    reading = os.open(device, os.O_RDONLY | os.O_NONBLOCK)

    require_writable(device)
    with whole_file(device) as place:
        place.write_bytes(b"a proof")

    assert os.read(reading, 100) == b"a proof"
    assert device.is_fifo()
    os.close(reading)


def test_the_results_of_a_local_ring_outlast_a_folder_that_goes_during_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tiny(tmp_path)
    out, room = tmp_path / "out", tmp_path / "room"
    for folder in (out, room):
        folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(room))
    watch = training.watch

    def lose_the_folder(*given: object) -> JobReport:
        report = watch(*given)  # type: ignore[arg-type]
        shutil.rmtree(out)
        return report

    monkeypatch.setattr(training, "watch", lose_the_folder)
    files = ("--out", out / "m.npz", "--proof", out / "m.proof", "--history", out / "h.csv")
    done = client_here(tmp_path / "letters", tmp_path / "letters" / "validate_letters.txt", *FAST, *files)

    assert done.code == 73
    *_, last = done.err.splitlines()
    assert last.startswith(f"cannot write {out}/m.npz: No such file or directory; it was written to {room}/")
    model, history, proof = (Path(each) for each in re.findall(r"written to (\S+) instead", last))
    assert load(model).sha256 in done.out, "the results are shown"
    assert model.with_name("m.npz.md").exists()
    assert history.read_text().startswith("round,")
    assert client_here("verify", proof).code == 0


def test_where_no_folder_has_room_every_one_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    written: list[Path] = []

    def write(path: Path) -> None:
        if path.name == "m.npz":
            raise CannotWrite(f"cannot write {path}: No space left on device")
        written.append(path)

    with pytest.raises(CannotWrite) as caught:
        write_files([(NOWHERE / "m.npz", write), (None, write), (NOWHERE / "h.csv", write)])

    assert str(caught.value) == (
        f"cannot write /nowhere/m.npz: No space left on device; nor is there room for it in {tmp_path}"
    )
    assert written == [NOWHERE / "h.csv"], "the others are written"
    assert not list(tmp_path.iterdir())
