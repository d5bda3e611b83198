"""Settings that contradict one another, or have no effect together: each pair is refused, with the reason.

A job is checked before it is published, and again by every process that reads its spec.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from roundelay.federation.errors import BadSpec
from roundelay.federation.rules import RULES, rule_of
from roundelay.federation.setting_fields import named, option_of
from roundelay.ml.choices import MODELS_WITH_HEAD, PERSONAL_METHODS, TASK_LOSS, UPDATE_CLIP_MAX

if TYPE_CHECKING:
    from roundelay.federation.settings import Settings

REQUIRE_CHARACTERS_MAX = 1 << 16
TIERS_CHARACTERS_MAX = 256


def check_together(settings: Settings) -> None:
    """Raise BadSpec unless the settings can be had together."""
    for check in CHECKS:
        check(settings)
    for each in fields(settings):
        _check_belongs(settings, each.name, each.default)


def _check_course(settings: Settings) -> None:
    """Raise BadSpec for what the course trainer's arithmetic does not do."""
    if not settings.course:
        return
    if settings.optimizer != "gd" or len(settings.hidden) != 1:
        raise BadSpec("--course-trainer is a mode of --optimizer gd with one hidden layer")
    if settings.proximal_mu:
        raise BadSpec("--course-trainer cannot be combined with --rule fedprox: its arithmetic is fixed")


def _check_tiers(settings: Settings) -> None:
    """Raise BadSpec for levels that no tree has."""
    tiers = settings.tiers
    if tiers and settings.topology != "tree":
        raise BadSpec(f"--tiers names the levels of --topology tree, not of {settings.topology}")
    if tiers and not (tiers.isprintable() and all(tiers.split(",")) and len(tiers) <= TIERS_CHARACTERS_MAX):
        raise BadSpec(f"--tiers is {tiers[:80]!r}, expected names with commas between them")


def _check_model(settings: Settings) -> None:
    """Raise BadSpec unless the model can be trained like this."""
    if settings.course and (
        settings.model != "mlp" or settings.dropout or settings.clip or settings.weighting != "none"
    ):
        raise BadSpec("--course-trainer trains an mlp, without --dropout, --clip and --weighting")
    if settings.optimizer == "gd" and settings.model not in ("mlp", "softmax"):
        raise BadSpec(f"--optimizer gd trains mlp and softmax, not {settings.model}")
    if settings.arithmetic == "portable" and settings.course:
        raise BadSpec("--arithmetic portable cannot be combined with --course-trainer, whose arithmetic is fixed")
    if settings.arithmetic == "portable" and ":" in settings.model:
        raise BadSpec(
            f"--arithmetic portable computes mlp, softmax and cnn, not {settings.model}, which does it itself"
        )
    _check_own_steps(settings)
    if settings.proximal_mu and ":" in settings.model:
        raise BadSpec(f"--rule fedprox trains mlp, softmax and cnn, not {settings.model}, which makes its own steps")


def _check_own_steps(settings: Settings) -> None:
    """Raise BadSpec for an optimizer or a loss of a plugin that could not be used, or not be relied on."""
    for option_name, name in (("optimizer", settings.optimizer), ("loss", settings.loss)):
        if ":" in name and settings.arithmetic == "portable":
            raise BadSpec(f"--arithmetic portable cannot be combined with --{option_name} {name}: it computes itself")
    if settings.loss != TASK_LOSS and settings.course:
        raise BadSpec("--course-trainer cannot be combined with --loss: its arithmetic is fixed")
    if settings.loss != TASK_LOSS and ":" in settings.model:
        raise BadSpec(
            f"--loss {settings.loss} is for mlp, softmax and cnn, not for {settings.model}, which has its own"
        )


def _check_sites(settings: Settings) -> None:
    """Raise BadSpec for what says nothing about sites."""
    if settings.quorum > 1.0 and not settings.quorum.is_integer():
        raise BadSpec(f"--quorum is {settings.quorum:g}, expected a fraction of the rows or a whole number of sites")
    if not (settings.require.isprintable() or not settings.require) or len(settings.require) > REQUIRE_CHARACTERS_MAX:
        raise BadSpec(f"--require is {settings.require[:80]!r}, expected names of sites with commas between them")


def _check_gossip(settings: Settings) -> None:
    """Raise BadSpec for settings that need a server, which gossip does not have."""
    if settings.topology != "gossip":
        if settings.exchanges != named(settings, "exchanges").default:
            raise BadSpec(f"--exchanges is for --topology gossip, not for {settings.topology}")
    elif settings.rule not in ("fedavg", "fedprox"):
        raise BadSpec(f"--topology gossip cannot be combined with --rule {settings.rule}: no server holds its state")
    elif settings.quorum != 1.0:
        raise BadSpec("--topology gossip cannot be combined with --quorum: it always goes on without lost nodes")


