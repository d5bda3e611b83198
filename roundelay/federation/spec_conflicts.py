"""Settings that a job's files, sites or model cannot meet: each is refused, with the reason.

settings_conflicts.py checks the settings alone; here they are checked against the rest of the spec.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from roundelay.federation.errors import BadSpec
from roundelay.federation.rules import RULES, malicious_files, rule_of
from roundelay.federation.settings import EVALUATE_CHOICES, SUMMED_SITES_MAX, SUMMED_SITES_MIN, WAIT_FOR_S
from roundelay.federation.settings_conflicts import check_topology
from roundelay.store.delta import BASE_BYTES_MAX
from roundelay.store.items import CONTENT_BYTES_MAX
from roundelay.store.packing import SUM_BYTES, WEIGHT_BYTES

if TYPE_CHECKING:
    from roundelay.federation.spec import JobSpec

SITES_SHOWN = 8  # in a message
CORRECTED_MAX = CONTENT_BYTES_MAX // (2 * SUM_BYTES)  # weights whose sum has that of the gradients behind it
WHOLE_MAX = BASE_BYTES_MAX // WEIGHT_BYTES  # weights whose updates are masked or rounded: whole vectors, in memory


def check_spec(spec: JobSpec) -> None:
    """Raise BadSpec unless the job can be trained as its settings say."""
    for check in CHECKS:
        check(spec)


def _check_private(spec: JobSpec) -> None:
    """Raise BadSpec for private data that would have to leave their node, or whose classes would have to be known."""
    if spec.pinned and spec.settings.placement != "hash":
        raise BadSpec(
            f"--private cannot be combined with --placement {spec.settings.placement}: private files stay on their node"
        )
    if spec.pinned and spec.settings.weighting != "none":
        raise BadSpec(
            f"--private cannot be combined with --weighting {spec.settings.weighting}: "
            "the classes of private files are not published"
        )


def _check_sites(spec: JobSpec) -> None:
    """Raise BadSpec for settings that the job's sites cannot meet, or without private data."""
    settings, sites = spec.settings, sorted(set(spec.homes))
    if not spec.pinned:
        given = {"--require": settings.require, "--quorum": settings.quorum > 1.0}
        given["--wait-for"] = settings.wait_for != WAIT_FOR_S
        if named := next((name for name, is_given in given.items() if is_given), ""):
            what = " with a number of sites" if named == "--quorum" else ""
            raise BadSpec(f"{named}{what} is for private data (--private), which this job does not have")
        return
    if unknown := [site for site in settings.required if site not in sites]:
        known = ", ".join(sites[:SITES_SHOWN]) + ", ..." * (len(sites) > SITES_SHOWN)
        raise BadSpec(f"--require {unknown[0]}: no such site; the sites of {spec.pinned} are {known}")
    if settings.quorum > max(1, len(sites)):
        raise BadSpec(
            f"--quorum {settings.quorum:g}: {spec.pinned} has only {len(sites)} site{'s' * (len(sites) != 1)}"
        )


def _check_verify(spec: JobSpec) -> None:
    """Raise BadSpec for orders on private data that a second node would have to repeat."""
    if spec.pinned and spec.settings.verify:
        raise BadSpec("--private cannot be combined with --verify: only one node has a private file")


def _check_evaluate(spec: JobSpec) -> None:
    """Raise BadSpec unless those who evaluate have rows to evaluate on."""
    if spec.evaluate not in EVALUATE_CHOICES or (spec.validation is None) != (spec.evaluate == "sites"):
        raise BadSpec(f"--evaluate {spec.evaluate[:20]}: client and both need a validation file, sites takes none")
    if spec.evaluate != "client" and (not spec.pinned or spec.raw or spec.settings.topology == "gossip"):
        raise BadSpec(f"--evaluate {spec.evaluate} needs private files, and another topology than gossip")


def _check_size(spec: JobSpec) -> None:
    """Raise BadSpec for a model that is too large for what the settings do with it."""
    settings = spec.settings
    chosen = "--secure-aggregation" * settings.secure_aggregation
    chosen = chosen or f"--compress {settings.compress}" * settings.rounds_updates
    if chosen and spec.design.connections > WHOLE_MAX:
        raise BadSpec(
            f"{chosen} is for models of up to {WHOLE_MAX:,} weights, not {spec.design.connections:,}, as it has "
            "whole updates in memory: try a smaller --hidden"
        )


def _check_secure_aggregation(spec: JobSpec) -> None:
    """Raise BadSpec unless the job has the sites that secure aggregation needs."""
    if not spec.settings.secure_aggregation:
        return
    if not spec.pinned:
        raise BadSpec("--secure-aggregation needs --private: other nodes than the sites hold placed files")
    if spec.updates != "sum":
        raise BadSpec(
            f"--secure-aggregation cannot be combined with --rule {spec.settings.rule}, which needs more than a sum"
        )
    if spec.homes and not SUMMED_SITES_MIN <= len(spec.sites) <= SUMMED_SITES_MAX:
        allowed = f"{SUMMED_SITES_MIN} to {SUMMED_SITES_MAX}"
        raise BadSpec(f"--secure-aggregation is for {allowed} sites, not {len(spec.sites)}")
    if spec.homes and not len(spec.sites) / 2 < spec.sum_threshold <= len(spec.sites):
        raise BadSpec(
            f"--secure-threshold is {spec.sum_threshold}, expected more than half of the {len(spec.sites)} sites"
        )


