"""Images in one folder per class, like the chest X-ray set; needs the extra `images` (Pillow).

    DIR/train/NORMAL/*.jpeg  DIR/train/PNEUMONIA/*.jpeg  DIR/test/...     or     DIR/NORMAL/*.png  DIR/PNEUMONIA/*.png

Images are decoded one at a time, turned as their EXIF orientation says, composited on white where they are transparent,
resized, and converted to grey or RGB bytes. An image of 16 bits a pixel keeps its upper eight. The number of pixels is
checked before an image is decoded.
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
from roundelay.ml.errors import DataError, InputMissing, printable, private
from roundelay.ml.readers.folder import is_junk, names_in, read_file
from roundelay.ml.readers.limits import DEFAULT, Limits
from roundelay.ml.readers.source import DataSet, DatasetPart, Rows

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".pbm")
FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF", "PPM")
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
    inner = next((folder / name for name in names if _is_training(folder, name)), folder)
    return any(_is_folder(inner, name) and any(map(is_image, names_in(inner / name))) for name in names_in(inner))


def is_image(name: str) -> bool:
    """Return whether a file's name is that of an image."""
    return Path(name).suffix.lower() in SUFFIXES and not is_junk(name)


def read(
    folder: Path,
    options: ImageOptions | None = None,
    classless: bool = False,
    is_share: bool = False,
    limits: Limits = DEFAULT,
) -> DataSet:
    """Read the data set in a folder; with `classless`, its images may lie in the folder itself.

    is_share: it is one site's share of a data set, and may have a single class. Raises DataError, InputMissing.
    """
    options = options or ImageOptions()
    _require_pillow()
    names = names_in(folder)
    training = next((folder / name for name in names if _is_training(folder, name)), folder)
    if classless and training == folder and any(map(is_image, names)):
        paths = [folder / name for name in names if is_image(name)]
        part = DatasetPart(folder.name, np.zeros(len(paths), np.int64), lambda: _blocks(paths, options, limits))
        return DataSet("images", (part,), (), int(np.prod(options.shape)), (), True, options.shape)
    tests = [name for name in names if name.lower() in TEST_NAMES and _is_folder(folder, name)]
    test = folder / tests[0] if tests and training != folder else None
    labels = _classes(training)
    if len(labels) < (1 if is_share else 2):
        raise DataError(str(training), None, "holds fewer than two folders; expected a folder of images for each class")
    if test is not None and not set(_classes(test)) <= set(labels):
        raise DataError(str(test), None, f"has the classes {_classes(test)}, but the training part has {labels}")
    skipped = [n for n in names if folder / n not in (training, test) and training != folder and not is_junk(n)]
    parts = [_part(place, labels, options, skipped, limits) for place in (training, test) if place is not None]
    _check_filled(training, labels, parts[0])
    return DataSet(
        "images",
        tuple(parts[:1]),
        tuple(parts[1:]),
        int(np.prod(options.shape)),
        labels,
        True,
        options.shape,
        tuple(skipped),
    )


def _classes(folder: Path) -> tuple[str, ...]:
    return tuple(name for name in names_in(folder) if _is_folder(folder, name))


def _part(
    folder: Path, labels: tuple[str, ...], options: ImageOptions, skipped: list[str], limits: Limits
) -> DatasetPart:
    """Return the part of all images in the folders of the classes, ordered by class and name; note other files."""
    paths: list[Path] = []
    classes: list[int] = []
    for number, label in enumerate(labels):
        if (folder / label).is_dir():
            names = names_in(folder / label)
            found = [folder / label / name for name in names if is_image(name)]
            inner = next((name for name in names if _is_folder(folder / label, name)), None)
            if inner is not None:
                raise DataError(
                    str(folder / label),
                    None,
                    f"is the folder of a class, and holds a folder, {private(inner, 40)}: "
                    "move its images up, or name another folder",
                )
            skipped += [f"{label}/{name}" for name in names if not is_image(name) and not is_junk(name)]
            paths += found
            classes += [number] * len(found)
    if not 1 <= len(paths) <= IMAGES_MAX:
        raise DataError(str(folder), None, f"holds {len(paths)} images, expected 1 to {IMAGES_MAX}")
    return DatasetPart(folder.name, np.array(classes, np.int64), lambda: _blocks(paths, options, limits))