def _check_buffered(settings: Settings) -> None:
    """Raise BadSpec for what updates that are taken as they come exclude, or for their settings without them."""
    if settings.topology != "buffered":
        defaults = {f.name: f.default for f in fields(settings) if f.name in ("buffer", "max_staleness")}
        if given := [name for name, default in defaults.items() if getattr(settings, name) != default]:
            raise BadSpec(f"{_option(settings, given[0])} is for --topology buffered, not for {settings.topology}")
        return
    rule = rule_of(settings.rule)
    reasons = {
        "--verify": "other nodes would repeat updates that the next rounds already build on" if settings.verify else "",
        "--quorum": "its rounds wait for no file" if settings.quorum != 1.0 else "",
        "--fraction": "--buffer says how many files a round takes" if settings.fraction < 1.0 else "",
        "--halvings": "updates with the larger step are under way" if settings.halvings else "",
        f"--placement {settings.placement}": "a file is trained by its owner" if settings.placement != "hash" else "",
        f"--rule {settings.rule}": "" if rule.is_plain or rule.needs == "each" else "its updates are not plain sums",
        "--secure-aggregation": "each update enters its round by itself" if settings.secure_aggregation else "",
        "--dp-noise": "its accountant counts whole rounds" if settings.dp_noise else "",
    }
    for other, reason in reasons.items():
        if reason:
            raise BadSpec(f"--topology buffered cannot be combined with {other}: {reason}")


def _check_verify(settings: Settings) -> None:
    """Raise BadSpec for verification of what cannot be repeated, or is added up by other nodes."""
    if not settings.verify:
        return
    if settings.topology == "gossip":
        raise BadSpec("--verify cannot be combined with --topology gossip: its rounds cannot be repeated")
    if settings.topology != "star":
        raise BadSpec(
            f"--verify needs --topology star, not {settings.topology}: in a tree, nodes add up the sums of others, "
            "and it cannot be told which of them has added wrongly"
        )
    if settings.quorum != 1.0:
        raise BadSpec("--verify cannot be combined with --quorum: a round without some files cannot be repeated")


def _check_rule(settings: Settings) -> None:
    """Raise BadSpec for a rule that cannot be had with the other settings."""
    rule = rule_of(settings.rule)
    check_topology(settings.rule, rule.needs, settings.topology)
    has_plain_steps = settings.optimizer in ("sgd", "gd") and not settings.course and ":" not in settings.model
    if rule.is_normalised and not has_plain_steps:
        raise BadSpec(
            f"--rule {settings.rule} counts the steps of --optimizer sgd and gd in mlp, softmax and cnn, no others"
        )
    if rule.needs_gradients and not has_plain_steps:
        raise BadSpec(
            f"--rule {settings.rule} corrects the steps of --optimizer sgd and gd in mlp, softmax and cnn, no others"
        )
    if "trusted" in rule.takes and not settings.trusted:
        raise BadSpec(f"--rule {settings.rule} needs --trusted NAME, the training file whose update is trusted")
    if "trusted" in rule.takes and settings.fraction < 1.0:
        raise BadSpec(f"--rule {settings.rule} cannot be combined with --fraction: each round needs the trusted file")


def _check_secure_aggregation(settings: Settings) -> None:
    """Raise BadSpec for what needs the updates of single sites."""
    if not settings.secure_aggregation:
        if settings.secure_threshold:
            raise BadSpec("--secure-threshold is for --secure-aggregation")
        return
    if settings.verify:
        raise BadSpec("--secure-aggregation cannot be combined with --verify, which compares single updates")
    if settings.fraction < 1.0:
        raise BadSpec("--secure-aggregation cannot be combined with --fraction: every site is in every sum")
    if settings.topology == "gossip":
        raise BadSpec("--secure-aggregation cannot be combined with --topology gossip: nodes exchange models there")


