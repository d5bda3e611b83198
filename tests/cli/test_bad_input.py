"""What bad input gets: one line that names file and line, the promised code, nothing on standard output."""

from __future__ import annotations

from pathlib import Path

import pytest

from roundelay.cli import main
from tests.processes import Outcome, client, client_here, run_here

GOOD = "1,2,3,4,0\n5,6,7,8,25\n9,10,11,12,7\n"
HELD_OUT = "4,3,2,1,0\n8,7,6,5,25\n12,11,10,9,7\n"
NOWHERE = ("--supernode", "127.0.0.1:1", "--nodes", "no such list")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of two good files, and a good validation file beside it."""
    made = tmp_path / "data"
    made.mkdir()
    for name in ("a", "b.csv"):
        (made / name).write_text(GOOD)
    (tmp_path / "validate.txt").write_text(HELD_OUT)
    return made


def train(data: Path, *options: object) -> Outcome:
    return client_here(data, data.parent / "validate.txt", *NOWHERE, *options)


def assert_one_line(outcome: Outcome, code: int, *parts: str) -> None:
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1, outcome.err
    assert all(part in outcome.err for part in parts), outcome.err
    assert outcome.code == code, outcome.err


BAD_ROWS = {
    "a field too few": ("1,2,3,0", "line 2: has 4 fields, expected 5"),
    "a field too many": ("1,2,3,4,5,0", "line 2: has 6 fields, expected 5"),
    "text where a number belongs": ("1,2,x,4,0", "line 2: field 3 is 'x', not a number"),
    "nothing where a number belongs": ("1,,3,4,0", "line 2: field 2 is ''"),
    "a class out of range": ("1,2,3,4,26", "line 2: class 26 is out of range 0..25"),
    "a negative class": ("1,2,3,4,-1", "line 2: class -1 is out of range 0..25"),
    "a class that is not an integer": ("1,2,3,4,1.5", "line 2: the class is '1.5', not an integer"),
    "a class that is a letter": ("1,2,3,4,A", "line 2: the class is 'A', not an integer"),
    "not a number": ("1,nan,3,4,0", "line 2: field 2 is 'nan', not finite"),
    "infinity": ("1,2,3,-inf,0", "line 2: field 4 is '-inf', not finite"),
    "too large for float32": ("1e39,2,3,4,0", "line 2: field 1 is '1e39', too large"),
    "a blank line": ("", "line 2: is blank"),
    "a NUL": ("1,2,3\0,4,0", "line 2: is not text"),
}


@pytest.mark.parametrize("row", BAD_ROWS)
@pytest.mark.parametrize("place", ["training", "validation"])
def test_a_bad_row_is_named_by_file_and_line(row: str, place: str, data: Path) -> None:
    text, complaint = BAD_ROWS[row]
    file = data / "b.csv" if place == "training" else data.parent / "validate.txt"
    file.write_text(f"1,2,3,4,0\n{text}\n5,6,7,8,1\n")

    assert_one_line(train(data), 65, f"{file}, {complaint}")


@pytest.mark.parametrize("place", ["training", "validation"])
@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"\n\n  \n", "is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "line 1: is not text"),
        (b"1,2,3,4,0\n\xff\xfe\x00\n", "line 2: is not text"),
    ],
    ids=["empty", "blank", "binary", "binary from line 2 on"],
)
def test_a_file_that_is_no_text_is_named(content: bytes, complaint: str, place: str, data: Path) -> None:
    file = data / "a" if place == "training" else data.parent / "validate.txt"
    file.write_bytes(content)

    assert_one_line(train(data), 65, str(file), complaint)


def test_a_file_of_other_fields_than_the_first_is_named(data: Path) -> None:
    (data / "b.csv").write_text("1,2,0\n1,2,1\n")

    assert_one_line(train(data), 65, f"{data / 'b.csv'}, line 1: has 3 fields, expected 5")


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "validate.txt").write_text(HELD_OUT)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "README.md").write_text("no data")

    assert_one_line(train(tmp_path / "data"), 65, str(tmp_path / "data"), "holds no training file")


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[2J", "back\\slash.txt", "bell\a.csv"])
def test_a_name_that_could_harm_is_refused_and_never_printed_raw(name: str, data: Path) -> None:
    (data / name).write_text(GOOD)

    outcome = train(data)

    assert_one_line(outcome, 65)
    assert "\x1b" not in outcome.err
    assert "\a" not in outcome.err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("nowhere", "validate.txt"), "nowhere"),
        (("data", "nowhere.txt"), "nowhere.txt"),
        (("data/a", "validate.txt"), "data/a"),
        (("data", "validate.txt", "--init", "nowhere.npz"), "nowhere.npz"),
        (("predict", "nowhere.npz", "validate.txt"), "nowhere.npz"),
    ],
)
def test_what_is_not_there_is_66(
    arguments: tuple[str, ...], named: str, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data.parent)

    assert_one_line(client_here(*arguments), 66, named)


USAGES: dict[str, tuple[str, ...]] = {
    "a word too many": ("data", "validate.txt", "more"),
    "an unknown option": ("data", "validate.txt", "--nonsense"),
    "an option cut short": ("data", "validate.txt", "--round", "3"),
    "no rounds": ("data", "validate.txt", "--rounds", "0"),
    "rounds that are no number": ("data", "validate.txt", "--rounds", "many"),
    "half an epoch": ("data", "validate.txt", "--epochs", "0.5"),
    "a layer of nothing": ("data", "validate.txt", "--hidden", "256,0"),
    "layers that are no numbers": ("data", "validate.txt", "--hidden", "a,b"),
    "an eta of nothing": ("data", "validate.txt", "--eta", "0"),
    "an eta that is not a number": ("data", "validate.txt", "--eta", "nan"),
    "a momentum too large": ("data", "validate.txt", "--momentum", "1.5"),
    "an unknown optimizer": ("data", "validate.txt", "--optimizer", "lbfgs"),
    "a negative seed": ("data", "validate.txt", "--seed", "-1"),
    "no local node": ("data", "validate.txt", "--local", "0"),
    "too many local nodes": ("data", "validate.txt", "--local", "100000"),
    "a supernode that is not an address": ("data", "validate.txt", "--supernode", "host:port"),
    "two hidden layers for the course": ("data", "validate.txt", "--course-trainer", "--hidden", "24,24"),
    "lookup of nothing": ("lookup",),
    "lookup of a path": ("lookup", "../etc/passwd"),
    "lookup of no text": ("lookup", "\udcff"),
    "predict without a file": ("predict", "model.npz"),
    "attach to no job": ("attach", "123"),
    "export to nowhere": ("export", "0" * 64),
}


@pytest.mark.parametrize("usage", USAGES)
def test_wrong_usage_is_64_and_says_what_is_wrong(usage: str, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data.parent)

    assert_one_line(client_here(*USAGES[usage]), 64)


def test_without_a_word_the_client_says_how_it_is_used() -> None:
    outcome = client_here()

    assert outcome.code == 64
    assert outcome.out == ""
    assert "usage: client.py DIR FILE" in outcome.err


@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("status", "--json"),
        ("lookup", "a", "--json"),
        ("jobs", "--json"),
        ("train", "data", "validate.txt", "--json"),
    ],
)
def test_where_nothing_answers_it_is_69_and_says_what_to_start(command: tuple[str, ...], data: Path) -> None:
    outcome = client(*command, *NOWHERE, cwd=data.parent)

    *notes, error = outcome.err.splitlines()
    assert all("chosen for" in note for note in notes)  # settings that follow from the data
    assert all(part in error for part in ("python3 supernode.py", "python3 compute_node.py 8001", "127.0.0.1:1"))
    assert (outcome.out, outcome.code) == ("", 69)


def test_an_error_with_json_prints_nothing_on_standard_output(data: Path) -> None:
    (data / "a").write_text("nonsense")

    assert_one_line(train(data, "--json"), 65, str(data / "a"))


def test_a_node_list_that_cannot_be_read_is_named_by_its_line(data: Path) -> None:
    listed = data.parent / "nodes.txt"
    listed.write_text("127.0.0.1,8001\nnonsense\n")

    outcome = client_here("status", "--nodes", listed)

    assert_one_line(outcome, 65, f"{listed}, line 2")


def test_a_model_that_is_none_is_named(data: Path) -> None:
    model = data.parent / "model.npz"
    model.write_bytes(b"no model")

    for outcome in (train(data, "--init", model), client_here("predict", model, data / "a")):
        assert_one_line(outcome, 65, str(model), "is not a saved model")


@pytest.mark.parametrize("option", ["--out", "--history", "--timing"])
def test_a_file_that_cannot_be_written_is_told_before_anything_is_trained(option: str, data: Path) -> None:
    for target in (data.parent / "nowhere" / "file", data):
        assert_one_line(train(data, option, target), 73, str(target))


MAINS = {"supernode.py": main.supernode, "compute_node.py": main.compute_node}
SERVERS: dict[str, tuple[str, tuple[str, ...], int] | tuple[str, tuple[str, ...], int, str]] = {
    "a malformed port": ("supernode.py", ("--port", "99999"), 64),
    "a port that is a word": ("supernode.py", ("--port", "http"), 64),
    "too few bits": ("supernode.py", ("--bits", "2"), 64),
    "too many bits": ("supernode.py", ("--bits", "161"), 64),
    "more replicas than nodes": ("supernode.py", ("--replicas", "10"), 64),
    "no successors": ("supernode.py", ("--successors", "0", "--replicas", "1"), 64, "successors is 0, expected 1"),
    "more successors than a message holds": ("supernode.py", ("--successors", "1025"), 64, "expected 1 to 1024"),
    "an identifier that does not fit": ("supernode.py", ("--bits", "3", "--id", "8"), 64),
    "malformed identifiers": ("supernode.py", ("--id", "a,b"), 64),
    "an unknown assignment": ("supernode.py", ("--assign", "random"), 64),
    "a word too many for a supernode": ("supernode.py", ("more",), 64),
    "no port": ("compute_node.py", (), 64),
    "a malformed port of a node": ("compute_node.py", ("65536",), 64),
    "a negative port": ("compute_node.py", ("-1",), 64),
    "a malformed port of a supernode": ("compute_node.py", ("0", "127.0.0.1", "99999"), 64),
    "a bootstrap that is not an address": ("compute_node.py", ("0", "--bootstrap", "nowhere"), 64),
    "a trainer that is not a name": ("compute_node.py", ("0", "--trainer", "letters_client.py"), 64),
    "a malformed trainer's config": ("compute_node.py", ("0", "--trainer", "a:b", "--trainer-config", "a b=1"), 64),
    "a config of no trainer": ("compute_node.py", ("0", "--trainer-config", "a=1"), 64),
    "files and a trainer": ("compute_node.py", ("0", "--trainer", "a:b", "--private", "nowhere"), 64),
    "a trainer that is not there": ("compute_node.py", ("0", "--trainer", "no_such_module:Client"), 65),
    "too slow to stabilise": ("compute_node.py", ("0", "--stabilize-every", "99999"), 64),
    "a data directory that is not there": ("compute_node.py", ("0", "--data-dir", "nowhere"), 66),
    "a node list that is senseless": ("compute_node.py", ("0", "--nodes", "senseless"), 65),
    "a node list that the supernode cannot read": ("supernode.py", ("--port", "0", "--nodes", "senseless"), 65),
    "a state directory that is a file": ("supernode.py", ("--port", "0", "--state-dir", "senseless"), 73, "is a file"),
    "a node's state directory that is a file": ("compute_node.py", ("0", "--state-dir", "senseless"), 73, "is a file"),
    "a leaf's state directory": ("compute_node.py", ("8", "--outbound", "--state-dir", "senseless"), 73, "is a file"),
    "a host of others without certificates": ("compute_node.py", ("0", "--host", "0.0.0.0"), 64),
    "a supernode for others without certificates": ("supernode.py", ("--port", "0", "--host", "::"), 64),
    "a kit that is not there": ("compute_node.py", ("0", "--kit", "nowhere"), 65),
    "a file that is not a kit": ("supernode.py", ("--port", "0", "--kit", "senseless"), 65, "is not a kit"),
    "an audit log without certificates": ("compute_node.py", ("0", "--audit-log", "audit"), 64),
    "a host that is not ours": ("compute_node.py", ("0", "--host", "192.0.2.1", "--insecure"), 69),
}


@pytest.mark.parametrize("case", SERVERS)
def test_what_a_server_cannot_start_with_is_one_line(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "senseless").write_text("nonsense\n")
    monkeypatch.chdir(tmp_path)
    name, arguments, code, *told = SERVERS[case]

    assert_one_line(run_here(MAINS[name], *arguments), code, *told)
