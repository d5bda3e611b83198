"""Kits: what an authority issues can be used, and nothing else can."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from roundelay.trust import authority
from roundelay.trust.authority import Authority
from roundelay.trust.errors import AuthorityError, KitError, NotTrusted
from roundelay.trust.identity import check_time, identity_of
from roundelay.trust.kit import load_kit
from roundelay.trust.signatures import read_revocations


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pki") / "authority"
    authority.init(path)
    return path


@pytest.fixture
def made(folder: Path) -> Authority:
    return Authority(folder)


def test_a_kit_states_who_its_owner_is(made: Authority) -> None:
    kit = load_kit(made.issue("node", "n1", ["10.0.0.1", "n1.ring.local"]))

    assert (kit.identity.ring, kit.identity.role, kit.identity.name) == (made.ring, "node", "n1")
    assert kit.identity.hosts == ("n1.ring.local", "10.0.0.1")
    assert kit.identity.not_before < time.time() < kit.identity.not_after


def test_a_nodes_identifier_is_drawn_by_the_authority_and_survives_a_rotation(made: Authority) -> None:
    first = load_kit(made.issue("node", "n2"))
    second, other = load_kit(made.issue("node", "n2")), load_kit(made.issue("node", "n3"))

    assert first.identity.node_id == second.identity.node_id != other.identity.node_id
    assert first.identity.serial != second.identity.serial


def test_only_nodes_have_an_identifier(made: Authority) -> None:
    assert load_kit(made.issue("submitter", "s1")).identity.node_id is None
    with pytest.raises(NotTrusted, match="only nodes have an identifier"):
        identity_of([f"roundelay://{made.ring}/submitter/s?id={7:040x}"], (), 1, 0, 1)


def test_a_name_keeps_its_role(made: Authority) -> None:
    made.issue("viewer", "eve")

    with pytest.raises(AuthorityError, match="eve is the name of a viewer"):
        made.issue("operator", "eve")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_kit_that_others_can_read_is_refused(made: Authority, mode: int) -> None:
    path = made.issue("viewer", f"open-{mode:o}")
    path.chmod(mode)

    with pytest.raises(KitError, match=f"can be read by others .* chmod 600 {path}"):
        load_kit(path)


def test_a_file_without_a_key_is_no_kit_whoever_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("# Roundelay\n")
    path.chmod(0o644)

    with pytest.raises(KitError, match=f"{path} is not a kit"):
        load_kit(path)


def test_files_with_keys_are_written_for_their_owner_only(made: Authority, folder: Path) -> None:
    path = made.issue("viewer", "v1")

    assert {oct(each.stat().st_mode & 0o777) for each in (path, folder / "authority.key")} == {"0o600"}


def test_a_certificate_of_another_authority_is_refused(made: Authority, tmp_path: Path) -> None:
    other = authority.init(tmp_path / "other")
    mine, theirs = made.issue("viewer", "v2").read_bytes(), other.issue("viewer", "v2").read_bytes()
    key, certificate, _ = _blocks(mine)
    mixed = tmp_path / "mixed.kit"
    mixed.touch(0o600)

    mixed.write_bytes(key + certificate + _blocks(theirs)[2])
    with pytest.raises(KitError, match="issued by another authority"):
        load_kit(mixed)
    mixed.write_bytes(_blocks(theirs)[0] + certificate + _blocks(mine)[2])
    with pytest.raises(KitError, match="belong to different kits"):
        load_kit(mixed)


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_file_that_is_not_a_kit_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.kit"
    path.touch(0o600)
    path.write_bytes(content)

    with pytest.raises(KitError, match="is not a kit"):
        load_kit(path)


def test_a_missing_kit_is_named(tmp_path: Path) -> None:
    with pytest.raises(KitError, match=f"cannot read {tmp_path}/none: No such file"):
        load_kit(tmp_path / "none")


def test_a_certificate_is_valid_only_in_its_time(made: Authority) -> None:
    identity = load_kit(made.issue("viewer", "v3", days=1)).identity

    check_time(identity, time.time())
    with pytest.raises(NotTrusted, match=r"viewer v3 expired at .*: issue another"):
        check_time(identity, time.time() + 2 * 24 * 3600)
    with pytest.raises(NotTrusted, match=r"viewer v3 is valid from .* set the clocks"):
        check_time(identity, time.time() - 2 * 24 * 3600)


def test_a_revocation_list_names_every_certificate_of_a_name(made: Authority, tmp_path: Path) -> None:
    kits = [load_kit(made.issue("node", "gone")) for _ in range(2)]
    made.revoke("gone")
    found = read_revocations(made.revocation_list(), kits[0].authorities)
    other = authority.init(tmp_path / "other")

    assert {kit.identity.serial for kit in kits} <= found.since.keys()
    with pytest.raises(NotTrusted, match="not signed by the ring's authority"):
        read_revocations(made.revocation_list(), [other.certificate])
    with pytest.raises(NotTrusted, match="malformed revocation list"):
        read_revocations(b"nonsense", kits[0].authorities)


def test_a_kits_text_shows_no_key(made: Authority) -> None:
    kit = load_kit(made.issue("viewer", "v4"))

    assert "key=" not in repr(kit)
    assert "Private" not in repr(kit)


def _blocks(content: bytes) -> list[bytes]:
    end = b"-----\n"
    parts = content.split(b"-----END ")
    return [parts[0] + b"-----END " + parts[1].split(end)[0] + end] + [
        parts[at].split(end, 1)[1] + b"-----END " + parts[at + 1].split(end)[0] + end for at in range(1, len(parts) - 1)
    ]


def test_a_new_kit_replaces_the_old_one_at_once(made: Authority, folder: Path) -> None:
    path = made.issue("node", "n9")
    before = path.stat().st_ino
    made.issue("node", "n9")

    assert path.stat().st_ino != before
    assert [each.name for each in folder.iterdir() if each.name.startswith(".")] == []
