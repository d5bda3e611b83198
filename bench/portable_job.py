"""A job on the letters, replayed in this process: `python -m bench.portable_job ROUNDS FILES MODEL...`.

MODEL is mlp, softmax or cnn, with portable arithmetic and seed 0; mlp/native and mlp/native/1 have others. Prints one
line of JSON. Needs numpy and msgspec only, so that it runs with any numpy on any processor. A cnn needs images: it gets
the 16 attributes as 4 x 4 squares of 3 x 3 pixels.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.blas import kernel
from roundelay.federation import replay
from roundelay.federation.requests import TrainingFile
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec
from roundelay.ml.choices import ArithmeticName
from roundelay.ml.data import Samples
from roundelay.ml.readers import letters, packed
from roundelay.ml.worker import Worker
from roundelay.store.blobs import digest_of

LETTERS = Path(__file__).resolve().parents[1] / "letters"
VALIDATION = "validate_letters.txt"
CLASSES, SIDE, ENLARGED = 26, 4, 3
MODELS: dict[str, dict[str, object]] = {  # as for rows of 16 features: see client/presets.py
    "mlp": {"clip": 4.0},
    "softmax": {"clip": 4.0},
    "cnn": {"clip": 4.0, "eta": 0.02, "hidden": (32,)},
}


def main(arguments: Sequence[str]) -> int:
    rounds, files, *models = arguments
    found: dict[str, object] = {"machine": platform.machine(), "numpy": np.__version__, "kernel": kernel()}
    for model in models:
        name, arithmetic, seed = parse(model)
        found[model] = run(name, int(rounds), int(files), arithmetic, seed)
    print(json.dumps(found))
    return 0


def parse(model: str) -> tuple[str, ArithmeticName, int]:
    """Read MODEL, MODEL/ARITHMETIC or MODEL/ARITHMETIC/SEED."""
    name, *rest = model.split("/")
    return name, "native" if rest[:1] == ["native"] else "portable", int(rest[1]) if len(rest) > 1 else 0


def run(model: str, rounds: int, files: int, arithmetic: ArithmeticName, seed: int) -> dict[str, object]:
    """Replay a job; return the digest and the validation of its last model."""
    spec, contents = job(model, rounds, files, arithmetic, seed)
    *_, last = replay.chain(spec, contents, Worker())
    return {
        "model_sha256": hashlib.sha256(last.weights).hexdigest(),
        "error": last.result.errors / last.result.rows,
        "loss": float(last.validation_loss).hex(),
    }


def job(
    model: str, rounds: int, count: int, arithmetic: ArithmeticName, seed: int = 0
) -> tuple[JobSpec, dict[str, bytes]]:
    """Return the spec and the contents by digest."""
    paths = sorted(path for path in LETTERS.iterdir() if path.is_file() and not path.suffix)[:count]
    contents = [_content(path, model) for path in [*paths, LETTERS / VALIDATION]]
    files = [TrainingFile(i, f"file-{i}", digest_of(c), len(c), _rows(c)) for i, c in enumerate(contents)]
    shape = (1, SIDE * ENLARGED, SIDE * ENLARGED) if model == "cnn" else ()
    features = SIDE**2 * (ENLARGED**2 if shape else 1)
    settings = Settings(rounds=rounds, model=model, arithmetic=arithmetic, seed=seed, **MODELS[model])  # type: ignore[arg-type]
    spec = JobSpec(settings, tuple(files[:-1]), files[-1], features, CLASSES, shape=shape)
    return spec, {file.digest: content for file, content in zip(files, contents, strict=True)}


def _content(path: Path, model: str) -> bytes:
    content = path.read_bytes()
    if model != "cnn":
        return content
    samples = letters.parse(path.name, content, None, CLASSES)
    images = samples.x.reshape(-1, SIDE, SIDE).repeat(ENLARGED, 1).repeat(ENLARGED, 2)  # (n, 12, 12)
    return packed.pack(Samples(images.reshape(samples.rows, -1), samples.y), CLASSES, (1, *images.shape[1:]))


def _rows(content: bytes) -> int:
    return packed.read_header("", content).rows if packed.is_packed(content) else len(content.splitlines())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
