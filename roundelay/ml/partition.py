"""Split a folder of training files anew, as alike or as unlike as wanted.

Each way is a pure function of (labels, files, generator) that gives every row to one file, and every file
a row at least. Rows keep their bytes. What a client's files are like decides how well averaging works:
Hsu, Qi, Brown 2019 (Dirichlet), McMahan et al. 2017 (shards), Li et al. 2022 (label and quantity skew).
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Ints
from roundelay.ml.errors import DataError, MLError
from roundelay.ml.readers import folder, letters
from roundelay.ml.task import CLASSES_DEFAULT

Rng = np.random.Generator
Parts = list[Ints]  # the rows of each file, in their order

SHARDS_A_FILE = 2
CLASSES_A_FILE = 2
ALPHA = 0.5
FILES_MAX = 100_000
SHADES = " .:-=+*#%@"


def iid(labels: Ints, files: int, rng: Rng) -> Parts:
    """All alike: shuffled, and cut into equal parts."""
    return [np.sort(part) for part in np.array_split(rng.permutation(len(labels)), files)]


def dirichlet(labels: Ints, files: int, rng: Rng, alpha: float = ALPHA) -> Parts:
    """Each class is shared out by proportions drawn from Dirichlet(alpha): 100 is nearly alike, 0.1 hardly."""
    shares = [rng.dirichlet(np.full(files, alpha)) for _ in range(labels.max() + 1)]  # (files,) of each class
    return _none_empty(_share_classes(labels, files, rng, shares), rng)


def shards(labels: Ints, files: int, rng: Rng, each: int = SHARDS_A_FILE) -> Parts:
    """Sorted by class, cut into `each` shards a file, and dealt out: most files know few classes."""
    by_class = np.argsort(labels, kind="stable")  # (n,)
    pieces = np.array_split(by_class, files * each)
    dealt = rng.permutation(files * each).reshape(files, each)  # (files, each)
    return [np.sort(np.concatenate([pieces[piece] for piece in hand])) for hand in dealt]


def label_skew(labels: Ints, files: int, rng: Rng, each: int = CLASSES_A_FILE) -> Parts:
    """Every file has rows of `each` classes only, or of more where there are more classes than that holds."""
    classes = labels.max() + 1
    holders: list[list[int]] = [[] for _ in range(classes)]
    deck = np.concatenate([rng.permutation(classes) for _ in range(-(-max(files * each, classes) // classes))])
    for place, label in enumerate(deck[: max(files * each, classes)].tolist()):
        holders[label].append(place % files)
    shares = [np.bincount(hands, minlength=files) / len(hands) for hands in holders]  # (files,) of each class
    return _none_empty(_share_classes(labels, files, rng, shares), rng)


def quantity_skew(labels: Ints, files: int, rng: Rng, alpha: float = ALPHA) -> Parts:
    """Alike in their classes, unlike in their sizes: the proportions are drawn from Dirichlet(alpha)."""
    ends = np.rint(np.cumsum(rng.dirichlet(np.full(files, alpha))) * len(labels)).astype(np.int64)  # (files,)
    return _none_empty([np.sort(part) for part in np.split(rng.permutation(len(labels)), ends[:-1])], rng)


HOW: dict[str, Callable[..., Parts]] = {
    "iid": iid,
    "dirichlet": dirichlet,
    "shards": shards,
    "label-skew": label_skew,
    "quantity-skew": quantity_skew,
}
TAKES = {"dirichlet": "alpha", "quantity-skew": "alpha", "shards": "each", "label-skew": "each"}


def split(labels: Ints, files: int, how: str, seed: int, **tuning: float) -> Parts:
    """The rows of every file. Raises DataError where there are fewer rows than files."""
    if not 1 <= files <= min(len(labels), FILES_MAX):
        raise DataError("--files", None, f"is {files}: there are {len(labels)} rows, and a file has one at least")
    return HOW[how](labels, files, np.random.default_rng(seed), **tuning)


def summary(labels: Ints, parts: Parts) -> str:
    """Classes by file, as a drawing: the darker, the larger the class's part of the file."""
    classes = int(labels.max()) + 1
    lines = [f"{'file':<10}{'rows':>7}  classes 0 to {classes - 1}, from none ' ' to all '{SHADES[-1]}'"]
    for place, part in enumerate(parts):
        share = np.bincount(labels[part], minlength=classes) / len(part)  # (classes,)
        shades = np.ceil(share * (len(SHADES) - 1)).astype(np.int64)  # (classes,)
        lines.append(f"{file_name(place, len(parts)):<10}{len(part):>7}  |{''.join(SHADES[s] for s in shades)}|")
    return "\n".join(lines)


def file_name(place: int, count: int) -> str:
    """part-007: names that sort as they are counted."""
    return f"part-{place:0{len(str(count - 1))}d}"


