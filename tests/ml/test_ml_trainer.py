"""The trainer process as a real child with two pipes, up to the death of its parent."""

from __future__ import annotations

import dataclasses
import errno
import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roundelay.ml import temporary
from roundelay.ml.errors import EndOfFrames, MLError, from_dict
from roundelay.ml.exact_moments import feature_sums, feature_sums_from_bytes
from roundelay.ml.frames import Frame, Header, read_frame, write_frame
from roundelay.ml.mlp import Architecture, init
from roundelay.ml.sliced import as_bytes
from roundelay.ml.trainer import serve
from roundelay.ml.training_plan import TrainConfig
from roundelay.ml.worker import Worker
from tests.ml.ml_oracles import digest_of, make_csv, make_samples, make_task, with_changes

ROOT = Path(__file__).resolve().parents[2]
END_TIMEOUT_S = 20
ROWS = [30, 17]
CONTENTS = [make_csv(make_samples(rows, seed=rows)) for rows in ROWS]
WEIGHTS = init(Architecture((5, 8, 4)), 1).tobytes()
TASK = make_task(CONTENTS, ROWS)


class Child:
    """A trainer process as its parent sees it."""

    def __init__(self, *program: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *(program or ("-m", "roundelay.ml.trainer"))],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.progress: list[list[Any]] = []  # file's index, epoch, loss, accuracy

    def ask(self, header: Header, payload: bytes = b"") -> Frame:
        write_frame(self.process.stdin, header, payload)  # type: ignore[arg-type]
        while True:
            frame = read_frame(self.process.stdout)  # type: ignore[arg-type]
            if frame.header.keys().isdisjoint(("progress", "checkpoint")):
                return frame
            self.progress += frame.header.get("progress", [])  # type: ignore[arg-type]

    def add_files(self) -> None:
        for i, content in enumerate(CONTENTS):
            self.ask({"do": "add", "digest": digest_of(content), "name": f"file{i}"}, content)


@pytest.fixture(scope="module")
def served() -> Iterator[Child]:
    child = Child()
    child.add_files()
    yield child
    stop(child)


@pytest.fixture
def child() -> Iterator[Child]:
    child = Child()
    yield child
    stop(child)


def stop(child: Child) -> None:
    child.process.kill()
    child.process.wait(END_TIMEOUT_S)
    for pipe in (child.process.stdin, child.process.stdout, child.process.stderr):
        pipe.close()  # type: ignore[union-attr]


def test_a_trainer_process_trains_the_same_bits_as_a_worker(served: Child) -> None:
    inside = Worker()
    for i, content in enumerate(CONTENTS):
        inside.add_file(digest_of(content), f"file{i}", content)
    served.progress.clear()

    answer = served.ask({"do": "train", "task": TASK.to_dict()}, WEIGHTS)

    update = inside.train(TASK, WEIGHTS)
    assert as_bytes(answer.payload) == update.sum
    assert answer.header == {"rows": update.rows, "loss": update.loss, "accuracy": update.accuracy}
    assert [epoch[:2] for epoch in served.progress] == [[0, 1], [0, 2], [1, 1], [1, 2]]
    assert all(0 <= accuracy <= 1 and loss > 0 for _, _, loss, accuracy in served.progress)


def test_epochs_in_quick_succession_are_reported_together() -> None:
    inside, orders, answers = Worker(), io.BytesIO(), io.BytesIO()
    for i, content in enumerate(CONTENTS):
        inside.add_file(digest_of(content), f"file{i}", content)
    write_frame(orders, {"do": "train", "task": TASK.to_dict()}, WEIGHTS)
    orders.seek(0)

    serve(inside, orders, answers, clock=lambda: 1.0)  # no time passes

    answers.seek(0)
    first, rest, answer = (read_frame(answers).header for _ in range(3))
    assert [[epoch[:2] for epoch in frame["progress"]] for frame in (first, rest)] == [  # type: ignore[attr-defined]
        [[0, 1]],
        [[0, 2], [1, 1], [1, 2]],
    ]
    assert "rows" in answer


