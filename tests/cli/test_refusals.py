"""Options of client.py train that cannot be combined are refused at once, with a reason and exit code 64."""

from __future__ import annotations

import pytest

from tests.processes import client_here

TRAIN = ("train", "./letters", "validate_letters.txt")
PRIVATE = ("train", "--private", "wards", "--validation", "letters/validate_letters.txt")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((*TRAIN, "--local", 2, "--detach"), "--local cannot be combined with --detach"),
        ((*TRAIN, "--local", 2, "--bootstrap", "127.0.0.1:1"), "--local cannot be combined with --bootstrap"),
        ((*TRAIN, "--supernode", "127.0.0.1:1", "--bootstrap", "127.0.0.1:1"), "--bootstrap cannot be combined with"),
        ((*TRAIN, "--local", 2, "--supernode", "127.0.0.1:1"), "--supernode cannot be combined with --local"),
        ((*TRAIN, "--local", 2, "--nodes", "list.txt"), "--nodes cannot be combined with --local"),
        ((*TRAIN, "--holdout", 0.3), "--holdout cannot be combined with a validation file"),
        ((*TRAIN, "--optimizer", "adam", "--momentum", 0.5), "--momentum cannot be combined with --optimizer adam"),
        ((*TRAIN, "--model", "softmax", "--hidden", 5), "--hidden cannot be combined with --model softmax"),
        ((*TRAIN, "--model", "softmax", "--dropout", 0.5), "--dropout cannot be combined with --model softmax"),
        ((*TRAIN, "--hidden", 0), "0, expected 1 to 16384; --model softmax has no hidden layer"),
        (("train", "letters", "--holdout", 2), "--holdout is 2, expected a share of the rows between 0 and 1"),
        ((*PRIVATE, "--local", 2), "--local cannot be combined with --private"),
        ((*PRIVATE, "--placement", "random"), "--private cannot be combined with --placement random:"),
        ((*TRAIN, "--private", "wards"), "--private NAME takes no folder"),
        (("train", "--private", "wards", "--evaluate", "both"), "--evaluate both needs --validation FILE"),
        ((*PRIVATE, "--evaluate", "sites"), "--evaluate sites takes no --validation FILE"),
        ((*PRIVATE, "--holdout", 0.3), "--private cannot be combined with --holdout"),
        ((*TRAIN, "--evaluate", "sites"), "--evaluate is for --private NAME"),
        (("train",), "no training data"),
        (
            ("train", *(f"{n}.csv" for n in range(99))),
            "...; to train on several files, name the folder that holds them",
        ),
        ((*TRAIN, "--proof", "/tmp/p.zip", "--topology", "gossip"), "cannot be repeated: the additions of gossip"),
        ((*TRAIN, "--proof", "/tmp/p.zip", "--quorum", 0.5), "a round depends on which nodes were up"),
        ((*PRIVATE, "--proof", "/tmp/p.zip"), "private files never leave their node"),
        ((*TRAIN, "--proof", "/tmp/p.zip", "--detach"), "--proof cannot be combined with --detach"),
        (("export", "last"), "--out FILE, or for a proof, --proof FILE"),
        (("export", "last", "--out", "/tmp/m.npz", "--without-identities"), "--without-identities is for --proof"),
        (("verify", "p.zip", "--replay"), "--data DIR"),
        (("verify", "p.zip", "--data", "letters"), "--data is for --replay or --sample N"),
        (("verify", "p.zip", "--data", "letters", "--replay", "--sample", 2), "--sample cannot be combined with"),
        ((*TRAIN, "--validation", "letters/validate_letters.txt"), "name one file"),
        ((*PRIVATE, "--weighting", "balanced"), "--private cannot be combined with --weighting balanced:"),
        ((*PRIVATE, "--secure-aggregation", "--missing", "mean"), "each site would tell the sums of its own columns"),
        ((*TRAIN, "--dp-noise", 1, "--dp-clip", 1, "--missing", "mean"), "cannot be combined with --missing mean"),
        ((*PRIVATE, "--parts", 4), "--private cannot be combined with --parts:"),
        ((*TRAIN, "--rule", "fedprox", "--model", "torchzoo:mlp"), "--rule fedprox trains mlp, softmax and cnn"),
        ((*TRAIN, "--course-trainer", "--dropout", 0.5), "--course-trainer trains an mlp, without --dropout"),
        ((*TRAIN, "--tiers", "a,b"), "--tiers names the levels of --topology tree, not of star"),
        ((*TRAIN, "--mu", 0.5), "--mu is for --rule fedprox, not for fedavg"),
        ((*TRAIN, "--rule", "fedprox", "--course-trainer"), "--course-trainer cannot be combined with --rule fedprox"),
    ],
)
def test_a_pair_that_cannot_be_is_refused_with_its_reason(arguments: tuple[object, ...], reason: str) -> None:
    outcome = client_here(*arguments)

    assert outcome.code == 64, outcome.err
    assert reason in outcome.err
    assert outcome.err.count("\n") == 1
