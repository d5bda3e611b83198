"""How data may be read and trained on, as far as command lines must know: --help waits for no numpy, and no task."""

import re
from typing import Literal, get_args

Kind = Literal["letters", "csv", "mnist", "cifar10", "images", "npz"]
KINDS: tuple[str, ...] = get_args(Kind)
MISSING_CHOICES = ("refuse", "zero", "mean")
HOLDOUT_DEFAULT = 0.2
SIDE_DEFAULT, SIDE_MAX = 28, 1024

Optimizer = Literal["sgd", "adam", "gd"]
MODEL = re.compile(r"[a-z]{1,20}|[A-Za-z_][\w.]{0,99}:[A-Za-z_]\w{0,99}", re.ASCII)  # a name, or MODULE:NAME
DROPOUT_MAX = 0.95
ETA_MIN = 1e-12  # the kernels fold it into float32 gradients


def side(text: str) -> int:
    """Pixels, from a command line. Raises ValueError."""
    pixels = int(text)
    if not 1 <= pixels <= SIDE_MAX:
        raise ValueError(f"{pixels} pixels: expected 1 to {SIDE_MAX}")
    return pixels
