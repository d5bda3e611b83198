"""client.py predict MODEL FILE: the class of every row, and how many are right."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cli import exits, options
from cli.given import allow_model
from ml.errors import InputMissing, MLError
from ml.readers import content as contents
from ml.readers import folder
from ml.readers.model import load


def main(arguments: Sequence[str]) -> int:
    chosen = options.parse(parser(arguments), arguments)
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
        print(json.dumps({"rows": samples.rows, "errors": wrong, "error": wrong / samples.rows,
                          "model_sha256": model.sha256, "classes": classes.tolist()}))
        return 0
    print("\n".join(map(str, classes.tolist())))
    print(f"{wrong} of {samples.rows} rows are of another class: error {wrong / samples.rows:.4f}", file=sys.stderr)
    return 0


def parser(arguments: Sequence[str]) -> options.Parser:
    made = options.parser("client.py predict", "Use a saved model: one class a line.",
                          "python3 client.py predict model.npz letters/validate_letters.txt", arguments)
    made.add_argument("model", type=Path, metavar="MODEL", help="a model that train --out has saved")
    made.add_argument("file", type=Path, metavar="FILE", help="rows as in the training files")
    made.add_argument("--json", action="store_true", help="print one line, one JSON object")
    return made
