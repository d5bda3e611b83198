"""Tests of private folders: a file that was written since the start is read again once, and then known."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from roundelay.chord.errors import NotFound
from roundelay.federation.effects import Done
from roundelay.federation.errors import WorkFailed
from roundelay.federation.private_data import PrivateFile
from roundelay.federation.settings import Settings
from roundelay.ml import answers
from roundelay.ml.errors import EndOfFrames
from roundelay.ml.frames import Header
from roundelay.ml.readers.limits import DEFAULT, Limits
from roundelay.ml.trainer_orders import survey_folder
from roundelay.node import private
from roundelay.node.errors import PrivateFolderError
from roundelay.node.private import ADVICE, SURVEY_AGAIN_S, PrivateFolder
from roundelay.node.trainer import Trainer
from roundelay.node.trainer_process import Survey, Surveyed, TrainerProcess
from tests.client.site_ring import inline_surveys
from tests.node.training_orders import content, effect, make_spec, training_order

FILES = ("a", "b", "c")


class Counted:
    """Surveys folders in this process, and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, folder: Path) -> Surveyed:
        self.times += 1
        return answers.survey(survey_folder(folder))


@pytest.fixture
def survey() -> Counted:
    return Counted()


@pytest.fixture
def folder(tmp_path: Path) -> PrivateFolder:
    for seed, name in enumerate(FILES):
        (tmp_path / name).write_bytes(content(20, seed))
    made = PrivateFolder(tmp_path)
    with inline_surveys():
        made.scan()
    return made


def digests(folder: PrivateFolder) -> dict[str, str]:
    return {file.name: file.digest for file in folder.files}


def found(folder: PrivateFolder, survey: Survey) -> list[str]:
    """Return the names of the files that are still as published."""
    names = []
    for name, digest in digests(folder).items():
        try:
            request = folder.find(digest, survey)
        except NotFound as error:
            assert f"{name} has changed since it was published" in str(error)
        else:
            assert request is not None and request["name"] == name
            names.append(name)
    return names


def touch(path: Path, ns: int) -> None:
    os.utime(path, ns=(ns, ns))


def test_all_files_of_a_folder_that_was_touched_are_compared_at_once(
    folder: PrivateFolder, survey: Counted, tmp_path: Path
) -> None:
    for name in FILES:
        touch(tmp_path / name, 1)

    assert found(folder, survey) == found(folder, survey) == [*FILES]
    assert survey.times == 1


def test_a_file_that_has_changed_is_compared_once_and_again_when_it_is_written(
    folder: PrivateFolder, survey: Counted, tmp_path: Path
) -> None:
    (tmp_path / "b").write_bytes(content(21, 9))

    assert found(folder, survey) == found(folder, survey) == ["a", "c"]
    assert survey.times == 1

    (tmp_path / "b").write_bytes(content(20, 1))
    touch(tmp_path / "b", 2)
    assert found(folder, survey) == [*FILES]
    assert survey.times == 2


def test_a_file_that_is_written_during_the_survey_is_compared_again(
    folder: PrivateFolder, survey: Counted, tmp_path: Path
) -> None:
    def slow(directory: Path) -> Surveyed:
        seen = survey(directory)
        (tmp_path / "a").write_bytes(content(21, 9))
        touch(tmp_path / "a", 3)
        return seen

    touch(tmp_path / "a", 2)
    assert folder.find(digests(folder)["a"], slow) is not None
    assert found(folder, survey) == ["b", "c"]


def test_a_file_that_is_written_during_the_first_survey_is_compared_when_it_is_asked_for(
    survey: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(directory: Path, limits: Limits) -> Surveyed:
        seen = survey(directory)
        (tmp_path / "a").write_bytes(content(21, 9))
        return seen

    for seed, name in enumerate(FILES):
        (tmp_path / name).write_bytes(content(20, seed))
    monkeypatch.setattr(private, "_survey", slow)
    made = PrivateFolder(tmp_path)
    made.scan()

    assert found(made, survey) == ["b", "c"]
    assert survey.times == 2


def test_a_folder_that_cannot_be_read_is_not_read_for_each_order_and_no_value_leaves_the_site(
    survey: Counted, tmp_path: Path
) -> None:
    def fails(directory: Path) -> Surveyed:
        tried.append(directory)
        raise PrivateFolderError("row 3: 4711 is not a class")

    def complaint() -> str:
        with pytest.raises(NotFound) as caught:
            made.find(digests(made)["a"], fails)
        assert "4711" in str(caught.value.__cause__)
        return str(caught.value)

    tried: list[Path] = []
    now = [0.0]
    (tmp_path / "a").write_bytes(content(20, 1))
    made = PrivateFolder(tmp_path, clock=lambda: now[0])
    with inline_surveys():
        made.scan()
    touch(tmp_path / "a", 1)

    assert complaint() == complaint() == f"a cannot be compared with what was published; {ADVICE}"
    assert len(tried) == 1
    now[0] = SURVEY_AGAIN_S
    complaint()
    assert len(tried) == 2
    now[0] = 2 * SURVEY_AGAIN_S
    assert found(made, survey) == ["a"]


def test_a_site_says_which_files_are_larger_than_its_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content(20, 1))
    lines: list[str] = []

    PrivateFolder(tmp_path, log=lines.append, limits=Limits(10)).scan()

    assert len(lines) == 1 and lines[0].endswith("a: is larger than 10 bytes: raise --max-file-bytes"), lines


class Own:
    """Private data of which each order surveys the folder."""

    name, kind = "own", "letters"
    files: tuple[PrivateFile, ...] = ()
    limits = DEFAULT

    def __init__(self, before: Callable[[], None]) -> None:
        self._before = before

    def scan(self) -> None:
        pass

    def find(self, digest: str, survey: Survey) -> Header | None:
        self._before()
        kind, parts, _ = survey(Path("letters").absolute())
        raise NotFound(f"{len(parts)} files of {kind}")


def perform(before: Callable[[Trainer], None]) -> Done:
    """Have a trainer carry out an order, for which it surveys a folder."""
    order, weights = training_order(make_spec({"a": content(9, 1)}, Settings(epochs=2, hidden=(4,))))
    trainer = Trainer(lambda ticket, training: None, lambda line: None, own=Own(lambda: before(trainer)))
    try:
        return trainer.perform(effect(order, {}, weights))
    finally:
        trainer.stop()


def test_a_survey_is_ended_with_its_order() -> None:
    order, _ = training_order(make_spec({"a": content(9, 1)}, Settings(epochs=2, hidden=(4,))))

    with pytest.raises(NotFound, match="no longer wanted"):
        perform(lambda trainer: trainer.cancel(order.ticket, "no longer wanted"))


def test_a_survey_whose_process_is_killed_begins_anew_and_one_that_always_dies_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    with pytest.raises(NotFound, match="files of letters"):
        perform(lambda trainer: trainer._process.kill())

    def dies(self: TrainerProcess, folder: Path) -> Surveyed:
        asked.append(str(folder))
        raise EndOfFrames

    monkeypatch.setattr(TrainerProcess, "survey", dies)
    with pytest.raises(WorkFailed, match=r"the trainer died 3 times \(exit code -?\d+\) as it read the private data"):
        perform(lambda trainer: None)
    assert len(asked) == 3
