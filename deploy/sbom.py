"""Print a software bill of materials of the container image: CycloneDX 1.5, from deploy/requirements.lock.

    python -m deploy.sbom

Versions and hashes are those of the lock file. Licences are those that installed packages declare; a package that is
not installed here has none in the list.
"""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from roundelay import __version__

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "deploy" / "requirements.lock"
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def bill(lock: str) -> dict[str, Any]:
    """Return the bill of materials of a lock file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = list(PINNED.finditer(lock))
    ends = [each.start() for each in names[1:]] + [len(lock)]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": project["name"],
                "version": __version__,
                "licenses": [{"expression": project["license"]["text"]}],
            }
        },
        "components": [
            _component(each[1], each[2], lock[each.end() : end]) for each, end in zip(names, ends, strict=True)
        ],
    }


def _component(name: str, version: str, rest: str) -> dict[str, Any]:
    hashes = [{"alg": "SHA-256", "content": digest} for digest in re.findall(r"sha256:([0-9a-f]{64})", rest)]
    licence = _licence(name)
    return {
        "type": "library",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name.lower()}@{version}",
        "hashes": hashes,
        **({"licenses": [{"license": {"name": licence}}]} if licence else {}),
    }


def _licence(name: str) -> str:
    """Return the licence that an installed package declares, or an empty string."""
    try:
        found = metadata(name)
    except PackageNotFoundError:
        return ""
    classified = [each.split(" :: ")[-1] for each in found.get_all("Classifier") or () if each.startswith("License ::")]
    declared = _field(found, "License-Expression")
    return declared or ", ".join(classified) or _field(found, "License").split("\n")[0]


def _field(found: PackageMetadata, name: str) -> str:
    return str((found.get_all(name) or [""])[0])


if __name__ == "__main__":
    print(json.dumps(bill(LOCK.read_text()), indent=2))