def _check_standardise(spec: JobSpec) -> None:
    """Raise BadSpec for a standardisation by a file that the job lacks, or where sites have no sums to keep."""
    if spec.settings.standardise == "training":
        return
    if not spec.pinned or spec.is_raw:
        raise BadSpec("--standardise validation is for private data (--private) whose inputs are standardised")
    if spec.validation is None:
        raise BadSpec("--standardise validation needs a validation file: --validation FILE")


def _check_personal(spec: JobSpec) -> None:
    """Raise BadSpec unless the job has sites that can make models of their own, and evaluate them."""
    method = spec.settings.personal
    if method == "none":
        return
    if not spec.pinned:
        raise BadSpec(f"--personal {method} needs --private: a site's own model is made where its rows are")
    if spec.raw:
        raise BadSpec(f"--personal {method} cannot be combined with Flower clients, which train in their own way")
    if method == "head" and spec.evaluate != "sites":
        raise BadSpec(
            "--personal head needs --evaluate sites: the shared model has no trained last layer, so that only "
            "sites can evaluate it"
        )
    if spec.evaluate == "client":
        raise BadSpec(f"--personal {method} needs --evaluate sites or both: nobody else has a site's own model")


def _check_noise(spec: JobSpec) -> None:
    """Raise BadSpec for results that differential privacy cannot protect."""
    if spec.settings.dp_noise and spec.evaluate != "client":
        raise BadSpec(f"--dp-noise cannot be combined with --evaluate {spec.evaluate}: counts have no noise")
    if spec.settings.dp_noise and spec.updates != "sum":
        raise BadSpec(f"--dp-noise cannot be combined with --rule {spec.settings.rule}, which needs more than a sum")


def _check_flower(spec: JobSpec) -> None:
    """Raise BadSpec for a computation that Flower clients are not asked for."""
    if spec.raw and spec.settings.arithmetic == "portable":
        raise BadSpec("--arithmetic portable cannot train Flower clients: they compute in their own way")
    if spec.raw and (own := [name for name in (spec.settings.optimizer, spec.settings.loss) if ":" in name]):
        raise BadSpec(f"{own[0]} cannot be combined with Flower clients: they compute in their own way")


def _check_weighting(spec: JobSpec) -> None:
    """Raise BadSpec for weights of classes in a regression."""
    if not spec.classes and spec.settings.weighting != "none":
        raise BadSpec(f"--weighting {spec.settings.weighting} weighs classes: a regression has none")


def _check_rule(spec: JobSpec) -> None:
    """Raise BadSpec unless the rule can be applied to these files."""
    name, settings, files = spec.settings.rule, spec.settings, spec.files_a_round
    rule = rule_of(name)
    check_topology(name, spec.needs, settings.topology)
    if spec.single and settings.rounds_updates:
        raise BadSpec(f"--compress {settings.compress} cannot be combined with --rule {name}: it needs each update")
    if spec.single and ":" not in name:
        raise BadSpec(f"--rule {name} is not a plugin")
    if spec.raw and (rule.is_normalised or rule.needs_losses or rule.needs_gradients):
        raise BadSpec(f"--rule {name} cannot be combined with Flower clients: they do not report what it needs")
    if rule.needs_gradients and spec.design.connections > CORRECTED_MAX:
        raise BadSpec(
            f"--rule {name} sums gradients behind the updates: {spec.design.connections:,} weights, and at most "
            f"{CORRECTED_MAX:,} can be added up so: try a smaller --hidden"
        )
    if settings.trusted and settings.trusted not in {file.name for file in spec.files}:
        raise BadSpec(f"--trusted {settings.trusted} is not one of the {len(spec.files)} training files")
    stands, malicious = rule.stands(files), malicious_files(settings.malicious, files)
    factor, least = rule.files_min
    if stands < 0:
        raise BadSpec(f"--rule {name} needs at least {least} files in a round, and there are {files}")
    if "malicious" in rule.takes and name in RULES and malicious > stands:
        raise BadSpec(
            f"--rule {name} stands {stands} malicious of {files} files in a round (f of {factor} f + {least}), "
            f"and --malicious {settings.malicious:g} is {malicious}: lower it, or use more files"
        )


def _check_buffered(spec: JobSpec) -> None:
    """Raise BadSpec for a buffered job that waits for its sites, or with fewer files than a round takes."""
    waits = {"--require": bool(spec.settings.require), "--wait-for": spec.settings.wait_for != WAIT_FOR_S}
    waits[f"--evaluate {spec.evaluate}"] = spec.evaluate != "client"
    if spec.is_buffered and (named := next((name for name, is_given in waits.items() if is_given), "")):
        raise BadSpec(f"--topology buffered cannot be combined with {named}: its rounds wait for no site")
    if spec.settings.buffer > len(spec.files):
        raise BadSpec(f"--buffer is {spec.settings.buffer}, and the job has only {len(spec.files)} files")


def _check_homes(spec: JobSpec) -> None:
    """Raise BadSpec unless each private file has a home."""
    if len(spec.homes) != (len(spec.files) if spec.pinned else 0):
        raise BadSpec(f"{len(spec.homes)} homes for {len(spec.files)} files")


CHECKS = (
    _check_private,
    _check_sites,
    _check_verify,
    _check_evaluate,
    _check_size,
    _check_secure_aggregation,
    _check_standardise,
    _check_personal,
    _check_noise,
    _check_flower,
    _check_weighting,
    _check_rule,
    _check_buffered,
    _check_homes,
)  # in this order: the first that fails says why
