"""Folders of JPEG and PNG images, made by the tests: decoding, and errors that name the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roundelay.ml.data import Samples
from roundelay.ml.design import Design
from roundelay.ml.errors import DataError, InputMissing, MLError
from roundelay.ml.models.catalogue import learner
from roundelay.ml.models.learner import evaluate
from roundelay.ml.readers import images
from roundelay.ml.readers.dataset import ReadOptions, read
from roundelay.ml.readers.images import ImageOptions
from roundelay.ml.readers.source import DataSet
from roundelay.ml.training_plan import TrainConfig
from tests.ml.made_data import pixels
from tests.ml.ml_oracles import SHARED

Image = pytest.importorskip("PIL.Image", reason="Pillow reads images: the extra images")

SIDE = 8
GREY = ReadOptions(images=ImageOptions(SIDE))


def write(folder: Path, x: np.ndarray, y: np.ndarray, suffix: str = "png") -> None:
    """Write each image to a file in the folder of its class."""
    for number, (image, label) in enumerate(zip(x, y, strict=True)):
        place = folder / ("NORMAL", "PNEUMONIA")[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{number:03}.{suffix}", **({"quality": 95} if suffix != "png" else {}))


def rows_of(found: DataSet) -> np.ndarray:
    return np.concatenate([block for part in found.training for block in part.blocks()])


def one(folder: Path, image: Any, suffix: str = "png", options: ImageOptions = GREY.images) -> np.ndarray:
    """Save an image and decode it."""
    image.save(folder / f"it.{suffix}")
    return images.decode(folder / f"it.{suffix}", options)


def test_a_png_of_the_right_size_keeps_its_pixels(tmp_path: Path) -> None:
    x, y = pixels(6, (SIDE, SIDE), 2)
    write(tmp_path / "train", x, y)
    write(tmp_path / "test", x[:2], y[:2])

    found = read(tmp_path, GREY)

    order = np.argsort(y, kind="stable")
    assert np.array_equal(rows_of(found), x.reshape(6, -1)[order])
    assert (found.kind, found.labels, found.shape) == ("images", ("NORMAL", "PNEUMONIA"), (1, SIDE, SIDE))
    assert (found.training[0].y.tolist(), found.test[0].rows) == ([0, 0, 0, 1, 1, 1], 2)


def test_colour_comes_channel_by_channel(tmp_path: Path) -> None:
    x, y = pixels(4, (SIDE, SIDE, 3), 2)
    write(tmp_path, x, y)

    found = read(tmp_path, ReadOptions(images=ImageOptions(SIDE, colour=True)))

    assert found.shape == (3, SIDE, SIDE)
    assert np.array_equal(rows_of(found)[0].reshape(3, SIDE, SIDE), x[0].transpose(2, 0, 1))


@pytest.mark.parametrize("suffix", ["jpeg", "jpg"])
def test_a_jpeg_of_the_right_size_nearly_keeps_its_pixels(suffix: str, tmp_path: Path) -> None:
    ramp = np.add.outer(np.arange(SIDE), np.arange(SIDE)).astype(np.uint8) * 15  # (h, w)

    found = one(tmp_path, Image.fromarray(ramp), suffix, GREY.images)

    assert np.abs(found.astype(int) - ramp.reshape(-1)).max() <= 8


def test_a_larger_image_is_averaged_down(tmp_path: Path) -> None:
    x = np.kron(np.array([[0, 80], [160, 240]], np.uint8), np.ones((20, 30), np.uint8))  # (40, 60)

    assert one(tmp_path, Image.fromarray(x), options=ImageOptions(2)).tolist() == [0, 80, 160, 240]


def test_every_depth_and_palette_becomes_grey_bytes(tmp_path: Path) -> None:
    grey = Image.fromarray(np.full((SIDE, SIDE), 200, np.uint8))
    deep = Image.fromarray(np.full((SIDE, SIDE), 200 * 257, np.uint16))

    for image in (grey, deep, grey.convert("RGB"), grey.convert("RGBA"), grey.convert("P"), grey.convert("LA")):
        assert set(one(tmp_path, image)) == {200}, image.mode
    assert set(one(tmp_path, grey.convert("1", dither=Image.Dither.NONE))) == {255}


def test_images_of_16_bits_keep_their_scale(tmp_path: Path) -> None:
    dark = Image.fromarray(np.full((SIDE, SIDE), 255, np.uint16))
    bright = Image.fromarray(np.full((SIDE, SIDE), 65_535, np.uint16))

    assert set(one(tmp_path, dark)) == {0}
    assert set(one(tmp_path, bright)) == {255}


def test_a_shape_in_the_alpha_channel_is_seen(tmp_path: Path) -> None:
    x = np.zeros((SIDE, SIDE, 4), np.uint8)
    x[: SIDE // 2, :, 3] = 255  # black above, transparent below

    found = one(tmp_path, Image.fromarray(x)).reshape(SIDE, SIDE)

    assert set(found[: SIDE // 2].ravel()) == {0}
    assert set(found[SIDE // 2 :].ravel()) == {255}


def test_a_photograph_is_turned_as_its_orientation_says(tmp_path: Path) -> None:
    x = np.zeros((SIDE, SIDE), np.uint8)
    x[:2] = 200
    image = Image.fromarray(x)
    exif = image.getexif()
    exif[0x0112] = 6  # turn by 90 degrees to the right
    image.save(tmp_path / "it.png", exif=exif)

    assert np.array_equal(images.decode(tmp_path / "it.png", GREY.images).reshape(SIDE, SIDE), np.rot90(x, -1))


@pytest.mark.parametrize("suffix", ["bmp", "webp", "tif", "gif", "ppm"])
def test_other_formats_are_read(suffix: str, tmp_path: Path) -> None:
    grey = np.full((SIDE, SIDE, 3), 200, np.uint8)

    assert set(one(tmp_path, Image.fromarray(grey), suffix)) <= {199, 200, 201}


def test_junk_is_ignored_and_other_files_are_named(tmp_path: Path) -> None:
    write(tmp_path, *pixels(4, (SIDE, SIDE), 2))
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "NORMAL" / "Thumbs.db").write_bytes(b"")
    (tmp_path / "NORMAL" / "notes.txt").write_bytes(b"")

    found = read(tmp_path, GREY)

    assert (found.labels, found.skipped) == (("NORMAL", "PNEUMONIA"), ("NORMAL/notes.txt",))


def test_a_class_without_images_and_a_nested_folder_are_refused(tmp_path: Path) -> None:
    write(tmp_path, *pixels(4, (SIDE, SIDE), 2))
    (tmp_path / "OTHER").mkdir()
    with pytest.raises(DataError, match="OTHER: is the folder of a class, but holds no image: remove it"):
        read(tmp_path, GREY)
    (tmp_path / "OTHER" / "inner").mkdir()
    with pytest.raises(DataError, match="OTHER: is the folder of a class, and holds a folder, inner"):
        read(tmp_path, GREY)


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n", b"GIF89a" + bytes(20)])
def test_a_file_that_is_not_an_image_is_named(content: bytes, tmp_path: Path) -> None:
    write(tmp_path, *pixels(4, (SIDE, SIDE), 2))
    (tmp_path / "NORMAL" / "bad.png").write_bytes(content)

    with pytest.raises(DataError, match=r"bad\.png is not a readable image") as caught:
        rows_of(read(tmp_path, GREY))

    assert "\n" not in str(caught.value)
    assert caught.value.without_values().startswith("NORMAL: ... is not a readable image")  # it may name a person


def test_an_image_that_cannot_be_read_is_named_to_its_owner_only(tmp_path: Path) -> None:
    write(tmp_path, *pixels(4, (SIDE, SIDE), 2))
    found = read(tmp_path, GREY)
    gone = sorted((tmp_path / "NORMAL").iterdir())[0]
    gone.unlink()

    with pytest.raises(InputMissing, match=gone.name) as caught:
        rows_of(found)

    assert caught.value.without_values() == "an image in the folder NORMAL: ..."


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "PIXELS_MAX", 63)
    monkeypatch.setattr(images, "_bytes_of", lambda *_: pytest.fail("decoded"))

    with pytest.raises(DataError, match="is 8 x 8, expected at most 63 pixels"):
        one(tmp_path, Image.fromarray(pixels(1, (SIDE, SIDE))[0][0]))


@pytest.mark.parametrize("suffix", ["png", "jpeg"])
def test_damaged_images_are_read_or_refused(suffix: str, tmp_path: Path) -> None:
    one(tmp_path, Image.fromarray(pixels(1, (SIDE, SIDE))[0][0]), suffix)
    path, rng = tmp_path / f"it.{suffix}", np.random.default_rng(0)
    good = path.read_bytes()

    for _ in range(300):
        bad = bytearray(good[: rng.integers(1, len(good) + 1)])
        for place in rng.integers(0, len(bad), 3):
            bad[place] = rng.integers(256)
        path.write_bytes(bad)
        try:
            assert images.decode(path, GREY.images).shape == (SIDE * SIDE,)
        except MLError as error:
            assert str(path) in str(error)
            assert "\n" not in str(error)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real data are not here")
def test_real_x_rays_from_files_are_learned(tmp_path: Path) -> None:
    with np.load(SHARED / "pneumonia" / "pneumoniamnist.npz") as arrays:
        x, y = arrays["train_images"], arrays["train_labels"][:, 0]
    some = np.concatenate([np.flatnonzero(y == label)[:100] for label in (0, 1)])  # (200,)
    write(tmp_path, x[some[::2]], y[some[::2]], "jpeg")
    write(tmp_path, x[some[1::2]], y[some[1::2]], "png")

    found = read(tmp_path, ReadOptions(images=ImageOptions(28)))

    samples = Samples(rows_of(found).astype(np.float32) / np.float32(255), found.training[0].y)
    model = learner(Design((784, 2), "softmax"))
    trained = model.train(model.init_weights(0), samples, TrainConfig(epochs=20, eta=0.02), 0)
    assert samples.rows == 200
    assert evaluate(model, trained, samples).errors < samples.rows / 10