def answered(orders: list[tuple[Header, bytes]]) -> bytes:
    """Return all that a trainer writes when it is given the files and these orders."""
    inside, stream, answers = Worker(), io.BytesIO(), io.BytesIO()
    for i, content in enumerate(CONTENTS):
        write_frame(stream, {"do": "add", "digest": digest_of(content), "name": f"file{i}"}, content)
    for header, payload in orders:
        write_frame(stream, header, payload)
    stream.seek(0)
    serve(inside, stream, answers, clock=iter(range(10_000)).__next__)  # a checkpoint after each epoch
    return answers.getvalue()


def frames_of(written: bytes) -> Iterator[Frame]:
    stream = io.BytesIO(written)
    with suppress(EndOfFrames):
        while True:
            yield read_frame(stream)


def test_a_trainer_that_keeps_contents_in_files_answers_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    train: Header = {"do": "train", "task": TASK.to_dict()}
    orders: list[tuple[Header, bytes]] = [
        (train, WEIGHTS),
        (train | {"task": with_changes(TASK, receipts=True).to_dict()}, WEIGHTS),
        ({"do": "evaluate", "task": TASK.to_dict(), "digest": digest_of(CONTENTS[0])}, WEIGHTS),
        ({"do": "fingerprint", "plan": TASK.plan.to_dict()}, b""),
    ]
    in_memory = answered(orders)

    monkeypatch.setattr(temporary, "LARGE_BYTES_MIN", 1)

    assert answered(orders) == in_memory
    checkpoint = next(frame for frame in frames_of(in_memory) if "checkpoint" in frame.header)
    goes_on = [(train | {"begun": checkpoint.header}, WEIGHTS + as_bytes(checkpoint.content))]
    *_, gone_on = frames_of(answered(goes_on))
    assert gone_on.payload == next(frame.payload for frame in frames_of(in_memory) if "loss" in frame.header)


def test_a_trainer_without_room_for_an_order_says_so_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(temporary, "LARGE_BYTES_MIN", len(WEIGHTS))
    monkeypatch.setattr(temporary.TemporaryBytes, "place", full)

    answers = answered([({"do": "train", "task": TASK.to_dict()}, WEIGHTS), ({"do": "missing"}, b"")])

    *_, refused, after = frames_of(answers)
    assert (refused.header["error"], after.header["error"]) == ("CannotWrite", "BadTask")
    assert "TMPDIR" in str(refused.header["message"])


def test_a_trainer_process_answers_moments_evaluation_and_missing_files(served: Child) -> None:
    digests = [digest_of(content) for content in CONTENTS]

    moments = served.ask({"do": "moments", "digests": digests})
    found = served.ask({"do": "evaluate", "task": TASK.to_dict(), "digest": digests[0]}, WEIGHTS)
    missing = served.ask({"do": "missing", "digests": [*digests, "other"]})

    rows = np.concatenate([make_samples(n, seed=n).x for n in ROWS])
    assert feature_sums_from_bytes(as_bytes(moments.payload)) == feature_sums(rows)
    assert set(found.header) == {"loss", "accuracy"}
    assert missing.header == {"missing": ["other"]}


def test_a_trainer_process_has_this_machines_fingerprint(served: Child) -> None:
    first = served.ask({"do": "fingerprint", "plan": TASK.plan.to_dict()}).header
    halved = dataclasses.replace(TASK.plan, config=dataclasses.replace(TASK.plan.config, eta=TASK.plan.config.eta / 2))
    other = dataclasses.replace(TASK.plan, config=dataclasses.replace(TASK.plan.config, batch=7))

    assert served.ask({"do": "fingerprint", "plan": TASK.plan.to_dict()}).header == first
    assert served.ask({"do": "fingerprint", "plan": halved.to_dict()}).header == first
    assert served.ask({"do": "fingerprint", "plan": other.to_dict()}).header != first