def _check_filled(folder: Path, labels: tuple[str, ...], part: DatasetPart) -> None:
    empty = [label for number, label in enumerate(labels) if not (part.y == number).any()]
    if empty:
        raise DataError(str(folder / empty[0]), None, "is the folder of a class, but holds no image: remove it")


def _blocks(paths: list[Path], options: ImageOptions, limits: Limits) -> Iterator[Rows]:
    for start in range(0, len(paths), IMAGES_A_BLOCK):
        yield np.stack([_decode_row(path, options, limits) for path in paths[start : start + IMAGES_A_BLOCK]])  # (n, d)


def _decode_row(path: Path, options: ImageOptions, limits: Limits) -> npt.NDArray[np.uint8]:
    """Decode an image of a folder: (d,). An error marks its name, which can be that of a person."""
    try:
        return decode(path, options, limits)
    except DataError as error:
        raise DataError(str(path.parent), None, f"{private(path.name)} {error.marked}") from error
    except InputMissing as error:
        raise InputMissing(f"an image in the folder {printable(path.parent.name)}: {private(error)}") from error


def decode(path: Path, options: ImageOptions, limits: Limits = DEFAULT) -> npt.NDArray[np.uint8]:
    """Decode an image into bytes, channel by channel: (d,). Raises DataError, InputMissing."""
    from PIL import Image

    try:
        content = io.BytesIO(read_file(path, limits))
        with warnings.catch_warnings(action="ignore"), Image.open(content, formats=FORMATS) as image:
            if image.width * image.height > PIXELS_MAX:
                raise DataError(
                    str(path), None, f"is {image.width} x {image.height}, expected at most {PIXELS_MAX} pixels"
                )
            return _bytes_of(path, image, options)
    except Image.UnidentifiedImageError as error:
        raise DataError(str(path), None, f"is not a readable image; expected {', '.join(FORMATS)}") from error
    except (OSError, ValueError, SyntaxError, MemoryError, EOFError, Image.DecompressionBombError) as error:
        raise DataError(str(path), None, f"is not a readable image: {private(error)}") from error


def _bytes_of(path: Path, image: Image.Image, options: ImageOptions) -> npt.NDArray[np.uint8]:
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits a pixel: keep the upper eight, whatever the image holds
        wide = np.asarray(image, np.int64)  # (h, w)
        if wide.min() < 0 or wide.max() > 0xFFFF:
            raise DataError(str(path), None, "has pixels of more than 16 bits: convert it to 8 or 16 bits")
        image = Image.fromarray((wide / 257).astype(np.uint8))
    elif image.mode == "F":
        raise DataError(str(path), None, "has pixels that are real numbers: convert it to 8 or 16 bits")
    if image.has_transparency_data:
        opaque = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", opaque.size, "white"), opaque)
    elif image.mode == "P":
        image = image.convert("RGB")
    mode = "RGB" if options.colour else "L"
    image = image.convert(mode).resize((options.side, options.side), Image.Resampling.BOX)
    pixels: npt.NDArray[np.uint8] = np.asarray(image, np.uint8).reshape(options.side, options.side, -1)  # (h, w, c)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)).reshape(-1)  # (d,)


def _require_pillow() -> None:
    try:
        import PIL  # noqa: F401
    except ImportError as error:
        raise InputMissing("reading images needs Pillow: python3 -m pip install 'roundelay[images]'") from error


def _is_training(folder: Path, name: str) -> bool:
    return name.lower() in TRAINING_NAMES and _is_folder(folder, name)


def _is_folder(folder: Path, name: str) -> bool:
    return (folder / name).is_dir() and not is_junk(name)
