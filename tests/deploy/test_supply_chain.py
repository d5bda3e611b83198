"""The lock file and the bill of materials of the container image."""

from __future__ import annotations

import re
import tomllib

from deploy.sbom import LOCK, PINNED, bill
from tests.processes import ROOT


def test_every_package_that_the_image_needs_is_pinned_with_hashes() -> None:
    lock = LOCK.read_text()
    pinned = {name.lower(): version for name, version in PINNED.findall(lock)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["secure"], *extras["metrics"]]
    needed = {re.split(r"[<>=]", line)[0].lower() for line in lines}

    assert needed <= pinned.keys()
    assert all("--hash=sha256:" in part for part in re.split(PINNED, lock)[3::3])


def test_the_bill_of_materials_names_each_package_with_hashes_and_what_is_installed_with_its_licence() -> None:
    made = bill(LOCK.read_text())
    components = {each["name"]: each for each in made["components"]}

    assert made["bomFormat"] == "CycloneDX"
    assert components.keys() == {name for name, _ in PINNED.findall(LOCK.read_text())}
    assert all(each["hashes"] for each in components.values())
    assert components["cryptography"]["licenses"]
