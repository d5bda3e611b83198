"""What every trainer of a job computes: model, configuration, models of sites. Imports no numpy."""

from dataclasses import asdict, dataclass, field, replace

from roundelay.ml.choices import (
    DROPOUT_MAX,
    ETA_MIN,
    MODELS_WITH_HEAD,
    OPTIMIZERS,
    PERSONAL_METHODS,
    UPDATE_CLIP_MAX,
    UPDATE_NOISE_MAX,
    OpenChoices,
    PersonalMethod,
)
from roundelay.ml.design import Design
from roundelay.ml.errors import BadTask
from roundelay.ml.field_checks import check, check_integer, check_number, fields_of

EPOCHS_MAX = 1_000_000
BATCH_MAX = 65_536
ENCODING_CHARACTERS_MAX = 8 << 20  # of how a table's columns become features
READING_CHARACTERS_MAX = 1 << 20  # of how sites read private data: it travels with every order
FRACTION_BITS_MAX = 40
MU_MAX = 1e3
CLIP_MAX = 1e6
CLASS_WEIGHT_MAX = 1e6
ETA_MAX = 1e6
FINGERPRINT_EPOCHS, FINGERPRINT_ETA = 2, 0.2


@dataclass(frozen=True)
class TrainConfig:
    """How one file is trained, once."""

    optimizer: str = "sgd"  # one of OPTIMIZERS, or MODULE:NAME
    epochs: int = 5  # passes over the file's rows
    eta: float = 0.1  # learning rate
    batch: int = 32  # rows per step; "gd" takes all rows
    momentum: float = 0.9  # for "sgd" and "gd"
    dropout: float = 0.0  # fraction of the hidden activations that each step leaves out
    class_weights: tuple[float, ...] = ()  # per class, the factor of its rows' gradients; empty: all 1
    mu: float = 0.0  # FedProx: strength of the pull towards the initial weights
    clip: float = 0.0  # largest norm of a step's gradient: a longer one is scaled down; 0: no limit
    update_clip: float = 0.0  # differential privacy: largest norm of a file's change, which then counts once; 0: none
    update_noise: float = 0.0  # of a site's own: standard deviation of the noise in its sum, in clips

    def __post_init__(self) -> None:
        is_known = self.optimizer in OpenChoices(OPTIMIZERS)
        check(is_known, f"optimizer {self.optimizer!r}: expected sgd, adam, gd or MODULE:NAME")
        check_integer("epochs", self.epochs, 1, EPOCHS_MAX)
        check_integer("batch", self.batch, 1, BATCH_MAX)
        check_number("eta", self.eta, ETA_MIN, ETA_MAX)
        check_number("momentum", self.momentum, 0.0, 1.0)
        check_number("dropout", self.dropout, 0.0, DROPOUT_MAX)
        check(isinstance(self.class_weights, tuple), "class_weights: expected numbers")
        for weight in self.class_weights:
            check_number("class_weights", weight, 0.0, CLASS_WEIGHT_MAX)
        check_number("mu", self.mu, 0.0, MU_MAX)
        check_number("clip", self.clip, 0.0, CLIP_MAX)
        check_number("update_clip", self.update_clip, 0.0, UPDATE_CLIP_MAX)
        check_number("update_noise", self.update_noise, 0.0, UPDATE_NOISE_MAX)
        check(self.update_clip * self.update_noise <= UPDATE_CLIP_MAX, "update_noise: too large for the range of sums")
        for name in (
            "eta",
            "momentum",
            "dropout",
            "mu",
            "clip",
            "update_clip",
            "update_noise",
        ):  # 1 and 1.0 are one configuration: also in a ticket
            object.__setattr__(self, name, float(getattr(self, name)))


