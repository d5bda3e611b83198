"""A saved model that is damaged, or made to harm its reader, is refused in one line and in bounded memory."""

from __future__ import annotations

import io
import json
import os
import tracemalloc
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.federation import spec
from roundelay.ml.errors import DataError, MLError
from roundelay.ml.readers import saved_model
from roundelay.ml.readers.model_arrays import BYTES_MAX
from tests.formats_folder import FORMATS
from tests.processes import client_here

NPZ, SAFETENSORS = FORMATS / "model-1.npz", FORMATS / "model-1.safetensors"
MEGABYTE = 1 << 20


def arrays() -> dict[str, npt.NDArray[Any]]:
    with np.load(NPZ) as kept:
        return {name: kept[name] for name in kept}


def with_member(path: Path, name: str, content: bytes) -> Path:
    """Write the kept model with other bytes for one array."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, array in (arrays() | {name: np.zeros(0)}).items():
            member = io.BytesIO()
            np.save(member, array)
            archive.writestr(f"{each}.npy", content if each == name else member.getvalue())
    return path


def header(descr: str, shape: tuple[int, ...]) -> bytes:
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def as_safetensors(path: Path, metadata: Mapping[str, object] = {}, weights: Mapping[str, object] = {}) -> Path:
    content = SAFETENSORS.read_bytes()
    size = 8 + int.from_bytes(content[:8], "little")
    kept = json.loads(content[8:size])
    kept["__metadata__"].update(metadata)
    kept["weights"].update(weights)
    text = json.dumps(kept).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[size:])
    return path


def require_refusal(path: Path) -> None:
    """Require one line, and less memory than the file claims."""
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="is not a saved model") as refused:
            saved_model.load(path)
        assert tracemalloc.get_traced_memory()[1] < 64 * MEGABYTE
    finally:
        tracemalloc.stop()
    assert str(refused.value).isprintable() and len(str(refused.value)) < 1000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY\x01\x00\xff\x00" + b"{" * 255,
        b"\x93NUMPY\x02\x00" + (1 << 31).to_bytes(4, "little"),
        b"\x80\x04cos\nabort\n(tR.",
        header("|O", (3,)) + b"\x80\x04cos\nabort\n(tR.",
        header("<f4", (1 << 40,)),
        header("<f4", (1 << 62, 1 << 62)),
        header("<f4", (17,)),
        header("<f4", (BYTES_MAX["weights"] // 4 + 1,)) + bytes(MEGABYTE),
    ],
)
def test_an_array_that_is_not_what_its_header_says_is_refused(content: bytes, tmp_path: Path) -> None:
    require_refusal(with_member(tmp_path / "model.npz", "weights", content))


def test_an_array_that_unpacks_to_more_than_a_model_has_is_refused(tmp_path: Path) -> None:
    characters = 25 * MEGABYTE
    member = header(f"<U{characters}", ()) + bytes(4 * characters)

    require_refusal(with_member(tmp_path / "model.npz", "labels", member))


def test_a_label_that_a_job_takes_can_be_loaded() -> None:
    assert saved_model.LABEL_CHARACTERS_MAX == spec.NAME_CHARACTERS_MAX


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", np.inf),
        ("sizes", [2, np.inf, 2]),
        ("shape", [np.inf, 1, 1]),
        ("activation", "x" * 1000),
        ("activation", "\x1b[2J\n"),
        ("task", "x" * 1000),
        ("labels", '["\\u001b[2J", "dog"]'),
        ("labels", '["\\u202ecat", "dog"]'),
        ("labels", '["cat", 5]'),
        ("labels", json.dumps(["cat", "d" * 301])),
        ("encoding", '{"columns": ["a", "b"], "special": {}, "label": "", "place": 1000, "dropped": []}'),
        ("encoding", '{"columns": ["a", "b"], "special": {}, "label": "", "place": 0, "dropped": [0]}'),
        ("encoding", '{"columns": ["a", "b"], "special": {}, "label": "", "place": -1, "dropped": [-1]}'),
    ],
)
def test_a_value_that_no_job_saves_is_refused(name: str, value: object, tmp_path: Path) -> None:
    np.savez(tmp_path / "model.npz", allow_pickle=False, **(arrays() | {name: np.array(value)}))

    require_refusal(tmp_path / "model.npz")


@pytest.mark.parametrize(
    "metadata", [{"sizes": "[1e400]"}, {"format": "1e400"}, {"shape": "[99999999999999999999]"}, {"model": "x" * 9999}]
)
def test_metadata_that_no_job_saves_are_refused(metadata: dict[str, str], tmp_path: Path) -> None:
    require_refusal(as_safetensors(tmp_path / "model.safetensors", metadata))


@pytest.mark.parametrize(
    "weights", [{"shape": [99]}, {"data_offsets": [0, 1 << 40], "shape": [1 << 38]}, {"data_offsets": [0, 1e9]}]
)
def test_a_tensor_that_is_not_there_is_refused(weights: dict[str, object], tmp_path: Path) -> None:
    require_refusal(as_safetensors(tmp_path / "model.safetensors", weights=weights))


@given(st.sampled_from([NPZ, SAFETENSORS]), st.booleans(), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255))))
def test_no_byte_of_a_model_raises_another_error(
    tmp_path_factory: pytest.TempPathFactory, kept: Path, packed: bool, changes: list[tuple[float, int]]
) -> None:
    content = bytearray(kept.read_bytes())
    if packed and kept == NPZ:
        made = io.BytesIO()
        np.savez_compressed(made, allow_pickle=False, **arrays())
        content = bytearray(made.getvalue())
    for place, byte in changes:
        content[int(place * (len(content) - 1))] = byte
    path = tmp_path_factory.mktemp("models") / kept.name
    path.write_bytes(content)

    try:
        saved_model.load(path)
    except MLError as refused:
        assert str(refused).isprintable()


@pytest.mark.parametrize("name", ["os:abort", "os:system", "logging.config:listen"])
def test_a_model_runs_no_function_of_python_itself(name: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "model.npz", allow_pickle=False, **(arrays() | {"model": np.array(name)}))
    (tmp_path / "rows.csv").write_text("1,2\n3,4\n")

    outcome = client_here("predict", str(tmp_path / "model.npz"), str(tmp_path / "rows.csv"))

    assert outcome.code != 0
    assert f"{name.partition(':')[0]} belongs to Python and has no plugins" in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_pipe_is_no_model_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.npz")

    outcome = client_here("predict", str(tmp_path / "model.npz"), "letters")

    assert (outcome.code, outcome.err.count("\n")) == (65, 1)
    assert "model.npz: is not a regular file" in outcome.err
