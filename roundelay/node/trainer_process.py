"""The child process that trains, and the frames to and from it.

Training has a process of its own, so that this one answers its neighbours within milliseconds while it goes on. The
child ends when its pipe closes: a killed node leaves no orphan.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

from roundelay.chord.errors import ChordError, StoreFull
from roundelay.ml import answers
from roundelay.ml.answers import SurveyedPart
from roundelay.ml.errors import EndOfFrames, FrameError, MLError, from_dict
from roundelay.ml.frames import Frame, Header, NotKept, read_frame, write_frame
from roundelay.ml.readers.limits import DEFAULT, OPTION, Limits
from roundelay.ml.sliced import Sliced
from roundelay.node.errors import PrivateFolderError
from roundelay.node.files import file_for

ROOT = Path(__file__).resolve().parents[2]
MODULE = "roundelay.ml.trainer"  # that the child runs
STOP_TIMEOUT_S = 1.0

OnProgress = Callable[[Header], None]
OnCheckpoint = Callable[[Frame], None]
Surveyed = tuple[str, tuple[SurveyedPart, ...], str]  # kind, files, and why they cannot be read without a job's options
Survey = Callable[[Path], Surveyed]


class TrainerProcess:
    """At most one child, started when it is first needed. Not thread-safe, except for `kill` and `kill_for_good`."""

    def __init__(self, limits: Limits = DEFAULT) -> None:
        """limits: of the private data that it reads."""
        self._child: subprocess.Popen[bytes] | None = None
        self._killed = False
        self._command = (sys.executable, "-m", MODULE, OPTION, str(limits.file_bytes))

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is no child."""
        return self._child.pid if self._child is not None else None

    def start(self) -> None:
        """Start the child unless it is running."""
        if self._child is None or self._child.poll() is not None:
            self.end()
            self._child = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
        if self._killed:  # `kill_for_good` may have come before the child was there to be seen
            self._child.kill()

    def ask(
        self,
        header: Header,
        payload: Sequence[Sliced],
        on_progress: OnProgress,
        on_checkpoint: OnCheckpoint = lambda frame: None,
    ) -> Frame:
        """Send one request to the running child and return its answer; other frames before it go to the callbacks.

        A large payload is read as it is sent, and a large answer is collected in a file. Raises the MLError that the
        child answers with; EndOfFrames, FrameError or OSError when it has ended; ChordError, after which the child is
        ended, if the payload cannot be read or there is no room for the answer.
        """
        try:
            return self._exchange(header, payload, on_progress, on_checkpoint)
        except ChordError:  # in the middle of a frame
            self.kill()
            self.end()
            raise

    def _exchange(
        self, header: Header, payload: Sequence[Sliced], on_progress: OnProgress, on_checkpoint: OnCheckpoint
    ) -> Frame:
        assert self._child is not None
        requests, answers = cast(BinaryIO, self._child.stdin), cast(BinaryIO, self._child.stdout)
        write_frame(requests, header, *payload)
        while True:  # ends: every request has one answer, or the pipe closes
            try:
                frame = read_frame(answers, file_for)
            except NotKept as error:
                if "checkpoint" in error.header:  # the order can do without
                    continue
                raise StoreFull(str(error.__cause__)) from error
            if "error" in frame.header:
                raise from_dict(frame.header)
            if "checkpoint" in frame.header:
                on_checkpoint(frame)
            elif "progress" in frame.header:
                on_progress(frame.header)
            else:
                return frame

    def survey(self, folder: Path) -> Surveyed:
        """Have the running child find the data in a folder.

        Raises PrivateFolderError; EndOfFrames, FrameError or OSError when the child has ended.
        """
        try:
            return answers.survey(self.ask({"do": "survey", "path": str(folder)}, (), lambda progress: None).header)
        except (EndOfFrames, FrameError):
            raise
        except MLError as error:
            raise PrivateFolderError(str(error)) from error

    def end(self) -> int | None:
        """Close the child's pipe and wait for its end. Returns its exit code, or None if there was no child."""
        child, self._child = self._child, None
        if child is None:
            return None
        assert child.stdin is not None and child.stdout is not None
        with suppress(OSError):  # closing flushes what a dead child has not read
            child.stdin.close()
        try:
            child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()
        return child.returncode

    def kill(self) -> None:
        """Kill the child, if there is one. It owns nothing but its memory."""
        child = self._child
        if child is not None and child.poll() is None:
            child.kill()

    def kill_for_good(self) -> None:
        """Kill the child, and every child that is started later."""
        self._killed = True
        self.kill()


def _environment() -> dict[str, str]:
    """BLAS with one thread: the processes of one machine share its cores, and the bits depend on it."""
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return os.environ | threads
