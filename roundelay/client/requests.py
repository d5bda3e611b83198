"""What a user asks of the client, as frozen values. Imports no numpy, so that --help need not wait for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roundelay.client.errors import BadInput, InvalidRequest
from roundelay.client.option_text import flag, names, number
from roundelay.federation.settings import Settings, option, plugin_names
from roundelay.ml.choices import (
    DECIMAL_CHOICES,
    HEADER_CHOICES,
    HOLDOUT_DEFAULT,
    KINDS,
    MAX_FILE_BYTES_HELP,
    MISSING_CHOICES,
    PARTS_DEFAULT,
    SIDE_DEFAULT,
    TASK_CHOICES,
    WORDS_MAX_DEFAULT,
    OpenChoices,
    file_size,
    side,
    whole_number,
)
from roundelay.ml.errors import BadOption
from roundelay.ml.plugins import full_name
from roundelay.ml.readers.limits import limits_of
from roundelay.node.options import DEFAULT_FILE

if TYPE_CHECKING:
    from roundelay.chord.refs import Address
    from roundelay.ml.partitioners import Partitioner
    from roundelay.ml.readers.saved_model import SavedModel
    from roundelay.ml.readers.source import DataSet

PRESETS = ("letters", "mnist", "cifar10", "xray", "seed-course")  # settings of published figures (presets.py)


@dataclass(frozen=True)
class RingAddress:
    """How to enter a ring: through its supernode, or through any of its nodes."""

    supernode: Address | None = None  # default: as the node list says, else 127.0.0.1:9091
    bootstrap: Address | None = None  # a node to enter through, instead of a supernode
    nodes: Path = DEFAULT_FILE  # the node list
    kit: Path | None = None  # this client's certificate and key, where the ring is secured

    def __post_init__(self) -> None:
        if self.supernode is not None and self.bootstrap is not None:
            raise InvalidRequest(
                "--bootstrap cannot be combined with --supernode: the client enters the ring through one of them"
            )

    def entry_points(self) -> tuple[Address | None, tuple[Address, ...]]:
        """Return the supernode, or None if there is none to ask, and the nodes to try. Raises BadInput."""
        if self.bootstrap is not None:
            return None, (self.bootstrap,)
        from roundelay.node import addresses

        try:
            listed = addresses.read(self.nodes)
        except addresses.NodeListError as error:
            raise BadInput(str(error)) from error
        if self.supernode is not None and self.nodes == DEFAULT_FILE:
            return self.supernode, ()  # the list of this folder may be that of another ring
        supernode = self.supernode or listed.supernode or addresses.USUAL_SUPERNODE
        return supernode, tuple(listed.nodes)


def _option(
    default: Any,
    about: str,
    read: Callable[[str], Any] = str,
    metavar: str | None = None,
    choices: tuple[str, ...] | None = None,
) -> Any:
    return field(default=default, metadata={"about": about, "read": read, "metavar": metavar, "choices": choices})


@dataclass(frozen=True)
class DataOptions:
    """How a data set is read and divided into training files."""

    dataset: str | None = _option(
        None,
        f"format of DATA: {', '.join(KINDS)}, or MODULE:NAME of a reader (default: guessed from its files)",
        lambda text: full_name("readers", text, KINDS),
        "FORMAT",
        OpenChoices(KINDS),
    )
    holdout: float = _option(
        HOLDOUT_DEFAULT, "share of the rows kept for validation if there is no other validation data", number, "SHARE"
    )
    parts: int | None = _option(
        None,
        f"make N training files (default: one per source file, or {PARTS_DEFAULT} from a single source)",
        whole_number,
        "N",
    )
    classes: tuple[str, ...] = _option((), "use these classes only", names, "A,B")
    task: str = _option("auto", "predict a class or a number; auto: a number if labels are real", choices=TASK_CHOICES)
    label: str | None = _option(
        None,
        "label column of a table (default: the one called label, class, target or y, else the last)",
        metavar="NAME|INDEX",
    )
    missing: str = _option("refuse", "treatment of missing values of a table", choices=MISSING_CHOICES)
    header: str = _option("auto", "whether the first row of a table names its columns", choices=HEADER_CHOICES)
    decimal: str = _option("auto", "decimal mark of a table", choices=DECIMAL_CHOICES)
    drop: tuple[str, ...] = _option((), "columns of a table to leave out", names, "A,B")
    columns: tuple[str, ...] = _option((), "columns of a table to learn from (default: all)", names, "A,B")
    categorical: tuple[str, ...] = _option((), "columns of numbers to read as words", names, "A,B")
    words: int = _option(WORDS_MAX_DEFAULT, "most different words in a column", whole_number, "N")
    side: int = _option(SIDE_DEFAULT, "resize images to PxP", side, "P")
    colour: bool = _option(False, "keep the colours of images")
    max_file_bytes: int | None = _option(None, MAX_FILE_BYTES_HELP, file_size, "SIZE")

    def __post_init__(self) -> None:
        if not 0 < self.holdout < 1:
            raise InvalidRequest(f"--holdout is {self.holdout:g}, expected a share of the rows between 0 and 1")
        for name in ("parts", "words"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise InvalidRequest(f"{flag(name)} is {value}, expected at least 1")
        try:
            limits_of(self.max_file_bytes)
        except BadOption as error:
            raise InvalidRequest(str(error)) from error

    def require_own_limit(self) -> None:
        """Raise InvalidRequest for a limit that nothing would heed, as all data are read at the sites."""
        if self.max_file_bytes is not None:
            raise _conflict(flag("max_file_bytes"), "each site's node has its own, compute_node.py --max-file-bytes")

    def differing(self) -> list[str]:
        """Return the names of the options that are not at their default."""
        return [each.name for each in fields(self) if getattr(self, each.name) != each.default]


@dataclass(frozen=True)
class TrainRequest:
    """A training job: data or published private data, and settings. Raises InvalidRequest for contradictions."""

    data: str | Path | DataSet | None = None  # folder of training files, or a data set
    validation: str | Path | DataSet | None = None  # a path may be inside `data`; default: a test part or held-out rows
    settings: Settings | Mapping[str, Any] = field(default_factory=dict)  # a mapping overrides the recommended ones
    data_options: DataOptions = DataOptions()
    init: Path | SavedModel | None = None  # a model to continue from
    private: str = ""  # train on the private data that nodes published under this name
    detach: bool = False  # the ring drives the job; otherwise this process does, and the ring takes over if it dies
    partition: Partitioner | None = None  # divides the rows among data_options.parts clients; default: at random
    evaluate: str = ""  # EVALUATE_CHOICES: who validates a job on private data; default: client if there is a file
    preset: str = ""  # one of PRESETS, instead of the settings that follow from the data

    def __post_init__(self) -> None:
        if self.preset not in ("", *PRESETS):
            raise InvalidRequest(f"no preset {self.preset!r}; there are {', '.join(PRESETS)}")
        if self.evaluate and not self.private:
            raise InvalidRequest("--evaluate is for --private NAME: other data are validated by the client")
        if self.data_options.missing == "mean":
            self._check_means()
        if self.private:
            self._check_private()
        elif self.data is None:
            raise InvalidRequest("no training data: name a folder or a data set")

    @property
    def evaluated_by(self) -> str:
        """The validator of a job's rounds: one of EVALUATE_CHOICES."""
        return self.evaluate or ("sites" if self.private and self.validation is None else "client")

    @property
    def names(self) -> tuple[str, ...]:
        """What the request names that may be a plugin: MODULE:NAME."""
        given = vars(self.settings) if isinstance(self.settings, Settings) else self.settings
        return (*plugin_names(given), self.data_options.dataset or "")

    def setting(self, name: str) -> Any:
        """Return a setting as far as the request decides it, else its default."""
        if isinstance(self.settings, Settings):
            return getattr(self.settings, name)
        return self.settings.get(name, next(each.default for each in fields(Settings) if each.name == name))

    def _check_means(self) -> None:
        """Refuse to fill gaps with means, which are told before the job, where the job hides or blurs such sums."""
        reasons = {
            "secure_aggregation": "each site would tell the sums of its own columns",
            "dp_noise": "the means of the training rows would be told without noise",
        }
        if given := [name for name in reasons if self.setting(name)]:
            raise InvalidRequest(
                f"{option(given[0])} cannot be combined with --missing mean: {reasons[given[0]]}; use --missing zero"
            )

    def _check_private(self) -> None:
        """Private data are trained on as they are, where they are."""
        if self.data is not None:
            raise InvalidRequest("--private NAME takes no folder: the files stay on their nodes")
        if (self.validation is None) != (self.evaluated_by == "sites"):
            needs = "takes no --validation FILE" if self.validation else "needs --validation FILE"
            raise InvalidRequest(f"--evaluate {self.evaluated_by} {needs}")
        if (placement := self.setting("placement")) != "hash":
            raise _conflict(f"{option('placement')} {placement}", "the files stay on their nodes")
        if (weighting := self.setting("weighting")) != "none":
            raise _conflict(f"{option('weighting')} {weighting}", "nodes do not publish which classes they hold")
        unused = ("parts",) if self.evaluated_by != "client" else ("parts", "holdout")
        if given := [name for name in unused if name in self.data_options.differing()]:
            raise _conflict(f"--{given[0]}", "private files are trained on as they are")
        if self.validation is None:
            self.data_options.require_own_limit()


def is_dataset(path: Path) -> bool:
    """Return whether a path is a data set that a reader knows, rather than one file of letters."""
    return path.is_dir() or path.suffix == ".npz"


def _conflict(given: str, reason: str) -> InvalidRequest:
    return InvalidRequest(f"--private cannot be combined with {given}: {reason}")