def read(directory: Path, classes: int, validation: Path | None = None) -> tuple[list[bytes], Ints]:
    """Every row of a folder's training files, as it stands there, and its class. Raises MLError."""
    lines: list[bytes] = []
    labels: list[npt.NDArray[np.int64]] = []
    features = None
    for path in folder.list_training_files(directory, validation).files:
        content = folder.read_file(path)
        samples = letters.parse(str(path), content, features, classes)
        features = samples.features
        lines += content.replace(b"\r\n", b"\n").rstrip().split(b"\n")
        labels.append(samples.y)
    return lines, np.concatenate(labels)


# --- the command


def main(arguments: Sequence[str]) -> int:
    chosen = _parser().parse_args(arguments)
    try:
        lines, labels = read(chosen.directory, chosen.classes, chosen.directory / chosen.validation)
        parts = split(labels, chosen.files, chosen.how, chosen.seed, **_tuning(chosen))
        if chosen.out is not None:
            _write(chosen.out, lines, parts)
    except MLError as error:
        print(error, file=sys.stderr)
        return 65
    except OSError as error:
        print(f"cannot write {error.filename}: {error.strerror}", file=sys.stderr)
        return 73
    if chosen.summary:
        print(summary(labels, parts))
    elif chosen.out is not None:
        print(f"{chosen.out}: {len(parts)} files, {len(lines)} rows, {chosen.how}")
    return 0


def _write(out: Path, lines: list[bytes], parts: Parts) -> None:
    """One file a part. Raises OSError; DataError for a folder that has other files in it."""
    if out.exists() and any(not entry.name.startswith("part-") for entry in out.iterdir()):
        raise DataError(str(out), None, "has other files in it: name a folder of its own")
    out.mkdir(parents=True, exist_ok=True)
    for old in out.iterdir():
        old.unlink()
    for place, part in enumerate(parts):
        content = b"".join(lines[row] + b"\n" for row in part)
        (out / file_name(place, len(parts))).write_bytes(content)


def _tuning(chosen: argparse.Namespace) -> dict[str, float]:
    """What the chosen way is told. Ends with exit code 2 for what it does not take."""
    given = {name: getattr(chosen, name) for name in ("alpha", "each") if getattr(chosen, name) is not None}
    for name in given:
        if TAKES.get(chosen.how) != name:
            _parser().error(f"--{name} is for {' and '.join(how for how, takes in TAKES.items() if takes == name)}")
    return given


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m roundelay.ml.partition", description="Split training files anew.")
    parser.add_argument("directory", type=Path, metavar="DIR", help="folder of training files")
    parser.add_argument("out", type=Path, nargs="?", metavar="OUT", help="folder for the new ones")
    parser.add_argument("--files", type=int, default=8, metavar="N", help="how many (default: %(default)s)")
    parser.add_argument("--how", choices=tuple(HOW), default="iid", help="(default: %(default)s)")
    parser.add_argument("--alpha", type=_positive, metavar="A", help=f"of Dirichlet (default: {ALPHA})")
    parser.add_argument(
        "--each", type=int, choices=range(1, 1001), metavar="K", help="shards, or classes, a file (default: 2)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="(default: %(default)s)")
    parser.add_argument("--classes", type=int, default=CLASSES_DEFAULT, help="(default: %(default)s)")
    parser.add_argument(
        "--validation",
        default="validate_letters.txt",
        metavar="NAME",
        help="a file of DIR that is no training file (default: %(default)s)",
    )
    parser.add_argument("--summary", action="store_true", help="draw classes by file")
    return parser


def _positive(text: str) -> float:
    number = float(text)
    if not 1e-6 <= number <= 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not between 1e-6 and 1e6")
    return number


# --- helpers


def _share_classes(labels: Ints, files: int, rng: Rng, shares: Sequence[npt.NDArray[np.float64]]) -> Parts:
    """Each class's rows, shuffled, to the files by these proportions."""
    parts: list[list[Ints]] = [[] for _ in range(files)]
    for label, share in enumerate(shares):
        rows = rng.permutation(np.flatnonzero(labels == label))  # (rows of the class,)
        ends = np.rint(np.cumsum(share) * len(rows)).astype(np.int64)  # (files,)
        for part, some in zip(parts, np.split(rows, ends[:-1]), strict=True):
            part.append(some)
    return [np.sort(np.concatenate(part)) for part in parts]


def _none_empty(parts: Parts, rng: Rng) -> Parts:
    """A file without rows gets one of the largest file's."""
    parts = list(parts)
    for place, part in enumerate(parts):
        if not len(part):
            largest = max(range(len(parts)), key=lambda other: len(parts[other]))
            taken = int(rng.integers(len(parts[largest])))
            parts[place] = parts[largest][taken : taken + 1]
            parts[largest] = np.delete(parts[largest], taken)
    return parts


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
