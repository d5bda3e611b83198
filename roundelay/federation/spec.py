"""A job's spec: its settings and its files. The same spec gives the same model, bit for bit."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from functools import cached_property

from roundelay.federation import strict_json
from roundelay.federation.requests import TrainingFile
from roundelay.federation.rules import Needs, rule_of
from roundelay.federation.settings import SUMMED_SITES_MIN, Settings, why_not_repeatable
from roundelay.federation.spec_conflicts import check_spec
from roundelay.federation.strict_json import in_range, refusals, require
from roundelay.ml.choices import Task, Updates
from roundelay.ml.design import WIDTH_MAX, Design
from roundelay.ml.task import ROUNDS_MAX, ROWS_MAX
from roundelay.ml.training_plan import ENCODING_CHARACTERS_MAX, READING_CHARACTERS_MAX
from roundelay.store.items import FILE_BYTES_MAX
from roundelay.store.names import check_name

NAME_CHARACTERS_MAX = 300
BUFFERED_SHARE = 4  # a round of a buffered job takes this part of the files, unless the settings say how many
FORMAT = 2  # raise it when an earlier release would misread a job's records; releases that named none: 1
UNNAMED = 1


@dataclass(frozen=True)
class Liar:
    """A node that returned a wrong result of an order, and the round in which that was found."""

    address: str
    round: int

    def __str__(self) -> str:
        return f"{self.address} lied in round {self.round}"


@dataclass(frozen=True)
class JobSpec:
    """A job: settings, the training files in the order of their names, and the file to validate on."""

    settings: Settings
    files: tuple[TrainingFile, ...]
    validation: TrainingFile | None  # None: the sites of private files evaluate
    features: int
    classes: int  # 0: a regression, whose rows have a target instead of a class
    initial: str = ""  # digest of the weights to continue from; otherwise they come from the seed
    nonce: str = ""
    detached: bool = False  # no client waits for it: the owner of its key drives it from the start
    fingerprint: str = ""  # of the arithmetic at the job's shapes: roundelay.ml.fingerprint
    shape: tuple[int, ...] = ()  # channels, height, width of a row that is an image
    labels: tuple[str, ...] = ()  # names of the classes; empty: their numbers
    class_rows: tuple[int, ...] = ()  # training rows of each class; empty if unknown, as of private data
    pinned: str = ""  # name of the private data that it trains on; empty: files are placed
    homes: tuple[str, ...] = ()  # of private files: the address of the node that has each
    encoding: str = ""  # JSON: how the columns of a table became features; for predictions from other files
    reading: str = ""  # JSON: how the sites of private files read them (roundelay.ml.readers.reading)
    evaluate: str = "client"  # who validates a round: the driver on the validation file, sites, or both
    raw: bool = False  # inputs are not standardised: nodes train by Flower clients, whose rows no other node sees
    replaces: str = ""  # id of the job that nodes have lied in: its rounds up to `inherited` are taken over
    inherited: int = 0
    excluded: tuple[Liar, ...] = ()  # nodes that get no work, by address
    single: bool = False  # its rule, a plugin, needs single updates
    forgets: str = ""  # id of the job that this one is, without some of its files (forgetting.py)
    format: int = FORMAT  # of this record and of those that follow it: results, reports, receipts

    def __post_init__(self) -> None:
        check_spec(self)

    @property
    def files_a_round(self) -> int:
        """The number of files that a round trains, if none is missing."""
        fraction = self.settings.fraction
        return max(1, math.ceil(round(fraction * len(self.files), 9)))  # 0.3 of 10 is 3, in spite of rounding

    @property
    def is_buffered(self) -> bool:
        """Whether updates are taken as they come (topologies/buffered.py)."""
        return self.settings.topology == "buffered"

    @property
    def buffer_files(self) -> int:
        """The fewest files whose updates a round of a buffered job takes."""
        return self.settings.buffer or max(1, len(self.files) // BUFFERED_SHARE)

    @property
    def needs(self) -> Needs:
        """What the job's rule is computed from."""
        return "each" if self.single else rule_of(self.settings.rule).needs

    @property
    def updates(self) -> Updates:
        """The form in which nodes return updates."""
        rule = rule_of(self.settings.rule)
        if self.needs == "each":
            return "each-with-loss" if rule.needs_losses else "each"
        if rule.needs_gradients:
            return "sum-with-gradient"
        return "normalised-sum" if rule.is_normalised else "sum"

    @property
    def failing_max(self) -> int:
        """The number of files that may fail without failing the job, because its rule stands them."""
        return rule_of(self.settings.rule).failing_max(self.settings.malicious, self.files_a_round)

    @property
    def all_files(self) -> tuple[TrainingFile, ...]:
        """The training files, then the validation file if there is one."""
        return (*self.files, self.validation) if self.validation is not None else self.files

    @property
    def validation_file(self) -> TrainingFile:
        """The validation file of a job that has one, as every job on placed files does."""
        assert self.validation is not None
        return self.validation

    @cached_property
    def job(self) -> str:
        """The job's id: a digest of the whole spec."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()

    @property
    def replacement(self) -> str:
        """What has happened to the job that this one replaces, for people; empty if it replaces none."""
        if not self.replaces:
            return ""
        lied = "; ".join(map(str, self.excluded))
        again = f"and trains the rounds from {self.inherited + 1} on again"
        return f"{lied}: job {self.job[:8]} replaces job {self.replaces[:8]}, {again}"

    @property
    def repro(self) -> str:
        """The job's promise: `bits`, the same model whatever fails, or `recorded`, a chain that can be audited.

        A buffered job is recorded, although its rounds can be repeated: time decides which updates a round takes.
        """
        return "recorded" if self.why_recorded or self.is_buffered else "bits"

    @property
    def why_recorded(self) -> str:
        """Why nobody can repeat the job's rounds; an empty string if anybody can."""
        return why_not_repeatable(self.settings.topology, self.settings.quorum, self.pinned, self.settings.dp_noise)

    @cached_property
    def sites(self) -> tuple[str, ...]:
        """The addresses of the nodes that have private files."""
        return tuple(sorted(set(self.homes)))

    def files_of(self, site: str) -> tuple[int, ...]:
        """Return the private files that a site has, by index."""
        return tuple(index for index, home in enumerate(self.homes) if home == site)

    @property
    def sum_threshold(self) -> int:
        """The fewest sites over which secure aggregation reveals a sum."""
        return self.settings.secure_threshold or max(SUMMED_SITES_MIN, len(self.sites) // 2 + 1)

    @property
    def tells_no_sums(self) -> bool:
        """Whether inputs are standardised by the validation file, so that training files tell no sums of features."""
        return self.settings.dp_noise > 0 or self.settings.standardise == "validation"

    @property
    def is_raw(self) -> bool:
        """Whether inputs are not standardised."""
        return self.settings.course or self.raw

    @property
    def has_receipts(self) -> bool:
        """Whether each trained file leaves a receipt: anybody who has the files can repeat the rounds."""
        return not self.why_recorded

    @property
    def bits(self) -> str:
        """The fingerprint that a node must have to train this job; empty if any will do."""
        return self.fingerprint if not self.why_recorded else ""

    @property
    def rows(self) -> int:
        """All training rows: the N of the average."""
        return sum(f.rows for f in self.files)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Layer sizes, from the features to the classes, or to the only output of a regression."""
        hidden = () if self.settings.model == "softmax" else self.settings.hidden
        return self.features, *hidden, self.classes or 1

    @property
    def task(self) -> Task:
        """Whether rows have classes or targets."""
        return "classification" if self.classes else "regression"

    @property
    def design(self) -> Design:
        """The model that is trained."""
        settings = self.settings
        arithmetic, loss = settings.arithmetic, settings.loss
        return Design(self.sizes, settings.model, self.shape, settings.course, arithmetic, self.task, loss)

    @property
    def class_weights(self) -> tuple[float, ...]:
        """The weight of each class's rows, so that all classes count the same; empty if all rows do."""
        if self.settings.weighting == "none":
            return ()
        present = sum(rows > 0 for rows in self.class_rows)
        return tuple(sum(self.class_rows) / (present * rows) if rows else 0.0 for rows in self.class_rows)


@dataclass(frozen=True)
class _Named:
    """What a spec of every format says."""

    format: int = UNNAMED


def spec_from_bytes(content: bytes) -> JobSpec:
    """Parse a spec, which may come from an untrusted node. Raises BadRecord."""
    found = strict_json.decode(_Named, content, "spec", strict_json.RECORD_BYTES_MAX).format
    if found != FORMAT:
        why = f"it has format {found}, and this release reads format {FORMAT}: use the release that started the job"
        raise strict_json.malformed("spec", why)
    spec = strict_json.decode(JobSpec, content, "spec", strict_json.RECORD_BYTES_MAX)
    try:
        _check_files(spec)
        _check_classes(spec)
        for field, value in (("pinned", spec.pinned), ("nonce", spec.nonce)):
            strict_json.text(field, value, NAME_CHARACTERS_MAX)
        strict_json.digest("initial", spec.initial, empty_allowed=True)
        strict_json.digest("replaces", spec.replaces, empty_allowed=True)
        require(not spec.replaces or spec.settings.verify > 0, "only a job whose results are verified is replaced")
        in_range("inherited", spec.inherited, 0, spec.settings.rounds if spec.replaces else 0)
        check_liars(spec.excluded)
        strict_json.digest("fingerprint", spec.fingerprint, empty_allowed=True)
        strict_json.digest("forgets", spec.forgets, empty_allowed=True)
        require(spec.to_bytes() == content, "it is not in canonical form: fields are missing, unknown or out of order")
    except refusals() as error:
        raise strict_json.malformed("spec", str(error)) from error
    return spec


def check_liars(liars: tuple[Liar, ...]) -> None:
    """Check nodes that a record calls liars. Raises ValueError."""
    for liar in liars:
        strict_json.text("address", liar.address, NAME_CHARACTERS_MAX)
        in_range("round", liar.round, 0, ROUNDS_MAX)


def _check_files(spec: JobSpec) -> None:
    indices = [file.index for file in spec.files]
    require(bool(indices) and indices == list(range(len(indices))), "files must be numbered from 0 on, at least one")
    for file in spec.all_files:
        check_name(file.name)
        strict_json.digest(file.name, file.digest)
        in_range(f"size of {file.name}", file.size_bytes, 0, FILE_BYTES_MAX)
        in_range(f"rows of {file.name}", file.rows, 1, ROWS_MAX)
    for home in spec.homes:
        strict_json.text("homes", home, NAME_CHARACTERS_MAX)


def _check_classes(spec: JobSpec) -> None:
    """Check a spec's classes and images. Raises ValueError, MLError."""
    in_range("classes", spec.classes, 0, WIDTH_MAX)
    _ = spec.design  # refuses sizes that cannot be
    if len(spec.labels) not in (0, spec.classes) or len(spec.class_rows) not in (0, spec.classes):
        raise ValueError(f"{len(spec.labels)} labels and {len(spec.class_rows)} counts for {spec.classes} classes")
    for label in spec.labels:
        strict_json.text("labels", label, NAME_CHARACTERS_MAX)
    for rows in spec.class_rows:
        in_range("class_rows", rows, 0, ROWS_MAX)
    strict_json.text("encoding", spec.encoding, ENCODING_CHARACTERS_MAX)
    strict_json.text("reading", spec.reading, READING_CHARACTERS_MAX)
    if spec.settings.weighting != "none" and not any(spec.class_rows):
        raise ValueError("weighting needs the rows of each class")
