"""How data may be read, as far as command lines must know. Imports no numpy: --help need not wait for it."""

from typing import Literal, get_args

Kind = Literal["letters", "csv", "mnist", "cifar10", "images", "npz"]
KINDS: tuple[str, ...] = get_args(Kind)
MISSING_CHOICES = ("refuse", "zero", "mean")
HOLDOUT_DEFAULT = 0.2
SIDE_DEFAULT, SIDE_MAX = 28, 1024


def side(text: str) -> int:
    """Pixels, from a command line. Raises ValueError."""
    pixels = int(text)
    if not 1 <= pixels <= SIDE_MAX:
        raise ValueError(f"{pixels} pixels: expected 1 to {SIDE_MAX}")
    return pixels
