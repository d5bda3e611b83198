"""client.py predict MODEL FILE: print the class of every row, and how many are right."""

from __future__ import annotations

import json
import sys

import numpy as np

from roundelay.cli import parser_base
from roundelay.client.error_translation import translated_errors
from roundelay.client.ring import load_model
from roundelay.ml.readers import content as contents
from roundelay.ml.readers import folder


def run(chosen: parser_base.Namespace) -> int:
    """Predict the rows of a file. Raises ClientError."""
    model = load_model(chosen.model)
    with translated_errors():
        content = folder.read_file(chosen.file)
        samples = contents.parse(str(chosen.file), content, model.design.features, model.design.classes)
        classes = model.probabilities(samples.x).argmax(axis=1)  # (n,)
    wrong = int(np.count_nonzero(classes != samples.y))
    if chosen.json:
        about = {
            "rows": samples.rows,
            "errors": wrong,
            "error": wrong / samples.rows,
            "model_sha256": model.sha256,
            "classes": classes.tolist(),
        }
        print(json.dumps(about))
        return 0
    print("\n".join(map(str, classes.tolist())))
    print(f"{wrong} of {samples.rows} rows predicted wrongly: error {wrong / samples.rows:.4f}", file=sys.stderr)
    return 0