@dataclass(frozen=True)
class PersonalPlan:
    """How each site makes a model of its own from the shared one."""

    method: PersonalMethod = "none"
    epochs: int = 0  # passes over the site's rows; of `head`, also before each local training
    pull: float = 0.0  # of Ditto: strength of the pull towards the shared model

    def __post_init__(self) -> None:
        check(self.method in PERSONAL_METHODS, f"personal {self.method!r}: expected {', '.join(PERSONAL_METHODS)}")
        check_integer("personal epochs", self.epochs, int(self.method != "none"), EPOCHS_MAX)
        check_number("personal pull", self.pull, 0.0, MU_MAX)
        check(not self.pull or self.method == "ditto", f"personal pull: {self.method} has none")
        object.__setattr__(self, "pull", float(self.pull))

    @property
    def keeps_head(self) -> bool:
        """Whether the last layer stays at each site."""
        return self.method == "head"


@dataclass(frozen=True)
class TrainingPlan:
    """What every trainer of a job computes: model, configuration, arithmetic. The FL plan of Bonawitz et al. 2019."""

    design: Design
    config: TrainConfig
    fraction_bits: int  # of exact sums, fixed by the job (exact.fraction_bits)
    fingerprint: str = ""  # hex digest that ml.fingerprint must give on the trainer's machine; empty: any
    reading: str = ""  # how sites read their private data (readers/reading.py); empty: files are placed
    personal: PersonalPlan = field(default_factory=PersonalPlan)

    def __post_init__(self) -> None:
        check_integer("fraction_bits", self.fraction_bits, 0, FRACTION_BITS_MAX)
        count = len(self.config.class_weights)
        check(
            count in (0, self.design.label_classes), f"class_weights: {count} for {self.design.label_classes} classes"
        )
        is_short = isinstance(self.reading, str) and len(self.reading) <= READING_CHARACTERS_MAX
        check(is_short, f"reading: expected at most {READING_CHARACTERS_MAX} characters")
        is_digest = isinstance(self.fingerprint, str) and len(self.fingerprint) in (0, 64)
        check(is_digest, f"fingerprint {self.fingerprint!r}: expected 64 hex digits")
        can_keep = self.design.model in MODELS_WITH_HEAD and len(self.design.sizes) > 2 and not self.design.course
        check(can_keep or not self.personal.keeps_head, f"personal head: {self.design.model} cannot keep a last layer")
        if self.design.course:
            check(self.personal.method == "none", "personal: the course's trainer makes no models of sites")
            check(len(self.design.sizes) == 3, "sizes: the course's trainer has exactly one hidden layer")
            check(self.config.optimizer == "gd", "optimizer: the course's trainer is a mode of gd")
            check(not self.config.mu, "mu: the course's trainer has no proximal term")
            check(not self.config.clip, "clip: the course's trainer does not clip gradients")
            check(self.design.model == "mlp", "model: the course's trainer trains an mlp")

    def of_fingerprint(self) -> "TrainingPlan":
        """Return the plan of the small training whose hash is the fingerprint.

        Its step is always the same, because a job may halve its own, and because a large one could leave the range of
        numbers.
        """
        config = replace(self.config, epochs=FINGERPRINT_EPOCHS, eta=FINGERPRINT_ETA)
        return replace(self, config=config, fingerprint="", reading="", personal=PersonalPlan())

    def to_dict(self) -> dict[str, object]:
        """Return a JSON-able form; plan_from_dict is the inverse."""
        return asdict(self)


def plan_from_dict(data: object) -> TrainingPlan:
    """Return the plan that to_dict wrote. Raises BadTask for anything else."""
    try:
        return parse_plan(data)
    except (KeyError, TypeError, ValueError) as error:
        raise BadTask(f"malformed plan: {type(error).__name__}: {error}") from error


def parse_plan(data: object) -> TrainingPlan:
    """Return the plan that to_dict wrote, as a part of a task. Raises BadTask, KeyError, TypeError, ValueError."""
    raw = fields_of(TrainingPlan, data)
    design, config = fields_of(Design, raw["design"]), fields_of(TrainConfig, raw["config"])
    return TrainingPlan(
        Design(**design | {name: tuple(design[name]) for name in ("sizes", "shape")}),
        TrainConfig(**config | {"class_weights": tuple(config["class_weights"])}),
        raw["fraction_bits"],
        raw["fingerprint"],
        raw["reading"],
        PersonalPlan(**fields_of(PersonalPlan, raw["personal"])),
    )
