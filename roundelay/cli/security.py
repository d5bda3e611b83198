"""The options of secured rings: --kit, --insecure and --audit-log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roundelay.cli import exits, parser_base
from roundelay.trust.errors import KitError

if TYPE_CHECKING:
    from roundelay.node.security import Security

WARNING = (
    "warning: without --kit, everybody who reaches {place} can read and change what this ring stores, and run its jobs"
)


def add_server_options(made: parser_base.Parser) -> None:
    """Add the options of a process that listens."""
    parser_base.add_kit(made)
    made.more("--insecure", action="store_true", help="listen beyond this machine without certificates")
    made.more(
        "--audit-log", type=parser_base.path, metavar="FILE", help="append what was changed or refused, as JSON lines"
    )


def security_of(chosen: parser_base.Namespace, role: str) -> Security | None:
    """Return the security that the options of a server ask for. Raises Exit."""
    if chosen.kit is None:
        _check_reach(chosen)
        return None
    from roundelay.cli.pki import require_cryptography

    require_cryptography()
    from roundelay.node.security import open_security

    try:
        made = open_security(chosen.kit, role, chosen.audit_log)
    except KitError as error:
        raise exits.Exit(exits.DATA, str(error)) from error
    except OSError as error:
        raise exits.Exit(
            exits.CANNOT_CREATE, f"--audit-log: cannot write {error.filename}: {error.strerror}"
        ) from error
    if line := made.channel.warning():
        exits.say(line)
    return made


def _check_reach(chosen: parser_base.Namespace) -> None:
    """Refuse to listen beyond loopback without certificates, unless that is what the user wants. Raises Exit."""
    from roundelay.node.addresses import is_loopback

    if chosen.audit_log is not None:
        raise exits.Exit(exits.USAGE, "--audit-log needs --kit: without certificates nobody is known by name")
    if is_loopback(chosen.host):
        return
    if not chosen.insecure:
        raise exits.Exit(
            exits.USAGE,
            f"--host {chosen.host} can be reached from other machines: give a kit with --kit FILE (see client.py pki), "
            "or trust everybody who can reach it with --insecure",
        )


def warn_if_open(chosen: parser_base.Namespace) -> None:
    """Print a warning if this process listens beyond loopback without certificates."""
    from roundelay.node.addresses import is_loopback

    if chosen.kit is None and not is_loopback(chosen.host):
        exits.say(WARNING.format(place=chosen.host))
