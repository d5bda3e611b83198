"""A job's history: one row for each round, as plain dicts, as a DataFrame, or drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from roundelay.client.errors import MissingExtra

Row = Mapping[str, Any]


class History(list[dict[str, Any]]):
    """The rows of a job's history."""

    def to_frame(self) -> Any:
        """Return a DataFrame, indexed by round. Raises MissingExtra without pandas."""
        try:
            import pandas
        except ImportError as error:
            raise MissingExtra("to_frame needs pandas: python3 -m pip install pandas") from error
        return pandas.DataFrame(self).set_index("round") if self else pandas.DataFrame()


def draw_curve(rows: Sequence[Row], axes: Any = None) -> Any:
    """Draw validation and training errors by round; return the axes. Raises MissingExtra without matplotlib."""
    if axes is None:
        try:
            from matplotlib import pyplot
        except ImportError as error:
            raise MissingExtra("plot needs matplotlib: python3 -m pip install 'roundelay[plots]'") from error
        axes = pyplot.subplots(figsize=(6, 4), layout="constrained")[1]
    numbers = [row["round"] for row in rows]
    name = "validation_rmse" if rows and "validation_rmse" in rows[0] else "validation_error"
    axes.plot(numbers, [row[name] for row in rows], label="validation")
    if name == "validation_error":
        axes.plot(numbers, [1 - row["training_accuracy"] for row in rows], label="training")
    axes.set(xlabel="round", ylabel="error" if name == "validation_error" else "RMSE", ylim=(0, None))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend()
    return axes
