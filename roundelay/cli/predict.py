"""client.py predict MODEL FILE: the class of every row, and how many are right."""

from __future__ import annotations

import json
import sys

import numpy as np

from roundelay.cli import exits, options
from roundelay.cli.local import allow_model
from roundelay.ml.errors import InputMissing, MLError
from roundelay.ml.readers import content as contents
from roundelay.ml.readers import folder
from roundelay.ml.readers.saved_model import load


def run(chosen: options.Namespace) -> int:
    try:
        model = load(chosen.model)
        allow_model(model.design.model)
        content = folder.read_file(chosen.file)
        samples = contents.parse(str(chosen.file), content, model.design.features, model.design.classes)
        classes = model.predict(samples)
    except InputMissing as error:
        raise exits.Exit(exits.NO_INPUT, str(error)) from error
    except MLError as error:
        raise exits.Exit(exits.DATA, str(error)) from error
    wrong = int(np.count_nonzero(classes != samples.y))
    if chosen.json:
        print(
            json.dumps(
                {
                    "rows": samples.rows,
                    "errors": wrong,
                    "error": wrong / samples.rows,
                    "model_sha256": model.sha256,
                    "classes": classes.tolist(),
                }
            )
        )
        return 0
    print("\n".join(map(str, classes.tolist())))
    print(f"{wrong} of {samples.rows} rows are of another class: error {wrong / samples.rows:.4f}", file=sys.stderr)
    return 0