def _check_differential_privacy(settings: Settings) -> None:
    """Raise BadSpec for settings of differential privacy that contradict each other, or others."""
    defaults = {f.name: f.default for f in fields(settings) if f.name.startswith("dp_")}
    if not settings.dp_noise:
        given = [name for name, default in defaults.items() if getattr(settings, name) != default]
        if given:
            raise BadSpec(f"{_option(settings, given[0])} is for --dp-noise")
        return
    if not settings.dp_clip:
        raise BadSpec("--dp-noise needs --dp-clip: noise is measured in the largest norm of an update")
    if settings.dp_clip * settings.dp_noise > UPDATE_CLIP_MAX:
        raise BadSpec(f"--dp-noise times --dp-clip is more than {UPDATE_CLIP_MAX:g}: it leaves the range of sums")
    if settings.verify:
        raise BadSpec("--dp-noise cannot be combined with --verify: nobody can repeat secret noise")
    if settings.topology != "star":
        raise BadSpec(f"--dp-noise needs --topology star, not {settings.topology}")
    if settings.halvings:
        raise BadSpec("--dp-noise cannot be combined with --halvings: each attempt would spend privacy")
    if settings.weighting != "none":
        raise BadSpec("--dp-noise cannot be combined with --weighting: counts of classes tell of the rows")
    if settings.course:
        raise BadSpec("--dp-noise cannot be combined with --course-trainer: its arithmetic is fixed")
    if settings.dp_epsilon and not settings.rounds_allowed:
        spent = settings.epsilon_after(1)
        raise BadSpec(f"--dp-epsilon is {settings.dp_epsilon:g}, and one round spends {spent:.4g}: use more --dp-noise")


def _check_personal(settings: Settings) -> None:
    """Raise BadSpec for models of sites that cannot be made, and for settings of those that are not."""
    takers = {"personal_epochs": PERSONAL_METHODS[1:], "ditto_lambda": ("ditto",)}
    for name, methods in takers.items():
        default = named(settings, name).default
        if getattr(settings, name) != default and settings.personal not in methods:
            raise BadSpec(
                f"{_option(settings, name)} is for --personal {' or '.join(methods)}, not for {settings.personal}"
            )
    if settings.personal == "none":
        return
    if settings.course:
        raise BadSpec("--personal cannot be combined with --course-trainer: its arithmetic is fixed")
    if settings.personal == "head" and settings.model not in MODELS_WITH_HEAD:
        raise BadSpec(
            f"--personal head is for {' and '.join(MODELS_WITH_HEAD)}: {settings.model} cannot keep one layer"
        )
    if settings.personal == "head" and rule_of(settings.rule).needs_losses:
        raise BadSpec(
            f"--personal head cannot be combined with --rule {settings.rule}, which compares losses: the shared model "
            "has no trained last layer"
        )
    if settings.personal == "head" and rule_of(settings.rule).needs_gradients:
        raise BadSpec(
            f"--personal head cannot be combined with --rule {settings.rule}, which corrects steps by gradients of the "
            "whole model"
        )
    if settings.personal == "ditto" and ":" in settings.model:
        raise BadSpec(f"--personal ditto trains mlp, softmax and cnn, not {settings.model}, which makes its own steps")


def _check_compression(settings: Settings) -> None:
    """Raise BadSpec for what has no use for rounded updates, or contradicts them."""
    if not settings.rounds_updates:
        return
    rule, named = rule_of(settings.rule), f"--compress {settings.compress} cannot be combined with"
    if settings.secure_aggregation:
        raise BadSpec(f"{named} --secure-aggregation: masked integers are as long as any")
    if settings.dp_noise:
        raise BadSpec(f"{named} --dp-noise: its noise is measured in the units of exact updates")
    if settings.topology == "gossip":
        raise BadSpec(f"{named} --topology gossip: nodes exchange models there, and no updates")
    if settings.topology == "buffered":
        raise BadSpec(f"{named} --topology buffered: late updates have the units of an earlier round")
    if not rule.is_plain:
        raise BadSpec(f"{named} --rule {settings.rule}, which needs more than a sum of updates")
    if settings.course:
        raise BadSpec(f"{named} --course-trainer: its arithmetic is fixed")


def _check_belongs(settings: Settings, name: str, default: object) -> None:
    """Raise BadSpec for a setting of another rule: it would have no effect."""
    takers = [rule for rule, about in RULES.items() if name in about.takes]
    if takers and name not in rule_of(settings.rule).takes and getattr(settings, name) != default:
        raise BadSpec(f"{_option(settings, name)} is for --rule {' or '.join(takers)}, not for {settings.rule}")


def check_topology(rule: str, needs: str, topology: str) -> None:
    """Raise BadSpec unless the topology gives what the rule needs."""
    if needs == "each" and topology != "star":
        raise BadSpec(
            f"--rule {rule} needs --topology star, not {topology}: it is computed from each file's update, "
            "and there nodes pass on only sums"
        )


def _option(settings: Settings, name: str) -> str:
    return option_of(named(settings, name))


CHECKS = (
    _check_course,
    _check_model,
    _check_tiers,
    _check_sites,
    _check_gossip,
    _check_buffered,
    _check_verify,
    _check_rule,
    _check_secure_aggregation,
    _check_differential_privacy,
    _check_personal,
    _check_compression,
)
