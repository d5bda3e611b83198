"""How sites read their private data for one job: what the job asks for, and what the sites have agreed on.

A reading travels as JSON in the plan of the job's orders, so that every site makes the same features and classes of its
rows, and holds out the same ones in every round.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import msgspec

from roundelay.ml.choices import (
    DECIMAL_CHOICES,
    HEADER_CHOICES,
    MISSING_CHOICES,
    SIDE_DEFAULT,
    SIDE_MAX,
    TASK_CHOICES,
    WORDS_MAX_DEFAULT,
)
from roundelay.ml.errors import BadTask
from roundelay.ml.readers.images import ImageOptions
from roundelay.ml.readers.packed import FEATURES_MAX
from roundelay.ml.readers.schema import TableOptions
from roundelay.ml.training_plan import READING_CHARACTERS_MAX


@dataclass(frozen=True)
class Reading:
    """The options of a job's data. With `labels` or `encoding` it is agreed between the sites."""

    dataset: str = ""  # the kind of the data; empty: as each site guesses it
    label: int | str | None = None
    missing: str = "refuse"
    header: str = "auto"
    decimal: str = "auto"
    drop: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    words: int = WORDS_MAX_DEFAULT
    task: str = "auto"
    side: int = SIDE_DEFAULT
    colour: bool = False
    classes: tuple[str, ...] = ()  # rows of other classes are left out; (): all
    holdout: float = 0.0  # share of the rows that each file holds out
    seed: int = 0  # of what is held out
    labels: tuple[str, ...] = ()  # agreed: the names of the classes, by number
    encoding: str = ""  # agreed: how the columns of a table become features

    def __post_init__(self) -> None:
        is_known = self.missing in MISSING_CHOICES and self.header in HEADER_CHOICES and self.task in TASK_CHOICES
        is_known = is_known and self.decimal in DECIMAL_CHOICES
        in_range = 0 <= self.holdout < 1 and 1 <= self.words <= FEATURES_MAX and 1 <= self.side <= SIDE_MAX
        if not is_known or not in_range or self.seed < 0:
            raise BadTask("reading: an option of the data is out of range")

    @property
    def table(self) -> TableOptions:
        """How the columns of a table are read before they are agreed."""
        return TableOptions(
            self.label,
            self.missing,
            self.header,
            self.decimal,
            self.drop,
            self.columns,
            self.categorical,
            self.words,
            self.task,
        )

    @property
    def images(self) -> ImageOptions:
        """What images are converted to."""
        return ImageOptions(self.side, self.colour)

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


def reading_from_json(text: str) -> Reading:
    """Decode what Reading.to_json wrote; nothing is the reading of a job that asks for nothing. Raises BadTask."""
    if not text:
        return Reading()
    if len(text) > READING_CHARACTERS_MAX:
        raise BadTask(f"reading: {len(text)} characters, at most {READING_CHARACTERS_MAX}")
    try:
        return msgspec.json.decode(text, type=Reading)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BadTask(f"malformed reading: {error}") from error
