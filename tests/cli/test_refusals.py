"""Options of client.py train that exclude one another: each is refused at once, with a reason, and code 64."""

from __future__ import annotations

import pytest

from tests.processes import client_here

TRAIN = ("train", "./letters", "validate_letters.txt")
PINNED = ("train", "--pinned", "wards", "--validation", "letters/validate_letters.txt")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((*TRAIN, "--local", 2, "--detach"), "--detach and --local exclude one another"),
        ((*TRAIN, "--local", 2, "--bootstrap", "127.0.0.1:1"), "--bootstrap and --local exclude one another"),
        ((*TRAIN, "--supernode", "127.0.0.1:1", "--bootstrap", "127.0.0.1:1"), "--bootstrap and --supernode exclude"),
        ((*PINNED, "--local", 2), "--pinned and --local exclude one another"),
        ((*PINNED, "--placement", "random"), "--pinned and --placement random exclude one another"),
        ((*TRAIN, "--pinned", "wards"), "--pinned NAME takes --validation FILE, and no folder"),
        (("train", "--pinned", "wards"), "--pinned NAME takes --validation FILE, and no folder"),
        (("train",), "which data?"),
        ((*TRAIN, "--validation", "letters/validate_letters.txt"), "one validation file"),
        ((*PINNED, "--weighting", "balanced"), "--pinned and --weighting balanced exclude one another"),
        ((*PINNED, "--model", "cnn"), "--pinned and --model cnn exclude one another"),
        ((*PINNED, "--dataset", "csv"), "--pinned and --dataset exclude one another"),
        ((*PINNED, "--parts", 4), "--pinned and --parts exclude one another"),
        ((*TRAIN, "--rule", "fedprox", "--model", "torchzoo:mlp"), "--rule fedprox trains mlp, softmax and cnn"),
        ((*TRAIN, "--course-trainer", "--dropout", 0.5), "--course-trainer trains an mlp, without --dropout"),
        ((*TRAIN, "--tiers", "a,b"), "--tiers names the levels of --topology tree, not of star"),
        ((*TRAIN, "--mu", 0.5), "--mu is for --rule fedprox, not for fedavg"),
        ((*TRAIN, "--rule", "fedprox", "--course-trainer"), "--course-trainer and --rule fedprox exclude one another"),
    ],
)
def test_a_pair_that_cannot_be_is_refused_with_its_reason(arguments: tuple[object, ...], reason: str) -> None:
    outcome = client_here(*arguments)

    assert outcome.code == 64, outcome.err
    assert reason in outcome.err
    assert outcome.err.count("\n") == 1
