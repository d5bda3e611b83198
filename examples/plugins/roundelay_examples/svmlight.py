"""A reader: svmlight files, whose lines are CLASS INDEX:VALUE INDEX:VALUE ..., with indices from 1."""

import numpy as np


def read(path):
    """Return (x, y). An error in a line is reported with the path; the line's number belongs in the message."""
    classes, rows = [], []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            rows.append({int(index): float(value) for index, _, value in (word.partition(":") for word in words[1:])})
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
        classes.append(words[0])
    x = np.zeros((len(rows), max(map(max, filter(None, rows)))), np.float32)
    for at, row in enumerate(rows):
        for index, value in row.items():
            x[at, index - 1] = value
    return x, classes
