"""JPEG or PNG images in one folder per class, like the chest X-ray set; needs the extra `images` (Pillow).

    DIR/train/NORMAL/*.jpeg  DIR/train/PNEUMONIA/*.jpeg  DIR/test/...     or     DIR/NORMAL/*.png  DIR/PNEUMONIA/*.png

Images are decoded one at a time, resized, and converted to grey or RGB bytes. The number of pixels is checked before
an image is decoded.
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
    """The size and colours that images are converted to."""

    side: int = SIDE_DEFAULT  # width and height in pixels
    colour: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        return (3 if self.colour else 1), self.side, self.side


def is_image_folder(folder: Path, names: list[str]) -> bool:
    """Return whether subfolders of this folder, or of its training folder, hold images."""
    inner = next((folder / name for name in names if name.lower() in TRAINING_NAMES), folder)
    return any(_is_folder(inner, name) and any(map(_is_image, names_in(inner / name))) for name in names_in(inner))


def read(folder: Path, options: ImageOptions | None = None) -> DataSet:
    """Read the data set in a folder. Raises DataError, InputMissing."""
    options = options or ImageOptions()
    _require_pillow()
    names = names_in(folder)
    inner = {name.lower(): name for name in names}
    training = next((folder / inner[name] for name in TRAINING_NAMES if name in inner), folder)
    test = next((folder / inner[name] for name in TEST_NAMES if name in inner and training != folder), None)
    labels = _classes(training)
    if len(labels) < 2:
        raise DataError(str(training), None, "holds fewer than two folders; expected a folder of images for each class")
    if test is not None and not set(_classes(test)) <= set(labels):
        raise DataError(str(test), None, f"has the classes {_classes(test)}, but the training part has {labels}")
    parts = [_part(place, labels, options) for place in (training, test) if place is not None]
    skipped = tuple(n for n in names if folder / n not in (training, test) and training != folder)
    return DataSet(
        "images", tuple(parts[:1]), tuple(parts[1:]), int(np.prod(options.shape)), labels, True, options.shape, skipped
    )


def _classes(folder: Path) -> tuple[str, ...]:
    return tuple(name for name in names_in(folder) if _is_folder(folder, name) and not name.startswith("."))


def _part(folder: Path, labels: tuple[str, ...], options: ImageOptions) -> DatasetPart:
    """Return the part of all images in the folders of the classes, ordered by class and name."""
    paths: list[Path] = []
    classes: list[int] = []
    for number, label in enumerate(labels):
        if (folder / label).is_dir():
            found = [folder / label / name for name in names_in(folder / label) if _is_image(name)]
            paths += found
            classes += [number] * len(found)
    if not 1 <= len(paths) <= IMAGES_MAX:
        raise DataError(str(folder), None, f"holds {len(paths)} images, expected 1 to {IMAGES_MAX}")
    return DatasetPart(folder.name, np.array(classes, np.int64), lambda: _blocks(paths, options))


def _blocks(paths: list[Path], options: ImageOptions) -> Iterator[Rows]:
    for start in range(0, len(paths), IMAGES_A_BLOCK):
        yield np.stack([decode(path, options) for path in paths[start : start + IMAGES_A_BLOCK]])  # (images, d)


def decode(path: Path, options: ImageOptions) -> npt.NDArray[np.uint8]:
    """Decode an image into bytes, channel by channel: (d,). Raises DataError, InputMissing."""
    from PIL import Image

    try:
        content = io.BytesIO(read_file(path))
        with warnings.catch_warnings(action="ignore"), Image.open(content, formats=FORMATS) as image:
            if image.width * image.height > PIXELS_MAX:
                raise DataError(
                    str(path), None, f"is {image.width} x {image.height}, expected at most {PIXELS_MAX} pixels"
                )
            return _bytes_of(image, options)
    except (OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError) as error:
        raise DataError(str(path), None, f"is not a readable JPEG or PNG: {printable(str(error))}") from error


def _bytes_of(image: Image.Image, options: ImageOptions) -> npt.NDArray[np.uint8]:
    from PIL import Image

    if image.mode.startswith(("I", "F")):  # 16 bits a pixel: keep the upper eight
        wide = np.asarray(image, np.float64)  # (h, w)
        image = Image.fromarray((wide / 257 if wide.max() > 255 else wide).clip(0, 255).astype(np.uint8))
    mode = "RGB" if options.colour else "L"
    image = image.convert(mode).resize((options.side, options.side), Image.Resampling.BOX)
    pixels: npt.NDArray[np.uint8] = np.asarray(image, np.uint8).reshape(options.side, options.side, -1)  # (h, w, c)
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
