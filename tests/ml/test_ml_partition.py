"""Splitting files anew: every row once, every file some, and as unlike as was asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from roundelay.ml import partition

LABELS = np.random.default_rng(1).integers(0, 10, 2000)  # (n,)


def classes(part: np.ndarray) -> int:
    return len(np.unique(LABELS[part]))


@pytest.mark.parametrize("how", partition.HOW)
@pytest.mark.parametrize("files", [1, 7, 40])
def test_every_row_is_in_one_file_and_no_file_is_empty(how: str, files: int) -> None:
    parts = partition.split(LABELS, files, how, seed=3)

    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(2000))
    assert len(parts) == files
    assert all(len(part) for part in parts)


@pytest.mark.parametrize("how", partition.HOW)
def test_a_seed_decides_everything(how: str) -> None:
    one, same, other = (partition.split(LABELS, 7, how, seed) for seed in (3, 3, 4))

    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_small_alpha_is_unlike_and_a_large_one_alike() -> None:
    def spread(alpha: float) -> float:
        """Mean distance of a file's classes from everybody's."""
        parts = partition.split(LABELS, 10, "dirichlet", 5, alpha=alpha)
        whole = np.bincount(LABELS, minlength=10) / len(LABELS)  # (classes,)
        return float(np.mean([np.abs(np.bincount(LABELS[p], minlength=10) / len(p) - whole).sum() for p in parts]))

    assert spread(0.1) > 2 * spread(1.0) > 4 * spread(100.0)


def test_shards_and_label_skew_bound_the_classes_of_a_file() -> None:
    assert max(classes(p) for p in partition.split(LABELS, 20, "shards", 5)) <= 4  # two shards, two classes each
    assert {classes(p) for p in partition.split(LABELS, 20, "label-skew", 5, each=3)} <= {2, 3}


def test_quantity_skew_is_about_sizes_only() -> None:
    parts = partition.split(LABELS, 8, "quantity-skew", 5, alpha=0.3)

    sizes = sorted(len(part) for part in parts)
    assert sizes[-1] > 10 * sizes[0]
    assert classes(max(parts, key=len)) == 10


def test_the_command_writes_the_folders_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    rows = [f"{i},{i + 1},{i % 3}" for i in range(60)]
    (source / "a").write_text("\n".join(rows[:30]) + "\n")
    (source / "b").write_bytes("\r\n".join(rows[30:]).encode())
    arguments = [str(source), str(out), "--files", "4", "--how", "dirichlet", "--alpha", "0.2", "--summary"]

    assert partition.main(arguments) == 0
    assert partition.main(arguments) == 0, "what it has written it may write again"

    written = [line for path in sorted(out.iterdir()) for line in path.read_text().splitlines()]
    assert sorted(written) == sorted(rows)
    drawn = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in drawn[-4:]] == ["part-0", "part-1", "part-2", "part-3"]


def test_it_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a").write_text("1,2,0\n1,2,1\n")

    assert partition.main([str(tmp_path), "--files", "3"]) == 65
    assert "there are 2 rows" in capsys.readouterr().err
    assert partition.main([str(tmp_path), str(tmp_path), "--files", "2"]) == 65
    assert "has other files in it" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        partition.main([str(tmp_path), "--how", "iid", "--alpha", "1"])
    assert "--alpha is for dirichlet and quantity-skew" in capsys.readouterr().err
