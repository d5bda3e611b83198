"""Option values and bounds that command lines share with ml/.

A file of its own so that `--help` imports neither numpy nor ml.task: the standard library's `re` and `typing` are all
that it needs. (chord/choices.py is the same for the ring.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, get_args

Kind = Literal["letters", "csv", "mnist", "cifar10", "images", "npz"]
KINDS: tuple[str, ...] = get_args(Kind)  # of data sets
MISSING_CHOICES = ("refuse", "zero", "mean")  # what to do about the missing values of a table
HEADER_CHOICES = ("auto", "yes", "no")  # whether the first row of a table names its columns
DECIMAL_CHOICES = ("auto", "point", "comma")  # how a table writes decimal numbers
WORDS_MAX_DEFAULT = 100  # different words in a column of a table
HOLDOUT_DEFAULT = 0.2
SIMILARITY_MIN = 0.7  # of a misspelled word, by difflib: "epocs" has 0.91, but "holdout" is 0.62 like "colour"
PARTS_DEFAULT = 8
HIDE_BELOW_DEFAULT = 5  # a description of data tells of no fewer rows
SIDE_DEFAULT, SIDE_MAX = 28, 1024

PARTITION_METHODS = (
    *("iid", "dirichlet", "shards", "label-skew", "quantity-skew"),
    *("inner-dirichlet", "size", "exponential", "sizes", "natural-id"),
)
PARTITION_FILES_DEFAULT = 8
SIZES = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}  # units of bytes
SIZE_DIGITS_MAX = 20
MAX_FILE_BYTES_HELP = (
    "largest file to read whole, such as 4G; the text of an archive may be 16 times as large, "
    "an array 64 times (default: 1G)"
)
UPDATE_CLIP_MAX, UPDATE_NOISE_MAX = 100.0, 1000.0  # of differential privacy
ALPHA_DEFAULT, ALPHA_MIN, ALPHA_MAX = 0.5, 1e-6, 1e6  # of Dirichlet
POWER_MAX = 10.0  # of sizes that grow as a power
EACH_DEFAULT, EACH_MAX = 2, 1000  # shards or classes a file

# What a node with compute_node.py --attack does wrong (roundelay.federation.attacks).
ATTACKS = (
    "sign-flip",
    "scaled",
    "gaussian",
    "alie",
    "inner-product",
    "nan",
    "one-bit",
    "label-flip",
    "backdoor",
    "lazy",
    "stale",
    "colluding",
)

# What a trainer returns of its files: one exact sum of their updates; the same with each divided by its local steps
# (local_steps.py), or with the sum of their gradients behind it (control_variates.py); or each update by itself, with
# the loss before the training behind it if that is asked for.
Updates = Literal["sum", "normalised-sum", "sum-with-gradient", "each", "each-with-loss"]
UPDATES: tuple[str, ...] = get_args(Updates)
SINGLE_UPDATES: tuple[str, ...] = ("each", "each-with-loss")

# How a site makes a model of its own from the shared one (roundelay.ml.personal).
PersonalMethod = Literal["none", "head", "ditto", "fine-tune"]
PERSONAL_METHODS: tuple[str, ...] = get_args(PersonalMethod)
MODELS_WITH_HEAD = ("mlp", "cnn")  # whose last layer a site can keep

Task = Literal["classification", "regression"]
TASKS: tuple[str, ...] = get_args(Task)
TASK_CHOICES = ("auto", *TASKS)  # auto: as the labels are
OPTIMIZERS = ("sgd", "adam", "gd")
TASK_LOSS = "auto"  # the loss of the task: cross-entropy or the squared error
ArithmeticName = Literal["native", "portable"]
ARITHMETICS: tuple[str, ...] = get_args(ArithmeticName)
KEPT_WEIGHTS = re.compile(r"all|best|[2-9]|[1-9][0-9]{1,4}", re.ASCII)  # rounds: 2 or more
MODELS = ("mlp", "softmax", "cnn")
NAMED = re.compile(r"[A-Za-z_][\w.]{0,99}:[A-Za-z_]\w{0,99}", re.ASCII)  # MODULE:NAME, of a plugin
MODEL = re.compile(rf"[a-z]{{1,20}}|{NAMED.pattern}", re.ASCII)  # a name, or MODULE:NAME


class OpenChoices(tuple[str, ...]):
    """The names that ship; it contains MODULE:NAME, too."""

    __slots__ = ()

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and NAMED.fullmatch(name) is not None)


DROPOUT_MAX = 0.95
ETA_MIN = 1e-12  # smaller rates underflow: the kernels fold the rate into float32 gradients


def most_similar(word: str, known: Iterable[str]) -> str:
    """Return the known word that was probably meant; nothing if none is as similar as a misspelling is."""
    import difflib

    return next(iter(difflib.get_close_matches(word, sorted(known), 1, SIMILARITY_MIN)), "")


def whole_number(text: str) -> int:
    """Read an integer. Raises ValueError."""
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a whole number") from None


def file_size(text: str) -> int:
    """Read a number of bytes, with one of SIZES or without. Raises ValueError."""
    factor = SIZES.get(text[-1:].upper(), 1)
    digits = text if factor == 1 else text[:-1]
    size_bytes = int(digits) * factor if digits.isdecimal() and len(digits) <= SIZE_DIGITS_MAX else 0
    if not 1 <= size_bytes <= SIZES["T"]:
        raise ValueError(f"{text[:80]!r} is not a size from 1 to 1T, such as 500M or 4G")
    return size_bytes


def side(text: str) -> int:
    """Parse the side of an image in pixels. Raises ValueError."""
    pixels = int(text)
    if not 1 <= pixels <= SIDE_MAX:
        raise ValueError(f"{pixels} pixels: expected 1 to {SIDE_MAX}")
    return pixels


def label_column(text: str) -> int | str:
    """Parse the label column of a table: its place, or its name."""
    try:
        return int(text)
    except ValueError:
        return text
