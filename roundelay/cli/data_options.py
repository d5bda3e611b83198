"""The options that say how a data set is read and split: the same for train and prepare."""

from __future__ import annotations

from roundelay.cli.options import Parser
from roundelay.ml.choices import HOLDOUT_DEFAULT, KINDS, MISSING_CHOICES, PARTS_DEFAULT, SIDE_DEFAULT, side


def add_to(parser: Parser) -> None:
    """Add them; all but --dataset show only in --help-all."""
    parser.add_argument("--dataset", choices=KINDS, help="what DATA is (default: guessed from its files)")
    parser.more(
        "--holdout",
        type=float,
        default=HOLDOUT_DEFAULT,
        metavar="SHARE",
        help="share of the rows kept for validation if there is no other validation data (default: %(default)s)",
    )
    parser.more(
        "--parts",
        type=int,
        metavar="N",
        help=f"make N training files (default: one per source file, or {PARTS_DEFAULT} of a single source)",
    )
    parser.more("--classes", default="", metavar="A,B", help="use these classes only")
    parser.more("--label", default="-1", metavar="NAME|INDEX", help="the label column of a table (default: the last)")
    parser.more(
        "--missing", choices=MISSING_CHOICES, default="refuse", help="what to do with missing values of a table"
    )
    parser.more("--side", type=side, default=SIDE_DEFAULT, metavar="P", help="resize images to PxP (%(default)s)")
    parser.more("--colour", action="store_true", help="keep the colours of images")
