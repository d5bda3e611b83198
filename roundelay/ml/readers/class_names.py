"""Whether the values of a column can be the names of classes."""

from __future__ import annotations

from roundelay.ml.errors import DataError, private

CLASSES_PLAIN = 20  # more classes than this must have several rows each


def check_classes(source: str, name: str, labels: tuple[str, ...], rows: int) -> None:
    """Raise DataError unless the classes in a column are such, and no two of them are meant to be one."""
    if len(labels) < 2:
        raise DataError(source, None, f"has only one class, '{private(labels[0], 20)}', in {name}: check --label")
    real = next((label for label in labels if _is_real(label)), None)
    if real is not None or (len(labels) > CLASSES_PLAIN and 2 * len(labels) > rows):
        what = (
            f"real numbers such as {private(real)}"
            if real is not None
            else f"{len(labels)} different values in {rows} rows"
        )
        advice = "name another one with --label, or say --task regression"
        raise DataError(source, None, f"{name} is to be the class, but holds {what}: {advice}")
    alike: dict[str, str] = {}
    for label in labels:
        other = alike.setdefault(_key(label), label)
        if other != label:
            raise DataError(
                source,
                None,
                f"the classes '{private(other, 40)}' and '{private(label, 40)}' look like one: use one spelling",
            )


def _is_real(label: str) -> bool:
    try:
        return float(label) != round(float(label))
    except (ValueError, OverflowError):
        return False


def _key(label: str) -> str:
    """Return what spellings of one class have in common."""
    try:
        return repr(float(label))
    except ValueError:
        return label.casefold()
