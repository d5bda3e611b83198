"""The pictures of `inspect` and `describe` in the documents, made from what these commands print.

python -m roundelay.cli.pictures [FOLDER]
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from roundelay.cli.tables import print_description, print_understood
from roundelay.ml.description import describe
from roundelay.ml.readers import dataset
from roundelay.ml.readers.understood import understand
from roundelay.node.subprocesses import ROOT

FOLDER = ROOT / "docs" / "pictures"
DATA = "letters"
COLUMNS = 100
FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)  # rich's are on a server of others

Show = Callable[[Console], None]


def main(arguments: list[str]) -> int:
    """Write one picture for each command."""
    folder = Path(arguments[0]) if arguments else FOLDER
    data = dataset.read(ROOT / DATA)
    commands: dict[str, Show] = {
        "inspect": lambda out: print_understood(understand(data), out),
        "describe": lambda out: print_description(describe(data), out),
    }
    for name, show in commands.items():
        (folder / f"{name}.svg").write_text(picture(f"python3 client.py {name} {DATA}", show))
    return 0


def picture(title: str, show: Show) -> str:
    """Return what is shown on a console, as SVG with the fonts of the reader's machine."""
    out = Console(record=True, width=COLUMNS, file=io.StringIO(), highlight=False, force_terminal=True)
    show(out)
    drawn = out.export_svg(title=title, unique_id="console")
    return FONTS.sub("", drawn).replace("Fira Code", "monospace")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
