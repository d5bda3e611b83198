"""How well a model does on the rows that sites hold out: at each site, and as exact counts over all of them."""

from __future__ import annotations

from dataclasses import dataclass

from roundelay.federation import strict_json
from roundelay.federation.strict_json import ADDRESS_CHARACTERS_MAX, in_range, require
from roundelay.ml.design import WIDTH_MAX
from roundelay.ml.task import FILES_MAX, ROWS_MAX

LOSS_UNITS_MAX = 1 << 27  # of a row: seven bits before the point, and counts.LOSS_BITS after it


@dataclass(frozen=True)
class SiteScore:
    """How well a round's model does on the rows that one site holds out."""

    site: str  # address
    rows: int
    error: float  # share of rows predicted wrongly; of a regression, the RMSE
    f1: float | None = None  # mean over the classes that occur
    auc: float | None = None
    mae: float | None = None  # of a regression
    r2: float | None = None

    @property
    def numbers(self) -> dict[str, float | None]:
        """What is shown, by name."""
        if self.r2 is not None:
            return {"rmse": self.error, "mae": self.mae, "r2": self.r2}
        return {"error": self.error, "f1": self.f1, "auc": self.auc}


@dataclass(frozen=True)
class SitesEvaluation:
    """How well a round's model does on the rows that all sites hold out, as exact counts; and at each site."""

    rows: int = 0
    loss: int = 0  # sum over the rows, in units of 2^-counts.LOSS_BITS
    cells: tuple[tuple[int, int, int], ...] = ()  # true class, predicted class, rows
    sites: tuple[SiteScore, ...] = ()
    hidden: int = 0  # sites that are not shown, as too few rows would be told of
    absent: tuple[str, ...] = ()  # sites that have told no counts, by address
    auc: float | None = None  # of two classes, on the rows of all sites together (counts.py)

    @property
    def worst(self) -> SiteScore | None:
        """The site with the largest error."""
        return max(self.sites, key=lambda each: each.error, default=None)

    @property
    def mean_error(self) -> float | None:
        """The mean of the errors of the sites that are shown, each counting once; None if there are none."""
        return sum(each.error for each in self.sites) / len(self.sites) if self.sites else None

    @property
    def left_out(self) -> list[str]:
        """How many sites are not shown, and why, for people."""
        hidden, absent = self.hidden, len(self.absent)
        verb = "site is hidden because it holds" if hidden == 1 else "sites are hidden because they hold"
        told = [f"{hidden} {verb} out too few rows"] if hidden else []
        return told + ([f"{absent} site{'s' * (absent != 1)} did not answer"] if absent else [])


def check_scores(found: SitesEvaluation) -> None:
    """Check the scores that a record holds. Raises ValueError."""
    in_range("rows", found.rows, 0, ROWS_MAX)
    in_range("loss", abs(found.loss), 0, LOSS_UNITS_MAX * found.rows)
    in_range("hidden", found.hidden, 0, FILES_MAX)
    require(len({each[:2] for each in found.cells}) == len(found.cells), "a cell is twice")
    for *classes, rows in found.cells:
        in_range("class", min(classes), 0, WIDTH_MAX - 1)
        in_range("class", max(classes), 0, WIDTH_MAX - 1)
        in_range("rows of a cell", rows, 0, found.rows)
    for each in found.sites:
        in_range("rows of a site", each.rows, 0, found.rows)
        require(each.error >= 0, "error is negative")
    for address in (*(each.site for each in found.sites), *found.absent):
        strict_json.text("site", address, ADDRESS_CHARACTERS_MAX)
    for area in (found.auc, *(each.auc for each in found.sites)):
        require(area is None or 0 <= area <= 1, f"auc is {area}")
