"""Hooks of mkdocs: pages that are generated, and links that leave docs/.

The documents link to code and to files beside docs/, as one reads them in a checkout. On the site each such file is a
page below source/. The first page is the README. The options of every command, the Python API, the exit codes and
service.thrift are written from the code.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import roundelay  # noqa: E402
from roundelay.cli import commands, compute_node, exits, supernode  # noqa: E402
from roundelay.cli.main import SERVERS, SUBCOMMANDS  # noqa: E402

LINK = re.compile(r"(!?)\[((?:[^\[\]`]|`[^`]*`)*)\]\(([^()\s]+)\)")
LANGUAGES = {".py": "python", ".toml": "toml", ".json": "json", ".thrift": "thrift", ".ipynb": "json", ".sh": "bash"}
TEXT_BYTES_MAX = 400_000
os.environ["COLUMNS"] = "100"


# --- hooks


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages."""
    from mkdocs.structure.files import File

    pages = {"index.md": (ROOT / "README.md").read_text()} | dict(_reference())
    for path in sorted(_linked_from_docs()):
        pages[_page_of(path)] = _as_page(path)
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Point the links of a page to pages of the site."""
    name = page.file.src_uri
    return LINK.sub(lambda found: _link(found, name), markdown)


# --- links


def _origin(page: str) -> Path:
    """Return the file of the checkout that a page shows."""
    if page == "index.md":
        return ROOT / "README.md"
    if page.startswith("source/"):
        path = ROOT / page.removeprefix("source/")
        return path if path.suffix == ".md" and path.is_file() else path.with_suffix("")
    return ROOT / "docs" / page


def _link(found: re.Match[str], page: str) -> str:
    mark, label, target = found.groups()
    if re.match(r"[a-z]+:", target) or target.startswith("#"):
        return found[0]
    path, hash_mark, anchor = target.partition("#")
    there = (_origin(page).parent / path).resolve()
    if not there.is_relative_to(ROOT) or not there.exists():
        return found[0]
    wanted = os.path.relpath(_page_of(there), PurePosixPath(page).parent)
    return f"{mark}[{label}]({wanted}{hash_mark}{anchor})"


def _page_of(path: Path) -> str:
    """Return the page that shows a file or folder of the checkout."""
    if path == ROOT / "README.md":
        return "index.md"
    docs = ROOT / "docs"
    if path.is_relative_to(docs) and path.is_file():
        return path.relative_to(docs).as_posix()
    if path.is_relative_to(docs) and (path / "README.md").is_file():
        return (path / "README.md").relative_to(docs).as_posix()
    name = path.relative_to(ROOT).as_posix()
    return f"source/{name}" if path.suffix == ".md" else f"source/{name}.md"


def _linked_from_docs() -> set[Path]:
    """Return the files outside docs/ that documents link to, also those that such documents link to."""
    found: set[Path] = set()
    waiting = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    while waiting:
        document = waiting.pop()
        for _, _, target in LINK.findall(document.read_text()):
            path = (document.parent / target.partition("#")[0]).resolve()
            inside = path.is_relative_to(ROOT / "docs") and (path.is_file() or (path / "README.md").is_file())
            if re.match(r"[a-z]+:|#", target) or inside or path in found or path == ROOT / "README.md":
                continue
            if path.exists() and path.is_relative_to(ROOT):
                found.add(path)
                waiting += [path] if path.suffix == ".md" else []
    return found


def _as_page(path: Path) -> str:
    """Return a file or folder as a page."""
    name = path.relative_to(ROOT).as_posix()
    if path.suffix == ".md":
        return path.read_text()
    if path.is_dir():
        names = sorted(each.name + "/" * each.is_dir() for each in path.iterdir() if each.name[0] not in "._")
        return f"# {name}/\n\n" + "".join(f"- `{each}`\n" for each in names)
    text = path.read_bytes()[:TEXT_BYTES_MAX].decode(errors="replace")
    return f"# {name}\n\n````{LANGUAGES.get(path.suffix, 'text')}\n{text}\n````\n"


# --- pages that are written from the code


def _reference() -> Iterator[tuple[str, str]]:
    yield "reference/commands.md", _commands()
    yield "reference/python.md", _python()
    yield "reference/exit-codes.md", _exit_codes()
    thrift = (ROOT / "service.thrift").read_text()
    yield (
        "reference/service.md",
        f"# service.thrift\n\nEvery call and every value on the wire.\n\n````thrift\n{thrift}\n````\n",
    )


def _commands() -> str:
    """Return all options of all commands."""
    lines = ["# Commands", "", "Every option; `--help` shows the common ones, and `--help-all` these."]
    makers = {word: commands.parser_of(word) for word in SUBCOMMANDS}
    makers |= {"supernode": supernode.parser, "node": compute_node.parser}
    for word, make in makers.items():
        about = (SUBCOMMANDS | SERVERS)[word]
        lines += ["", f"## roundelay {word}", "", f"{about[0].upper()}{about[1:]}.", ""]
        lines += ["```text", exits.as_console_script(make(("--help-all",)).format_help()).rstrip(), "```"]
    return "\n".join(lines) + "\n"


def _python() -> str:
    """Return the signature and description of each exported name."""
    lines = ["# Python", "", "What `import roundelay` exports. [How to use it](../python-api.md) has examples."]
    for name in roundelay.__all__:
        try:
            found = getattr(roundelay, name)
        except roundelay.ClientError:
            lines += ["", f"## {name}", "", "Needs an extra: see [the Python API](../python-api.md)."]
            continue
        lines += ["", f"## {name}", "", *_described(found, name)]
        if inspect.isclass(found):
            for member, value in sorted(vars(found).items()):
                if not member.startswith("_") and inspect.isfunction(value) and value.__doc__:
                    lines += ["", f"### {name}.{member}", "", *_described(value, member)]
    return "\n".join(lines) + "\n"


def _described(found: Any, name: str) -> list[str]:
    try:
        signature = f"{name}{inspect.signature(found)}".replace("roundelay.client.", "").replace("NoneType", "None")
    except (TypeError, ValueError):
        signature = name
    return ["```python", signature, "```", "", inspect.getdoc(found) or ""]


def _exit_codes() -> str:
    """Return the table of exit codes."""
    meanings = {
        0: "done",
        exits.FAILED: "the job failed, or a check did not hold",
        exits.USAGE: "wrong usage",
        exits.DATA: "bad data; the message names file and line",
        exits.NO_INPUT: "no such input",
        exits.UNAVAILABLE: "a service or an extra is not available",
        exits.SOFTWARE: "an internal error",
        exits.CANNOT_CREATE: "a result cannot be written",
        exits.REFUSED: "refused",
        130: "interrupted (Ctrl-C)",
        143: "terminated (SIGTERM)",
    }
    rows = "".join(f"| {code} | {meaning} |\n" for code, meaning in meanings.items())
    return f"# Exit codes\n\nOf every program, as in sysexits.h.\n\n| code | meaning |\n| --- | --- |\n{rows}"
