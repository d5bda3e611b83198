"""A folder per class of JPEG or PNG images, as the chest X-ray set comes; needs the extra `images` (Pillow).

    DIR/train/NORMAL/*.jpeg  DIR/train/PNEUMONIA/*.jpeg  DIR/test/...     or     DIR/NORMAL/*.png  DIR/PNEUMONIA/*.png

Every image is decoded alone, resized, and turned into grey or colour bytes. How many pixels one may decode to is
bounded before it is decoded.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from roundelay.ml.choices import SIDE_DEFAULT
from roundelay.ml.errors import DataError, InputMissing, printable
from roundelay.ml.readers.folder import names_in, read_file
from roundelay.ml.readers.source import DataSet, DatasetPart, Rows

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".jpg", ".jpeg", ".png")
FORMATS = ("JPEG", "PNG")
PIXELS_MAX = 1 << 26  # of one image, decoded
IMAGES_MAX = 2_000_000
IMAGES_A_BLOCK = 64
TEST_NAMES = ("test", "testing")
TRAINING_NAMES = ("train", "training")


@dataclass(frozen=True)
class ImageOptions:
    """What images are turned into."""

    side: int = SIDE_DEFAULT  # pixels, both ways
    colour: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        return (3 if self.colour else 1), self.side, self.side


def is_image_folder(folder: Path, names: list[str]) -> bool:
    """Are there images in folders of this folder, or in folders of its training folder?"""
    inner = next((folder / name for name in names if name.lower() in TRAINING_NAMES), folder)
    return any(_is_folder(inner, name) and any(map(_is_image, names_in(inner / name))) for name in names_in(inner))


def read(folder: Path, looks: ImageOptions | None = None) -> DataSet:
    """The set in a folder. Raises DataError, InputMissing."""
    looks = looks or ImageOptions()
    _require_pillow()
    names = names_in(folder)
    inner = {name.lower(): name for name in names}
    training = next((folder / inner[name] for name in TRAINING_NAMES if name in inner), folder)
    test = next((folder / inner[name] for name in TEST_NAMES if name in inner and training != folder), None)
    labels = _classes(training)
    if len(labels) < 2:
        raise DataError(str(training), None, "holds fewer than two folders of images: one for each class is expected")
    if test is not None and not set(_classes(test)) <= set(labels):
        raise DataError(str(test), None, f"has the classes {_classes(test)}, the training part {labels}")
    parts = [_part(place, labels, looks) for place in (training, test) if place is not None]
    skipped = tuple(n for n in names if folder / n not in (training, test) and training != folder)
    return DataSet(
        "images", tuple(parts[:1]), tuple(parts[1:]), int(np.prod(looks.shape)), labels, True, looks.shape, skipped
    )


def _classes(folder: Path) -> tuple[str, ...]:
    return tuple(name for name in names_in(folder) if _is_folder(folder, name) and not name.startswith("."))


def _part(folder: Path, labels: tuple[str, ...], looks: ImageOptions) -> DatasetPart:
    """All images of a folder of classes, by class and name."""
    paths: list[Path] = []
    classes: list[int] = []
    for number, label in enumerate(labels):
        if (folder / label).is_dir():
            found = [folder / label / name for name in names_in(folder / label) if _is_image(name)]
            paths += found
            classes += [number] * len(found)
    if not 1 <= len(paths) <= IMAGES_MAX:
        raise DataError(str(folder), None, f"holds {len(paths)} images: expected 1 to {IMAGES_MAX}")
    return DatasetPart(folder.name, np.array(classes, np.int64), lambda: _blocks(paths, looks))


def _blocks(paths: list[Path], looks: ImageOptions) -> Iterator[Rows]:
    for start in range(0, len(paths), IMAGES_A_BLOCK):
        yield np.stack([decode(path, looks) for path in paths[start : start + IMAGES_A_BLOCK]])  # (images, d)


def decode(path: Path, looks: ImageOptions) -> npt.NDArray[np.uint8]:
    """One image as bytes, channel by channel: (d,). Raises DataError, InputMissing."""
    from PIL import Image

    try:
        content = io.BytesIO(read_file(path))
        with warnings.catch_warnings(action="ignore"), Image.open(content, formats=FORMATS) as image:
            if image.width * image.height > PIXELS_MAX:
                raise DataError(str(path), None, f"is {image.width} x {image.height}: at most {PIXELS_MAX} pixels")
            return _bytes_of(image, looks)
    except (OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError) as error:
        raise DataError(str(path), None, f"is no JPEG or PNG that can be read: {printable(str(error))}") from error


def _bytes_of(image: Image.Image, looks: ImageOptions) -> npt.NDArray[np.uint8]:
    from PIL import Image

    depth = image.mode.startswith(("I", "F"))
    if depth:  # 16 bits a pixel: the upper eight
        wide = np.asarray(image, np.float64)  # (h, w)
        image = Image.fromarray((wide / 257 if wide.max() > 255 else wide).clip(0, 255).astype(np.uint8))
    mode = "RGB" if looks.colour else "L"
    image = image.convert(mode).resize((looks.side, looks.side), Image.Resampling.BOX)
    pixels: npt.NDArray[np.uint8] = np.asarray(image, np.uint8).reshape(looks.side, looks.side, -1)  # (h, w, c)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)).reshape(-1)  # (d,)


def _require_pillow() -> None:
    try:
        import PIL  # noqa: F401
    except ImportError as error:
        raise InputMissing("reading images needs Pillow: python3 -m pip install '.[images]'") from error


def _is_image(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")


def _is_folder(folder: Path, name: str) -> bool:
    return (folder / name).is_dir()
