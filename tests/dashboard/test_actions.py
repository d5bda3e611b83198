"""What may be set in motion, and what is refused before anything is asked of the ring."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from roundelay.chord.refs import Address, NodeRef
from roundelay.cli.dashboard import options_of, parser
from roundelay.cli.main import parse
from roundelay.client.connection import Connection, client_runtime
from roundelay.client.errors import ClientError, InvalidRequest
from roundelay.client.job_input import JobInput
from roundelay.client.requests import RingAddress
from roundelay.client.ring import Ring
from roundelay.dashboard.actions import LINE_CHARACTERS_MAX, ActionRefused, Actions, LabActions, Wanted, sides
from roundelay.dashboard.options import DashboardOptions
from roundelay.dashboard.watcher import Watcher
from roundelay.federation.spec import JobSpec
from roundelay.node.lab import Lab
from roundelay.store.blobs import Content
from tests.dashboard.sights import SUPERNODE, picture


def actions(folder: Path, read_only: bool = False) -> Actions:
    watcher = Watcher(SUPERNODE, tuple, lambda: 0.0, lambda: 0.0)
    return Actions(ring(folder, SUPERNODE), watcher, folder, read_only)


def ring(folder: Path, supernode: Address) -> Ring:
    return Ring(Connection(client_runtime(), RingAddress(supernode, nodes=folder / "compute_nodes.txt")))


def wanted(data: str = "letters", validation: str = "v.txt", init: str = "", **typed: str) -> Wanted:
    return Wanted(data, validation, init, typed)


def test_a_page_that_only_looks_launches_and_stops_nothing(tmp_path: Path) -> None:
    made = actions(tmp_path, read_only=True)
    lab = LabActions(Lab(), Watcher(SUPERNODE, tuple, lambda: 0.0, lambda: 0.0), read_only=True)

    for deed in (
        lambda: made.launch(wanted()),
        lambda: made.cancel("0" * 64),
        lab.add,
        lab.heal,
        lambda: lab.kill(Address("127.0.0.1", 1)),
    ):
        with pytest.raises(ActionRefused, match="read-only"):
            deed()


@pytest.mark.parametrize(
    "asked",
    [
        wanted("../elsewhere"),
        wanted("/etc"),
        wanted(validation="../v.txt"),
        wanted(validation="/etc/passwd"),
        wanted(validation="link"),
        wanted("link"),
        wanted(init="../model.npz"),
    ],
)
def test_no_path_leads_out_of_the_data_folder(asked: Wanted, tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home / "letters", elsewhere):
        folder.mkdir(parents=True)
        (folder / "v.txt").write_text("1,2,0\n")
        (folder / "part").write_text("1,2,0\n")
    (home / "link").symlink_to(elsewhere)
    (home / "letters" / "link").symlink_to(elsewhere / "v.txt")

    with pytest.raises(ActionRefused, match=r"outside|inside the data folder"):
        actions(home).launch(asked)


def test_a_wrong_setting_is_refused_in_the_words_of_the_command_line(tmp_path: Path) -> None:
    with pytest.raises(ActionRefused, match="--rounds is 0, expected 1 to 10000"):
        actions(tmp_path).launch(wanted(rounds="0"))


@pytest.mark.parametrize("name", ["os:system", "shutil:rmtree", "mine:Reader"])
def test_a_browser_names_no_code_that_the_page_was_not_started_with(name: str, tmp_path: Path) -> None:
    made, kept = actions(tmp_path), tmp_path / "letters" / "kept.txt"
    kept.parent.mkdir()
    kept.write_text("1,2,A")
    asked = wanted(validation="")

    for each in (replace(asked, reading={"dataset": name}), replace(asked, typed={"model": name})):
        with pytest.raises(ActionRefused, match=f"module {name.partition(':')[0]} is not allowed on this page"):
            made.launch(each)
    assert kept.exists()


@pytest.mark.parametrize(("name", "value"), [("course", "on"), ("rounds", True), ("rounds", "x" * 10_000)])
def test_a_value_of_the_wrong_kind_is_refused_in_a_short_line(name: str, value: str | bool, tmp_path: Path) -> None:
    with pytest.raises(ActionRefused, match=f"--{name}") as refused:
        actions(tmp_path).launch(Wanted("letters", "", "", {name: value}))

    assert len(str(refused.value)) <= LINE_CHARACTERS_MAX


@pytest.mark.parametrize(("name", "value"), [("dataset", True), ("drop", True), ("colour", "on")])
def test_a_value_of_the_wrong_kind_for_reading_data_is_refused(name: str, value: str | bool, tmp_path: Path) -> None:
    with pytest.raises(ActionRefused, match=f"--{name}: unexpected value"):
        actions(tmp_path).launch(Wanted("letters", "", "", {}, {name: value}))


def test_a_symbolic_link_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")

    with pytest.raises(ActionRefused):
        actions(tmp_path).launch(wanted("loop"))


def test_how_data_are_read_is_refused_in_the_words_of_the_command_line(tmp_path: Path) -> None:
    write_table(tmp_path)

    with pytest.raises(ActionRefused, match="--parts"):
        actions(tmp_path).launch(Wanted("flowers.csv", "", "", {}, {"parts": "none"}))
    with pytest.raises(ActionRefused, match="no such option: out"):
        actions(tmp_path).launch(Wanted("flowers.csv", "", "", {}, {"out": "model.npz"}))
    with pytest.raises(ActionRefused, match="petal"):
        actions(tmp_path).launch(Wanted("flowers.csv", "", "", {}, {"label": "petal"}))


def test_the_form_reads_a_table_and_holds_a_part_out_as_the_command_line_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_table(tmp_path)
    published: list[tuple[JobSpec, list[Content]]] = []

    def keep(_: object, spec: JobSpec, given: JobInput, initial: object) -> tuple[NodeRef, ...]:
        published.append((spec, [given.contents[file.digest] for file in spec.files]))
        return ()

    monkeypatch.setattr("roundelay.client.ring.publish", keep)
    monkeypatch.setattr(Ring, "size", lambda _: 4)
    actions(tmp_path).launch(Wanted("flowers.csv", "", "", {"rounds": "3"}, {"parts": "2", "label": "kind"}))

    ((spec, held),) = published
    assert (len(spec.files), spec.features, spec.labels, spec.settings.rounds) == (2, 2, ("iris", "rose"), 3)
    assert spec.validation_file.rows == 8
    assert all(held)


def write_table(folder: Path) -> None:
    rows = [f"{n},{n % 7},{'iris' if n % 2 else 'rose'}" for n in range(40)]
    (folder / "flowers.csv").write_text("\n".join(["long,wide,kind", *rows]) + "\n")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ActionRefused, match="letters"):
        actions(tmp_path).launch(wanted())


def test_both_sides_of_a_cut_have_half_of_the_neighbours() -> None:
    one, other = sides(picture(0, 50, 100, 150, 200))

    assert [address.port for address in one] == [8000, 8100, 8200]
    assert [address.port for address in other] == [8050, 8150]


# --- the command line


def chosen(*arguments: str) -> DashboardOptions:
    return options_of(parse(parser(list(arguments)), list(arguments)))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--host", "0.0.0.0", "--name", "lab.example"),
        ("--host", "192.0.2.1"),
        ("--host", "0.0.0.0", "--token-file", "t"),
        ("--lab", "0"),
        ("--lab", "--supernode", "127.0.0.1:9091"),
    ],
)
def test_what_is_not_safe_or_does_not_fit_is_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest):
        chosen(*arguments)


def test_every_start_has_a_token_of_its_own() -> None:
    tokens = {chosen().token() for _ in range(5)}

    assert len(tokens) == 5
    assert all(len(token) >= 32 for token in tokens)


@pytest.mark.parametrize("content", ["short", "", "with spaces in the middle of it", 'quote"and;semicolon=1234'])
def test_a_weak_or_unfit_token_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(content)

    with pytest.raises(ClientError):
        chosen("--host", "192.0.2.1", "--token-file", str(tmp_path / "token")).token()


def test_beyond_loopback_the_page_is_called_by_its_host_and_given_names() -> None:
    assert chosen().names == ["127.0.0.1", "localhost", "::1"]
    far = ("--name", "lab.example", "--token-file", "t")
    assert chosen("--host", "192.0.2.1", *far).names == ["192.0.2.1", "lab.example"]
    assert chosen("--host", "0.0.0.0", *far).names == ["lab.example"]


def test_what_is_put_to_a_ring_that_is_not_there_fails_as_such(tmp_path: Path) -> None:
    watcher = Watcher(Address("127.0.0.1", 1), tuple, lambda: 0.0, lambda: 0.0)

    with pytest.raises(ActionRefused, match="none of 0 addresses answers"):
        Actions(ring(tmp_path, Address("127.0.0.1", 1)), watcher, tmp_path, False).look_up("a", None)
