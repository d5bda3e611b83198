"""client.py pki: the ring's authority, in one folder: make it, issue kits, revoke them, show what there is."""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from roundelay.cli import exits, parser_base
from roundelay.cli.parser_base import path
from roundelay.cli.ring_address import ring_address
from roundelay.node import shown
from roundelay.trust.errors import CannotWrite, TrustError
from roundelay.trust.identity import ROLES, Identity
from roundelay.trust.identity import shown as shown_time

if TYPE_CHECKING:
    from roundelay.trust.authority import Authority

ACTIONS = ("init", "issue", "revoke", "show")
INSTALL = "python3 -m pip install 'roundelay[secure]'"


def parser(arguments: Sequence[str]) -> parser_base.Parser:
    """Return the command line."""
    made = parser_base.Parser(
        "client.py pki",
        "Make a ring's authority, issue kits to its members, and revoke them.",
        "python3 client.py pki issue authority --role node --name n1 --host 10.0.0.1",
        arguments,
        is_configurable=False,
    )
    made.add_argument("action", choices=ACTIONS, metavar="ACTION", help=", ".join(ACTIONS))
    made.add_argument("path", type=path, metavar="DIR", help="folder of the authority; to show one kit, its file")
    made.add_argument("--role", choices=ROLES, metavar="R", help=f"issue: {', '.join(ROLES)}")
    made.add_argument("--name", metavar="NAME", help="issue, revoke: whose kit; a name keeps its role")
    made.add_argument(
        "--host",
        action="append",
        type=parser_base.host,
        metavar="HOST",
        help="issue: a host at which a node or the supernode is reached; repeat for several (default: this machine)",
    )
    made.add_argument(
        "--days", type=float, metavar="D", help="how long it is valid (default: a kit 365, the authority 3650)"
    )
    made.add_argument("--out", type=path, metavar="FILE", help="issue: the kit file to write (default: DIR/NAME.kit)")
    made.add_argument("--json", action="store_true", help="print one JSON object on one line")
    parser_base.add_ring_options(made)  # revoke: with an operator's kit, the ring is told
    return made


def run(chosen: parser_base.Namespace) -> int:
    """Run one action. Raises Exit."""
    require_cryptography()
    try:
        found = {"init": init, "issue": issue, "revoke": revoke, "show": show}[chosen.action](chosen)
    except CannotWrite as error:
        raise exits.Exit(exits.CANNOT_CREATE, str(error)) from error
    except TrustError as error:
        raise exits.Exit(exits.DATA, str(error)) from error
    except OSError as error:
        raise exits.Exit(exits.NO_INPUT, f"cannot use {error.filename}: {error.strerror}") from error
    print(shown.as_json(found) if chosen.json else shown.text("\n".join(found["lines"])))
    return 0


def require_cryptography() -> None:
    """Raise Exit unless the extra is installed."""
    if importlib.util.find_spec("cryptography") is None:
        raise exits.Exit(exits.UNAVAILABLE, f"secured rings need the extra `secure`; type  {INSTALL}")


def init(chosen: argparse.Namespace) -> dict[str, Any]:
    """Make an authority."""
    from roundelay.trust import authority

    made = authority.init(chosen.path, authority.AUTHORITY_DAYS if chosen.days is None else chosen.days)
    lines = [
        f"authority of ring {made.ring} made in {chosen.path}; keep the folder away from the ring's machines",
        f"next: client.py pki issue {chosen.path} --role supernode --name supernode",
    ]
    return {"ring": made.ring, "path": str(chosen.path), "lines": list(map(exits.as_typed_here, lines))}


def issue(chosen: argparse.Namespace) -> dict[str, Any]:
    """Issue a kit."""
    from roundelay.trust.authority import KIT_DAYS
    from roundelay.trust.kit import load_kit

    if not chosen.role or not chosen.name:
        raise exits.Exit(exits.USAGE, "client.py pki issue needs --role and --name")
    days = KIT_DAYS if chosen.days is None else chosen.days
    path = _authority(chosen).issue(chosen.role, chosen.name, chosen.host or (), chosen.out, days)
    identity = load_kit(path).identity
    return {"kit": str(path), **_facts(identity), "lines": [f"{path}: {_line(identity)}"]}


def revoke(chosen: argparse.Namespace) -> dict[str, Any]:
    """Revoke all kits of a name."""
    if not chosen.name:
        raise exits.Exit(exits.USAGE, "client.py pki revoke needs --name")
    made = _authority(chosen)
    count = made.revoke(chosen.name)
    line = f"revoked {count} certificate{'s' * (count != 1)} of {chosen.name}"
    if chosen.kit is None:
        return {"revoked": count, "name": chosen.name, "lines": [f"{line}; tell the ring: repeat this with --kit"]}
    from roundelay.client.revocations import publish

    publish(ring_address(chosen), made.revocation_list())
    return {"revoked": count, "name": chosen.name, "lines": [f"{line}; the ring refuses them within seconds"]}


def show(chosen: argparse.Namespace) -> dict[str, Any]:
    """Show a kit, or everything that an authority has issued; never a key."""
    if not chosen.path.is_dir():
        from roundelay.trust.kit import load_kit

        identity = load_kit(chosen.path).identity
        return {**_facts(identity), "lines": [_line(identity)]}
    made = _authority(chosen)
    revoked, issued = made.revoked_serials(), made.issued()
    rows = [vars(each) | {"revoked": each.serial in revoked} for each in issued]
    lines = [
        f"{each.role} {each.name}, valid until {each.not_after}" + ", REVOKED" * (each.serial in revoked)
        for each in issued
    ]
    return {"ring": made.ring, "issued": rows, "lines": [f"ring {made.ring}, {len(rows)} certificates", *lines]}


def _authority(chosen: argparse.Namespace) -> Authority:
    from roundelay.trust.authority import Authority

    return Authority(chosen.path)


def _facts(identity: Identity) -> dict[str, Any]:
    facts = {key: value for key, value in vars(identity).items() if key not in ("node_id", "serial")}
    return facts | {
        "node_id": None if identity.node_id is None else f"{identity.node_id:040x}",
        "serial": f"{identity.serial:x}",
    }


def _line(identity: Identity) -> str:
    hosts = f" at {', '.join(identity.hosts)}" if identity.hosts else ""
    expired = ", EXPIRED" if time.time() > identity.not_after else ""
    return f"{identity} of ring {identity.ring}{hosts}, valid until {shown_time(identity.not_after)}{expired}"
