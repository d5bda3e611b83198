"""client.py completion SHELL: print a script by which a shell completes subcommands, options and their values.

source <(roundelay completion bash)       zsh: the same after `autoload bashcompinit && bashcompinit`
roundelay completion fish > ~/.config/fish/completions/roundelay.fish
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from roundelay.cli import commands, compute_node, parser_base, supernode
from roundelay.cli.main import SERVERS, SUBCOMMANDS

SHELLS = ("bash", "zsh", "fish")
PROGRAM = "roundelay"


def parser(arguments: Sequence[str]) -> parser_base.Parser:
    """Return the command line."""
    about = "Print a script by which a shell completes subcommands and options."
    made = parser_base.Parser("client.py completion", about, "python3 client.py completion bash", arguments)
    made.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    return made


def run(chosen: parser_base.Namespace) -> int:
    """Print the script."""
    words = options_of_all()
    print(_fish(words) if chosen.shell == "fish" else _bash(words))
    return 0


def options_of_all() -> dict[str, dict[str, tuple[str, ...]]]:
    """Return by subcommand its options, also those of --help-all, and the values that each may have."""
    makers = {word: commands.parser_of(word) for word in SUBCOMMANDS}
    makers |= {"supernode": supernode.parser, "node": compute_node.parser}
    return {word: _options(make(("--help-all",))) for word, make in makers.items()}


def _options(made: argparse.ArgumentParser) -> dict[str, tuple[str, ...]]:
    return {
        flag: tuple(map(str, action.choices or ()))
        for flag, action in made._option_string_actions.items()
        if flag.startswith("--") and action.help != argparse.SUPPRESS
    }


def _bash(words: dict[str, dict[str, tuple[str, ...]]]) -> str:
    """Return a script for bash, which zsh runs too."""
    options = "\n".join(f"    {word}) flags='{' '.join(options)}' ;;" for word, options in words.items())
    values = "\n".join(
        f"    {word}:{flag}) values='{' '.join(choices)}' ;;"
        for word, options in words.items()
        for flag, choices in options.items()
        if choices
    )
    return f"""_{PROGRAM}() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} flags='' values=''
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '{" ".join(words)}' -- "$word") $(compgen -d -- "$word"))
    return
  fi
  case "${{COMP_WORDS[1]}}" in
{options}
  esac
  case "${{COMP_WORDS[1]}}:$before" in
{values}
  esac
  if [ -n "$values" ]; then
    COMPREPLY=($(compgen -W "$values" -- "$word"))
  elif [ "${{word#-}}" != "$word" ]; then
    COMPREPLY=($(compgen -W "$flags" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}}
complete -o filenames -F _{PROGRAM} {PROGRAM}"""


def _fish(words: dict[str, dict[str, tuple[str, ...]]]) -> str:
    """Return a script for fish."""
    about = SUBCOMMANDS | SERVERS
    lines = [f"complete -c {PROGRAM} -n __fish_use_subcommand -a {word} -d {_quoted(about[word])}" for word in words]
    for word, options in words.items():
        for flag, choices in options.items():
            values = f" -x -a '{' '.join(choices)}'" if choices else ""
            lines.append(f"complete -c {PROGRAM} -n '__fish_seen_subcommand_from {word}' -l {flag[2:]}{values}")
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "\\'") + "'"