@pytest.mark.parametrize(
    ("order", "payload", "kind"),
    [
        ({"do": "add", "digest": "d", "name": "bad.txt"}, b"1,2,3\n1,x,3\n", "DataError"),
        ({"do": "add", "digest": "d", "name": "bad.txt", "classes": 2}, b"1,2,3\n", "DataError"),
        ({"do": "add", "name": "n"}, b"1,2\n", "BadTask"),
        ({"do": "add", "digest": "d", "name": "n", "classes": "two"}, b"1,2\n", "BadTask"),
        ({"do": "train", "task": make_task([b"?"], [3]).to_dict()}, WEIGHTS, "FileUnknown"),
        ({"do": "train", "task": TASK.to_dict()}, b"", "BadTask"),
        ({"do": "train"}, WEIGHTS, "BadTask"),
        ({"do": "moments", "digests": "abc"}, b"", "BadTask"),
        ({"do": "__class__"}, b"", "BadTask"),
        ({}, b"", "BadTask"),
    ],
)
def test_an_error_is_answered_and_the_process_goes_on(served: Child, order: Header, payload: bytes, kind: str) -> None:
    answer = served.ask(order, payload)

    assert answer.header["error"] == kind
    assert isinstance(from_dict(answer.header), MLError)
    assert served.ask({"do": "missing", "digests": []}).header == {"missing": []}


def test_an_error_in_a_file_keeps_its_line(served: Child) -> None:
    answer = served.ask({"do": "add", "digest": "d", "name": "bad.txt"}, b"1,2,3\n1,x,3\n")

    assert str(from_dict(answer.header)) == "bad.txt, line 2: field 2 is 'x', not a number"


def test_sigint_is_left_to_the_parent() -> None:
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # whatever it inherits
    child = Child("-c", f"{listening}; import roundelay.ml.trainer; roundelay.ml.trainer.main()")
    child.ask({"do": "missing", "digests": []})

    child.process.send_signal(signal.SIGINT)

    assert child.ask({"do": "missing", "digests": ["a"]}).header == {"missing": ["a"]}
    stop(child)


def test_a_trainer_process_ends_quietly_at_the_end_of_its_input(child: Child) -> None:
    child.ask({"do": "missing", "digests": []})

    _, errors = child.process.communicate(timeout=END_TIMEOUT_S)

    assert (child.process.returncode, errors) == (0, b"")


def test_a_training_process_ends_with_its_parent(child: Child) -> None:
    child.add_files()
    endless = with_changes(TASK, config=TrainConfig(epochs=1_000_000, batch=8))
    write_frame(child.process.stdin, {"do": "train", "task": endless.to_dict()}, WEIGHTS)  # type: ignore[arg-type]
    read_frame(child.process.stdout)  # type: ignore[arg-type]

    child.process.stdin.close()  # type: ignore[union-attr]
    child.process.stdout.close()  # type: ignore[union-attr]

    assert child.process.wait(END_TIMEOUT_S) == 0
    assert child.process.stderr.read() == b""  # type: ignore[union-attr]


def test_a_trainer_process_ends_on_input_that_is_not_a_frame(child: Child) -> None:
    _, errors = child.process.communicate(b"GET / HTTP/1.1\r\nHost: me\r\n\r\n", timeout=END_TIMEOUT_S)

    assert child.process.returncode == os.EX_PROTOCOL
    assert b"too large" in errors and b"Traceback" not in errors


def test_only_frames_go_to_stdout_and_blas_has_one_thread() -> None:
    program = (
        "import os, sys\n"
        "import roundelay.ml.trainer, roundelay.ml.threads\n"
        "assert 'numpy' not in sys.modules\n"
        "import roundelay.ml.worker as w\n"
        "def has(self, digest):\n"
        "    print('noise')\n"
        "    os.write(1, b'noise')\n"
        "    return os.environ['OPENBLAS_NUM_THREADS'] != '1'\n"
        "w.Worker.has = has\n"
        "sys.exit(roundelay.ml.trainer.main())\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    write_frame(process.stdin, {"do": "missing", "digests": ["a"]})  # type: ignore[arg-type]

    assert read_frame(process.stdout).header == {"missing": ["a"]}  # type: ignore[arg-type]
    answers, errors = process.communicate(timeout=END_TIMEOUT_S)
    assert (process.returncode, answers) == (0, b"")
    assert errors.count(b"noise") == 2


def test_the_light_modules_import_no_numpy() -> None:
    program = (
        "import sys\n"
        "from roundelay.ml import errors, frames, task, threads, trainer\n"
        "sys.exit('numpy' in sys.modules)\n"
    )

    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
