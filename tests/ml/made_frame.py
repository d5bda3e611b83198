"""As much of a DataFrame as is read of one, so that tests need no pandas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


class MadeFrame:
    """Columns by name, in their order."""

    ndim = 2

    def __init__(self, values: Mapping[Any, Sequence[Any] | npt.NDArray[Any]]) -> None:
        self._values = dict(values)

    @property
    def columns(self) -> list[Any]:
        return list(self._values)

    def __len__(self) -> int:
        return len(next(iter(self._values.values())))

    def __getitem__(self, names: Any) -> Any:
        """Return one column, or a frame of several."""
        return (
            MadeFrame({name: self._values[name] for name in names}) if isinstance(names, list) else self._values[names]
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.column_stack([np.asarray(each) for each in self._values.values()])
