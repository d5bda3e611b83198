"""The name of a node's private data, and of a leaf, which follows from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from roundelay.cli import parser_base
from roundelay.cli.compute_node import parser
from roundelay.cli.exits import USAGE, Exit
from roundelay.cli.run_compute_node import leaf_address, private_name_of, private_of

CLIENT = ("--trainer", "letters_client:client_fn")


def chosen(*arguments: object) -> parser_base.Namespace:
    return parser(()).parse_args(["--outbound", *map(str, arguments)])


def test_leaves_of_one_machine_have_names_of_their_own_that_stay(tmp_path: Path) -> None:
    arguments: list[tuple[object, ...]] = [
        ("8001",),
        ("--private", tmp_path),
        ("--private", tmp_path, "--private-name", "east"),
        ("--private", f"west={tmp_path}"),
        ("--private", tmp_path.parent),
        CLIENT,
        (*CLIENT, "--trainer-config", "partition-id=0"),
        (*CLIENT, "--trainer-config", "partition-id=1"),
    ]
    names = [leaf_address(chosen(*each), None) for each in arguments]

    assert len(set(names)) == len(names)
    assert names == [leaf_address(chosen(*each), None) for each in arguments]


def test_a_leaf_without_private_data_needs_a_port() -> None:
    with pytest.raises(Exit, match="--outbound needs a PORT without private data") as raised:
        leaf_address(chosen(), None)

    assert raised.value.code == USAGE


def test_private_data_have_one_name(tmp_path: Path) -> None:
    assert private_name_of(chosen("--private", tmp_path)) == "private"
    assert private_name_of(chosen("--private", tmp_path, "--private-name", "a")) == "a"
    assert private_name_of(chosen("--private", f"a={tmp_path}")) == "a"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--private", "a=.", "--private-name", "b"), "--private-name cannot be combined with --private a=DIR: both"),
        (("--private-name", "b"), "--private-name needs private data: --private or --trainer"),
    ],
)
def test_a_name_that_would_be_ignored_is_refused(arguments: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(Exit, match=complaint) as raised:
        private_of(chosen(*arguments))

    assert raised.value.code == USAGE


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("my wards=/data", "'my wards' cannot be the name of private data: expected NAME=DIR"),
        ("wards", "no such file or folder: wards; it is NAME=DIR, or a folder or file that exists"),
        ("wards=nosuch", "no such file or folder: nosuch$"),
    ],
)
def test_private_data_that_are_not_there_are_named(given: str, complaint: str) -> None:
    with pytest.raises(Exit, match=complaint):
        private_of(chosen("--private", given))
