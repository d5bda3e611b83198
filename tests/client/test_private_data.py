"""What client.py makes of what nodes have published: a job, or a reason why there is none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np
import pytest

from roundelay.chord.errors import NotFound
from roundelay.chord.refs import NodeRef
from roundelay.client import private_data
from roundelay.client.data_reader import read_validation
from roundelay.client.error_translation import translated_errors
from roundelay.client.errors import BadInput, ClientError
from roundelay.client.model_card import write_card
from roundelay.client.preparation import prepare
from roundelay.client.private_data import describe
from roundelay.client.report import JobReport, Round, measure_at_sites, measure_model, model_from, write_history
from roundelay.client.requests import DataOptions, TrainRequest
from roundelay.federation.effects import Clocks, Compute, Done
from roundelay.federation.errors import WorkFailed
from roundelay.federation.jobs import list_jobs
from roundelay.federation.leaf_directory import list_loop
from roundelay.federation.private_data import CLIENT, PrivateFile, Publication
from roundelay.federation.records import CANCELLED, report_from_bytes
from roundelay.federation.requests import Order
from roundelay.federation.site_drain import set_drained
from roundelay.federation.site_policy import SitePolicy
from roundelay.federation.snapshot import read_snapshot
from roundelay.federation.spec import JobSpec
from roundelay.federation.tasks import CompareTask, DescribeTask, HeldOutTask, HistogramTask
from roundelay.ml import cells, counts
from roundelay.ml.cells import Cells
from roundelay.ml.data import Samples
from roundelay.ml.description import QUANTILES
from roundelay.ml.design import Design
from roundelay.ml.errors import BadTask, CannotWrite, DataError
from roundelay.ml.metrics import FitMetrics, Metrics, auc
from roundelay.ml.readers import arrays, dataset, images, site, site_counts
from roundelay.ml.readers.encoding import EncodedColumn, Encoding
from roundelay.ml.readers.reading import Reading, reading_from_json
from roundelay.ml.readers.source import DataSet
from roundelay.ml.row_digests import digest_rows
from roundelay.ml.training_plan import TrainConfig, TrainingPlan
from tests.client.site_ring import NAME, RING, SiteRing
from tests.federation.test_private_data import first_pause
from tests.ml.made_data import write_mnist
from tests.ml.made_frame import MadeFrame

FILES = Publication("a:1", "letters", (PrivateFile("wards", "aa" * 32, 99, 7),))
FLOWER = Publication("b:1", CLIENT, (PrivateFile("client", "bb" * 32, 9, 50),))
SETTINGS = {"rounds": 2, "epochs": 2, "hidden": (5,), "keep": "last"}

Make = Callable[[Path], tuple[list[Path], Path, DataOptions]]


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    made = tmp_path / "validate.txt"
    made.write_text("1,2,3,4,0\n5,6,7,8,25\n")
    return made


def asked(path: Path, *publications: Publication, model: str = "mlp") -> Any:
    """The job that a client would publish, on a ring with these publications."""
    progress = SimpleNamespace(note=lambda _: None, bar=lambda name: lambda done, total: None)
    access: Any = SimpleNamespace(ask=lambda _: publications, progress=progress)
    request = TrainRequest(None, path, {"model": model, "hidden": (5,)}, private=NAME)
    with prepare(request) as ready, translated_errors():
        return ready.find_job(access)[0]


def test_clients_of_their_own_are_files_whose_inputs_stay_raw(letters: Path) -> None:
    spec = asked(letters, replace(FLOWER, address="c:1"), FLOWER)

    assert [(f.name, f.rows) for f in spec.files] == [("b:1~client", 50), ("c:1~client", 50)]
    assert (spec.raw, spec.homes, spec.validation.index, spec.features) == (True, ("b:1", "c:1"), 2, 4)


def test_they_are_validated_on_the_test_part_of_any_set(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    train, test = (rng.integers(0, 256, (rows, 14, 14), np.uint8) for rows in (9, 5))
    np.savez(tmp_path / "set.npz", x_train=train, x_test=test, y_train=np.arange(9) % 3, y_test=np.arange(5) % 3)

    spec = asked(tmp_path / "set.npz", FLOWER, model="cnn")

    assert (spec.validation.rows, spec.features, spec.classes, spec.shape) == (5, 196, 3, (1, 14, 14))


SECONDS = 1_700_000_000 + 200 * np.arange(40.0)[:, None]  # (n, 1) float32 makes one number of some


def test_flower_clients_are_validated_on_raw_numbers(tmp_path: Path) -> None:
    data = arrays.read(SECONDS, np.arange(40) % 2)
    (tmp_path / "t.csv").write_text("seen,class\n" + "".join(f"{s:.0f},{n % 2}\n" for n, s in enumerate(SECONDS[:, 0])))
    assert data.encoding is not None

    for given in (data, tmp_path):
        with ExitStack() as stack:
            read = read_validation(given, DataOptions(), stack, lambda done, total: None)
            assert np.array_equal(read.validation_samples().x, SECONDS.astype(np.float32))


def test_flower_clients_are_validated_on_a_table_that_is_read_as_its_options_say(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("ill;age;size\n0;1,5;3\n1;2,5;4\n0;3,5;5\n")
    options = DataOptions(dataset="csv", label="ill", decimal="comma", drop=("size",))

    for given in (tmp_path, tmp_path / "t.csv"):
        with ExitStack() as stack:
            found = read_validation(given, options, stack, lambda done, total: None).validation_samples()
            assert (found.x.tolist(), found.y.tolist()) == ([[1.5], [2.5], [3.5]], [0, 1, 0])


@pytest.mark.parametrize("offset", [1_700_000_000.0, 1_700_004_000.0, 0.0])
def test_arrays_to_validate_on_have_the_offsets_of_the_sites(offset: float) -> None:
    agreed = Encoding((EncodedColumn("seen", None, offset),)).to_json() if offset else ""
    reading = Reading(labels=("0", "1"), encoding=agreed, task="classification")

    found = site.read_validation(arrays.read(SECONDS[7:], np.arange(33) % 2), "csv", reading)

    assert np.array_equal(found.x, (SECONDS[7:] - offset).astype(np.float32))


def test_a_data_frame_to_validate_on_has_the_columns_of_the_sites_in_any_order() -> None:
    reading = Reading(
        labels=("0", "1"),
        encoding=Encoding((EncodedColumn("seen", None, 1e9), EncodedColumn("age"))).to_json(),
        task="classification",
    )
    frame = MadeFrame({"age": np.arange(40.0), "seen": SECONDS[:, 0]})

    found = site.read_validation(arrays.read(frame, np.arange(40) % 2), "csv", reading)

    assert np.array_equal(found.x, np.column_stack([SECONDS[:, 0] - 1e9, np.arange(40)]).astype(np.float32))


@pytest.mark.parametrize(
    ("publications", "model", "complaint"),
    [
        ((), "mlp", "no node has published private data under 'wards'"),
        ((FILES, FLOWER), "mlp", r"b:1 publishes a Flower client \(--trainer\) and a:1 publishes files \(--private\)"),
        (
            (FLOWER, replace(FLOWER, address="c:1")),
            "mine:Linear",
            r"b:1 cannot train mine:Linear: start it with --plugins mine \(and 1 more nodes cannot\)",
        ),
        ((FILES,), "torchzoo:cnn", "a:1 cannot train torchzoo:cnn: install the extra torch there"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_there_is_a_job(
    publications: tuple[Publication, ...], model: str, complaint: str, letters: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROUNDELAY_PLUGINS", "")  # which a job sets for its model
    with pytest.raises(ClientError, match=complaint):
        asked(letters, *publications, model=model)


# --- private files are trained on as the same files would be, if they were placed

RNG_SEED = 5


def table(path: Path, rows: int, rng: np.random.Generator, turned: bool = False, cities: str = "ulm bonn kiel") -> None:
    """Words, a boolean, missing values, and seconds that float32 would merge; perhaps in another order of columns."""
    header = ["age", "smokes", "seen", "city", "outcome"]
    lines = []
    for _ in range(rows):
        kind = int(rng.integers(3))
        age = "" if rng.random() < 0.2 else f"{rng.normal(50 + 9 * kind, 5):.2f}"
        seen = 1_700_000_000 + int(rng.integers(90)) + 100 * kind
        lines.append([age, ["no", "yes"][int(rng.integers(2))], seen, rng.choice(cities.split()), "abc"[kind]])
    order = range(4, -1, -1) if turned else range(5)
    path.write_text("".join(",".join(str(row[at]) for at in order) + "\n" for row in [header, *lines]))


def tables(folder: Path) -> tuple[list[Path], Path, DataOptions]:
    rng = np.random.default_rng(RNG_SEED)
    for number in range(4):
        (folder / f"site{number}").mkdir()
        cities = ["ulm bonn", "kiel hof", "bonn", "jena"][number]
        table(folder / f"site{number}" / f"ward{number}.csv", 30 + number, rng, number == 2, cities)
    table(folder / "held_out.csv", 25, rng, True)
    return [folder / f"site{n}" for n in range(4)], folder / "held_out.csv", DataOptions(missing="mean")


def two_classes(folder: Path) -> tuple[list[Path], Path, DataOptions]:
    folders, held_out, options = tables(folder)
    return folders, held_out, replace(options, classes=("a", "b"))


def archives(folder: Path) -> tuple[list[Path], Path, DataOptions]:
    rng = np.random.default_rng(RNG_SEED)
    for number in range(5):
        (folder / f"site{number}").mkdir()
        names = np.array(["red", "green", "blue"])[rng.integers(0, 2 + (number == 0), 40)]  # three classes at one site
        np.savez(folder / f"site{number}" / "set.npz", X=rng.normal(size=(40, 6)), y=names)
    return [folder / f"site{n}" for n in range(4)], folder / "site4" / "set.npz", DataOptions()


def pictures(folder: Path) -> tuple[list[Path], Path, DataOptions]:
    pytest.importorskip("PIL")
    from PIL import Image

    rng = np.random.default_rng(RNG_SEED)
    for number in range(5):
        for label in ("sick", "well")[: 1 + (number != 3)]:  # one site has a single class
            place = folder / f"site{number}" / label
            place.mkdir(parents=True)
            for at in range(12):
                Image.fromarray(rng.integers(0, 256, (9, 9), dtype=np.uint8)).save(place / f"{at}.png")
    return [folder / f"site{n}" for n in range(4)], folder / "site4", DataOptions(side=6)


def idx(folder: Path) -> tuple[list[Path], Path, DataOptions]:
    rng = np.random.default_rng(RNG_SEED)
    for number in range(5):
        (folder / f"site{number}").mkdir()
        x, y = rng.integers(0, 256, (30, 5, 5), dtype=np.uint8), rng.integers(0, 10, 30)
        write_mnist(folder / f"site{number}", "train", x, y)
    return [folder / f"site{n}" for n in range(4)], folder / "site4", DataOptions()


def placed(folders: list[Path], options: DataOptions, together: Path) -> Path | DataSet:
    """The same files as one data set of four files."""
    if options.missing == "mean":
        together.mkdir()
        for folder in folders:
            for file in folder.iterdir():
                (together / file.name).write_bytes(file.read_bytes())
        return together
    looks = dataset.ReadOptions(images=images.ImageOptions(options.side))
    sets = [dataset.read(folder, looks, is_share=True) for folder in folders]
    labels = tuple(sorted({label for each in sets for label in each.labels}))
    parts = []
    for number, each in enumerate(sets):
        (part,) = each.training
        names = np.array([labels.index(label) for label in each.labels])
        parts.append(replace(part, name=f"part{number}", y=names[part.y]))
    return replace(sets[0], training=tuple(parts), labels=labels)


@pytest.mark.parametrize("arithmetic", ["native", "portable"])
@pytest.mark.parametrize("make", [tables, archives, pictures, idx])
def test_a_model_of_private_files_is_that_of_the_same_files_placed(make: Make, arithmetic: str, tmp_path: Path) -> None:
    folders, held_out, options = make(tmp_path)
    settings = {**SETTINGS, "arithmetic": arithmetic}
    ring = SiteRing(folders)

    private = ring.train(TrainRequest(None, held_out, settings, options, private=NAME))
    validated = [result.errors for result, _ in ring.rounds]
    data = placed(folders, options, tmp_path / "together")
    if isinstance(data, DataSet):
        looks = dataset.ReadOptions(images=images.ImageOptions(options.side))
        public = ring.train(TrainRequest(data, dataset.read(held_out, looks), settings))
    else:
        public = ring.train(TrainRequest(data, held_out, settings, options))

    assert private == public
    assert validated == [result.errors for result, _ in ring.rounds]


def test_no_row_and_no_word_of_another_column_is_in_the_job(tmp_path: Path) -> None:
    folders, held_out, options = tables(tmp_path)
    ring = SiteRing(folders)

    spec = ring.submit(TrainRequest(None, held_out, SETTINGS, options, private=NAME))

    rows = (folders[0] / "ward0.csv").read_text().splitlines()[1:]
    written = spec.to_bytes().decode()
    assert all(word in written for word in ("hof", "jena", "smokes"))
    assert not [row for row in rows if row in written]

    few = ring.submit(TrainRequest(None, held_out, SETTINGS, replace(options, columns=("age", "smokes")), private=NAME))

    written = few.to_bytes().decode()
    assert "smokes" in written
    assert not [word for word in ("ulm", "hof", "jena", "city", "seen") if word in written]


# --- sites that do not fit are named, with the column or class


def with_line(folder: Path, old: str, new: str) -> None:
    (file,) = folder.iterdir()
    file.write_text(file.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("change", "options", "complaint"),
    [
        (("age,", "years,"), {}, r"node-20000:1: it has no column 'age', which node-100:1 has: name the columns"),
        (
            ("city,outcome", "city,result"),
            {},
            r"20000:1 is left out .* has no column 'outcome' \(--label\); its columns are age,",
        ),
        (("no,17", "0,17"), {}, r"20000:1 is left out .*: ward1.csv, line \d+: column 'smokes' is '...', not"),
        ((",bonn,", ",,"), {"missing": "refuse"}, "column 'age' is empty: fill it in"),
        (("", ""), {"words": 2}, r"node-20000:1: column 'city' has 4 different words .* raise --words"),
        (("", ""), {"classes": ("a", "d")}, r"--classes: d: expected two or more of a, b, c"),
        ((",c\n", ",C\n"), {}, "the classes 'C' and 'c' look like one: use one spelling"),
    ],
)
def test_a_site_that_cannot_agree_is_named_before_there_is_a_job(
    change: tuple[str, str], options: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    folders, held_out, given = tables(tmp_path)
    if change[0]:
        with_line(folders[1], *change)
    ring = SiteRing(folders)
    request = TrainRequest(None, held_out, SETTINGS, replace(given, **options), private=NAME)

    with pytest.raises(ClientError, match=complaint), translated_errors():
        ring.submit(request)
        raise BadInput(" ".join(ring.notes))  # left out by name


def test_columns_that_a_job_names_are_all_that_it_reads(tmp_path: Path) -> None:
    folders, held_out, options = tables(tmp_path)
    with_line(folders[1], "smokes", "drinks")
    named = replace(options, columns=("age", "city"))

    ring = SiteRing(folders)
    spec = ring.submit(TrainRequest(None, held_out, SETTINGS, named, private=NAME))

    assert (len(spec.files), spec.features) == (4, 6)


def test_a_site_without_a_named_column_is_left_out_by_name(tmp_path: Path) -> None:
    folders, held_out, options = tables(tmp_path)
    with_line(folders[1], "age", "years")

    ring = SiteRing(folders)
    spec = ring.submit(TrainRequest(None, held_out, SETTINGS, replace(options, columns=("age",)), private=NAME))

    assert "node-20000:1" not in spec.homes
    assert [line for line in ring.notes if line.startswith("node-20000:1 is left out of the job:") and "'age'" in line]


def test_data_that_change_between_rounds_are_left_out_by_name(tmp_path: Path) -> None:
    folders, held_out, options = tables(tmp_path)
    ring = SiteRing(folders)
    spec = ring.submit(TrainRequest(None, held_out, {**SETTINGS, "rounds": 3}, options, private=NAME))
    ring.net.before_answer = change_in_round_two(folders[2])

    ring.drive(spec)

    assert [len(result.left_out) for result, _ in ring.rounds] == [0, 1, 1]
    line = next(line for line in ring.rounds[1][1].disturbances if "ward2.csv has changed" in line)
    assert line.startswith("node-41000:1: ")


def test_a_full_disk_at_one_site_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders, held_out, options = tables(tmp_path)
    ring = SiteRing(folders)
    spec = ring.submit(TrainRequest(None, held_out, SETTINGS, options, private=NAME))
    plain = site.read_part

    def read(path: Path, *rest: Any) -> Any:
        if path == folders[1]:
            raise CannotWrite("cannot write temporary rows: No space left on device")
        return plain(path, *rest)

    monkeypatch.setattr(site, "read_part", read)
    ring.drive(spec)

    assert all(len(result.left_out) == 1 for result, _ in ring.rounds)
    assert any("20000:1: cannot write temporary rows: No space left" in line for line in ring.rounds[0][1].disturbances)


def change_in_round_two(folder: Path) -> Callable[[Any, Any], None]:
    steps: Iterator[None] = iter([None])

    def before(node: Any, request: Any) -> None:
        if getattr(request, "round", 0) == 2 and next(steps, True) is None:
            with_line(folder, "ulm", "hof")
            with_line(folder, "bonn", "kiel")

    return before


# --- data are described by a job that never goes on


def interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def fail(*_: object) -> NoReturn:
    raise BadTask("too large")


@pytest.mark.parametrize(("moments", "outcome"), [(None, None), (fail, WorkFailed), (interrupt, KeyboardInterrupt)])
def test_a_description_leaves_no_job_that_the_ring_would_train(
    moments: Callable[..., NoReturn] | None, outcome: type[BaseException] | None, tmp_path: Path
) -> None:
    ring = SiteRing(archives(tmp_path)[0])
    for member in ring.net.members.values() if moments else ():
        member.worker.moments = moments  # type: ignore[method-assign,assignment]

    with pytest.raises(outcome) if outcome else nullcontext():
        assert describe(ring.connection, NAME, Reading(), 5).rows == 160

    (job,) = ring.net.run(list_jobs(ring.net.entry, RING))
    assert ring.net.run(read_snapshot(ring.net.entry, RING, job)).end == CANCELLED


def wards(folder: Path, count: int = 3) -> tuple[SiteRing, np.ndarray]:
    """Return a ring whose sites have tables of ages, and the ages: (sites, rows)."""
    ages = np.random.default_rng(RNG_SEED).normal(50, 15, (count, 120)).round()
    for number, each in enumerate(ages):
        (folder / f"site{number}").mkdir()
        lines = [f"{age:.0f},{n % 3},{'ab'[n % 2]}" for n, age in enumerate(each)]
        (folder / f"site{number}" / f"ward{number}.csv").write_text("\n".join(["age,visits,class", *lines]) + "\n")
    return SiteRing([folder / f"site{n}" for n in range(count)]), ages


def test_a_description_tells_within_which_range_the_quantiles_of_all_sites_lie(tmp_path: Path) -> None:
    ring, ages = wards(tmp_path)

    found = describe(ring.connection, NAME, Reading(), 5)

    age, visits = found.numbers
    assert (age.ranges[0], age.ranges[-1]) == (None, None)
    for told, share in list(zip(age.ranges, QUANTILES, strict=True))[1:-1]:
        assert told is not None
        low, high = told
        assert (low is None or low <= np.quantile(ages, share)) and (high is None or np.quantile(ages, share) < high)
    median = age.ranges[3]
    assert median is not None and None not in median
    assert sum(count or 0 for count in age.histogram) == ages.size
    assert visits.ranges[3] is not None
    assert describe(ring.connection, NAME, Reading(classes=("a", "b")), 5).numbers[0].ranges == ()


def results(ring: SiteRing, kind: type[CompareTask | HistogramTask]) -> list[bytes]:
    """Return what has left the sites in answer to orders of this kind."""
    return [
        member.orders.known[ticket].content
        for member in ring.net.members.values()
        for ticket, order in member.orders._orders.items()
        if isinstance(order.task, kind)
    ]


@pytest.mark.parametrize("least", [5, 10])
def test_no_site_tells_of_the_values_of_a_few_rows_whatever_is_asked(least: int, tmp_path: Path) -> None:
    ring, _ = wards(tmp_path)
    for home in ring.sites if least > 5 else ():
        ring.set_policy(home, SitePolicy())

    for asked in (1, 7):
        describe(ring.connection, NAME, Reading(), asked)

    told = results(ring, HistogramTask)
    assert len(told) == 6 and len(set(told)) == 3  # two limits have equal answers, so nobody can subtract them
    for content in told:
        ((age, visits),) = cells.from_bytes(content, [120])
        assert len(age.counts) > 5 and len(visits.counts) >= 3
        assert all(count == 0 or count >= least for count in (*age.counts, *visits.counts))


def test_a_site_that_gives_no_sums_away_counts_no_values_either(tmp_path: Path) -> None:
    ring, _ = wards(tmp_path, 1)
    (home,) = ring.sites
    ring.set_policy(home, SitePolicy(sums=False))

    with pytest.raises(WorkFailed, match=r"the policy of the site refuses the order \(sums\)"):
        describe(ring.connection, NAME, Reading(), 5)
    order = Order("j", 0, (), HistogramTask(TrainingPlan(Design((2, 2)), TrainConfig(), 30)))
    with pytest.raises(WorkFailed, match=r"\(sums\)"):
        SitePolicy(sums=False).check(order, None)


@pytest.mark.parametrize("make", [archives, pictures, idx])
def test_sites_that_give_no_sums_away_train_as_the_validation_file_is_standardised(make: Make, tmp_path: Path) -> None:
    folders, held_out, options = make(tmp_path)
    ring = SiteRing(folders)
    for home in ring.sites:
        policy = SitePolicy(models=("mlp", "cnn"), file_rows=1, batch_rows=1, steps=1, clip=0.0, sums=False)
        ring.set_policy(home, policy)
    settings = {**SETTINGS, "standardise": "validation"}

    ring.train(TrainRequest(None, held_out, settings, options, private=NAME))

    assert [result.rows for result, _ in ring.rounds][-1] > 0
    with pytest.raises(WorkFailed, match=r"the policy of the site refuses the order \(sums\)"):
        ring.train(TrainRequest(None, held_out, SETTINGS, options, private=NAME))


@pytest.mark.parametrize("reading", [Reading(classes=("a",)), Reading(holdout=0.5)])
def test_the_values_of_chosen_rows_are_not_counted(reading: Reading, tmp_path: Path) -> None:
    wards(tmp_path, 1)

    with pytest.raises(BadTask, match="values are counted in whole files"):
        site_counts.count_values(tmp_path / "site0", {"ward0.csv": 0}, reading)


def test_the_counts_of_a_file_are_the_same_whatever_is_filled_in_or_called_a_header(tmp_path: Path) -> None:
    ages = np.random.default_rng(RNG_SEED).normal(50, 15, 60).round()
    lines = [f"{'' if 0 < n < 4 else f'{age:.0f}'},{'ab'[n % 2]}" for n, age in enumerate(ages)]
    for name, header in (("plain", []), ("named", ["age,class"]), ("years", ["1999,class"])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "t.csv").write_text("\n".join([*header, *lines]) + "\n")

    def counted(folder: str, header: str, fill: float = 50.0) -> Cells:
        name = {"plain": f"{ages[0]:.0f}", "named": "age", "years": "1999"}[folder]
        agreed = Encoding((EncodedColumn(name if header != "no" else "", None, 0.0, fill),), "class", 1)
        reading = Reading(missing="mean", header=header, encoding=agreed.to_json())
        ((found,),) = site_counts.count_values(tmp_path / folder, {"t.csv": 0}, reading)
        return found

    known = counted("named", "auto")
    assert known.rows == sum(known.counts) == 60
    assert counted("named", "auto", 1e6) == counted("named", "yes") == counted("plain", "no") == known
    assert counted("plain", "yes") == Cells(59) and counted("years", "yes") == Cells(60)


@pytest.mark.parametrize("missing", ["zero", "mean"])
def test_the_values_of_a_table_are_not_counted_before_its_columns_are_agreed(missing: str, tmp_path: Path) -> None:
    """What fills a column in would otherwise be the choice of whoever asks."""
    (tmp_path / "t.csv").write_text("age,class\n" + "".join(f"{n},{'ab'[n % 2]}\n" for n in range(60)) + ",a\n")

    with pytest.raises(BadTask, match="values of a table are counted once its columns are agreed"):
        site_counts.count_values(tmp_path, {"t.csv": 0}, Reading(missing=missing))


def test_a_row_is_not_told_as_names_because_a_job_calls_it_a_header(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("".join(f"{n},{n + 1789},{'ab'[n % 2]}\n" for n in range(20)))

    for asked in (Reading(header="yes"), Reading(label="a")):
        with pytest.raises(DataError, match="holds a file without a header") as raised:
            site.describe(tmp_path, {}, asked)
        assert "1789" not in raised.value.without_values()
    assert site.describe(tmp_path, {}, Reading(header="no")).features == 2


# --- validation rows that train


def letter_files(folder: Path) -> tuple[list[Path], Path, DataOptions]:
    rng = np.random.default_rng(RNG_SEED)
    for number in range(5):
        (folder / f"site{number}").mkdir()
        rows = np.column_stack([rng.integers(0, 16, (40, 4)), np.arange(40) % 26])
        np.savetxt(folder / f"site{number}" / f"part{number}", rows, "%d", ",")
    return [folder / f"site{n}" for n in range(4)], folder / "site4" / "part4", DataOptions()


def copy_rows(held_out: Path, folder: Path, count: int) -> None:
    """Copy the first rows of a validation file to a site's only file."""
    (file,) = folder.iterdir()
    if file.suffix == ".npz":
        with np.load(held_out) as theirs, np.load(file) as own:
            x, y = (np.concatenate([theirs[name][:count], own[name]]) for name in ("X", "y"))
            np.savez(file, X=x, y=y)
        return
    lines = held_out.read_text().splitlines()
    if file.suffix == ".csv":
        lines = [",".join(line.split(",")[::-1]) for line in lines[1:]]
    file.write_text(file.read_text() + "".join(f"{line}\n" for line in lines[:count]))


@pytest.mark.parametrize("make", [tables, archives, letter_files])
@pytest.mark.parametrize(("copied", "is_told"), [(9, False), (10, True)])
def test_a_site_that_trains_on_many_of_the_validation_rows_is_named(
    make: Make, copied: int, is_told: bool, tmp_path: Path
) -> None:
    folders, held_out, options = make(tmp_path)
    copy_rows(held_out, folders[1], copied)
    ring = SiteRing(folders)

    ring.submit(TrainRequest(None, held_out, SETTINGS, options, private=NAME))

    told = [note for note in ring.notes if "validation rows are training rows" in note]
    assert ["at node-20000:1:" in note for note in told] == [True] * is_told
    assert sorted(results(ring, CompareTask)) == [b"\0"] * (4 - is_told) + [b"\1"] * is_told


@pytest.mark.parametrize("make", [pictures, idx])
def test_images_that_a_site_trains_on_are_noticed_whatever_file_they_are_in(make: Make, tmp_path: Path) -> None:
    folders, _, options = make(tmp_path)
    ring = SiteRing(folders)

    ring.submit(TrainRequest(None, folders[1], SETTINGS, options, private=NAME))

    assert sorted(results(ring, CompareTask)) == [b"\0"] * 3 + [b"\1"]


def test_a_site_with_a_policy_compares_no_rows_unless_its_policy_says_so(tmp_path: Path) -> None:
    """The asker chooses rows and columns, and could find out whether a single value is at the site."""
    folders, held_out, options = tables(tmp_path)
    copy_rows(held_out, folders[1], 10)
    ring = SiteRing(folders)
    homes = list(ring.sites)
    for home, compares in zip(homes[:2], (False, True), strict=True):
        ring.set_policy(home, replace(OPEN, compare=compares))

    spec = ring.submit(TrainRequest(None, held_out, SETTINGS, options, private=NAME))

    assert sorted(filter(None, results(ring, CompareTask))) == [b"\0"] * 2 + [b"\1"]
    assert [note for note in ring.notes if f"at {homes[1]}:" in note]
    (untold,) = [note for note in ring.notes if "not compared" in note]
    assert untold.startswith(f"the validation rows are not compared with those of {homes[0]}")
    assert homes[0] in spec.homes, "the site takes part all the same"


def test_an_order_that_compares_rows_is_told_from_one_that_describes_columns_by_its_name(tmp_path: Path) -> None:
    """The audit log of a site has this name as the object of the order."""
    folders, held_out, options = tables(tmp_path)
    ring = SiteRing(folders)

    ring.submit(TrainRequest(None, held_out, SETTINGS, options, private=NAME))

    orders = [order for member in ring.net.members.values() for order in member.orders._orders.values()]
    names = {type(order.task): order.job.split()[0] for order in orders if " " in order.job}
    assert names == {DescribeTask: "describe", CompareTask: "compare"}


def test_few_of_many_validation_rows_are_not_told_of(tmp_path: Path) -> None:
    rows = np.random.default_rng(RNG_SEED).normal(size=(200, 3))
    np.savez(tmp_path / "set.npz", X=rows[:60], y=np.arange(60) % 2)
    reading = Reading(labels=("0", "1"), task="classification")

    for shared, is_many in ((19, False), (20, True)):
        digests = digest_rows(rows[60 - shared : 260 - shared].astype(np.float32), np.arange(60 - shared, 200) % 2)
        wanted = np.concatenate([digests, np.arange(200 - len(digests), dtype=np.uint64)])
        assert site.holds_many(tmp_path, {"X": 0}, reading, wanted) is is_many


# --- evaluation at the sites

OPEN = SitePolicy(file_rows=1, batch_rows=1, steps=1, held_out_rows=0, clip=0.0, noise=0.0)


def held_out_rows(ring: SiteRing, spec: JobSpec) -> list[Samples]:
    """The rows that each site holds out, as its trainer reads them."""
    reading = reading_from_json(spec.reading)
    parts = []
    for file, home in zip(spec.files, spec.homes, strict=True):
        name = file.name.removeprefix(f"{home}~")
        parts.append(site.read_part(ring.sites[home]._directory, name, file.index, reading).held_out)
    return [part for part in parts if part is not None]


@pytest.mark.parametrize("make", [tables, two_classes, archives, pictures, idx])
def test_pooled_metrics_are_those_of_all_rows_that_are_held_out(make: Make, tmp_path: Path) -> None:
    folders, _, options = make(tmp_path)
    ring = SiteRing(folders)
    spec = ring.submit(TrainRequest(None, None, {**SETTINGS, "hide_below": 1}, options, private=NAME))
    weights = ring.drive(spec)
    result, report = ring.rounds[-1]

    parts = held_out_rows(ring, spec)
    rows = Samples(np.concatenate([p.x for p in parts]), np.concatenate([p.y for p in parts]))
    moments = ring.net.run(read_snapshot(ring.net.entry, RING, spec.job)).results[0].moments
    model = model_from(spec, weights, bytes.fromhex(moments))
    plain = measure_model(model, rows)
    pooled = measure_at_sites(spec, Round(result, report))

    assert isinstance(plain, Metrics) and isinstance(pooled, Metrics)
    assert (pooled.rows, pooled.confusion, pooled.accuracy) == (rows.rows, plain.confusion, plain.accuracy)
    assert [(c.precision, c.recall, c.f1) for c in pooled.classes] == [
        (c.precision, c.recall, c.f1) for c in plain.classes
    ]
    area = pytest.approx(plain.auc, abs=2e-3) if len(plain.classes) == 2 else None
    assert pooled.auc == report.held_out.auc == area
    assert (result.errors, result.rows) == (round((1 - plain.accuracy) * rows.rows), rows.rows)
    p = model.probabilities(rows.x)[np.arange(rows.rows), rows.y]
    assert report.validation_loss == pytest.approx(float(-np.log(p).mean()), abs=1e-5)
    assert [(each.site, each.rows) for each in report.held_out.sites] == [
        (home, part.rows) for home, part in zip(ring.sites, parts, strict=True)
    ]
    for each, part in zip(report.held_out.sites, parts, strict=True):
        alone = measure_model(model, part)
        assert isinstance(alone, Metrics)
        assert each.error == pytest.approx(1 - alone.accuracy)
        assert each.f1 == pytest.approx(alone.macro_f1)
        assert each.auc == pytest.approx(alone.auc)


def test_rows_that_are_held_out_enter_no_training_no_mean_and_no_list_of_words(tmp_path: Path) -> None:
    """The model is that of the same files placed, with the same share held out."""
    folders, _, options = tables(tmp_path)
    ring = SiteRing(folders)
    options = replace(options, holdout=0.3)

    private = ring.train(TrainRequest(None, None, SETTINGS, options, private=NAME))
    counted = [(result.errors, result.rows) for result, _ in ring.rounds]
    public = ring.train(TrainRequest(placed(folders, options, tmp_path / "together"), None, SETTINGS, options))

    assert private == public
    assert counted == [(result.errors, result.rows) for result, _ in ring.rounds]


def test_rows_are_held_out_by_the_numbers_that_files_have_in_the_job(tmp_path: Path) -> None:
    """A site that is left out changes the numbers of later files; what is agreed does not know their held-out rows."""
    folders, _, options = tables(tmp_path)
    with_line(folders[1], "city,outcome", "city,result")
    ring, kept = SiteRing(folders), [folders[0], *folders[2:]]

    private = ring.train(TrainRequest(None, None, SETTINGS, options, private=NAME))
    public = ring.train(TrainRequest(placed(kept, options, tmp_path / "together"), None, SETTINGS, options))

    assert any(line.startswith("node-20000:1 is left out") for line in ring.notes)
    assert private == public


def test_small_sites_are_hidden_and_absent_ones_named(tmp_path: Path) -> None:
    folders, held_out, options = tables(tmp_path)
    small = folders[0] / "ward0.csv"
    small.write_text("".join(small.read_text().splitlines(True)[:16]))
    ring = SiteRing(folders)
    settings = {**SETTINGS, "hide_below": 4}  # 3, 6, 6 and 7 rows are held out; the total would tell of the 3
    spec = ring.submit(TrainRequest(None, held_out, settings, options, private=NAME, evaluate="both"))

    ring.drive(spec)
    result, report = ring.rounds[-1]

    assert [each.site for each in report.held_out.sites] == ["node-41000:1", "node-60000:1"]
    assert (report.held_out.hidden, report.held_out.rows, result.rows) == (2, 22, 25)
    assert report.held_out.worst in report.held_out.sites
    assert report_from_bytes(report.to_bytes()) == report


def test_counts_of_a_site_that_lies_are_left_out_and_end_no_job(tmp_path: Path) -> None:
    folders, _, options = tables(tmp_path)
    ring = SiteRing(folders)
    spec = ring.submit(TrainRequest(None, None, SETTINGS, options, private=NAME))
    member = next(each for ref, each in ring.net.members.items() if str(ref.address) == "node-41000:1")
    lie = counts.Counts(6, fit=(1 << 2074, 1 << 2074, 0, 1))  # of a regression, with a quotient beyond float64
    member.worker.count_held_out = lambda *_: (lie, None)  # type: ignore[method-assign]

    ring.drive(spec)

    assert [result.rows for result, _ in ring.rounds] == [19, 19]
    assert [report.held_out.absent for _, report in ring.rounds] == [("node-41000:1",)] * 2


@pytest.mark.parametrize("strict", [{"held_out_rows": 7}, {"evaluation": False}])
def test_a_site_whose_policy_tells_no_counts_still_trains_in_each_round(strict: dict[str, Any], tmp_path: Path) -> None:
    folders, _, options = tables(tmp_path)
    ring = SiteRing(folders)
    ring.set_policy("node-20000:1", replace(OPEN, **strict))  # it holds out 6 rows
    spec = ring.submit(TrainRequest(None, None, {**SETTINGS, "rounds": 4, "hide_below": 1}, options, private=NAME))

    ring.drive(spec)

    assert [result.left_out for result, _ in ring.rounds] == [()] * 4
    assert [report.held_out.absent for _, report in ring.rounds] == [("node-20000:1",)] * 4
    assert [result.rows for result, _ in ring.rounds] == [19] * 4


def test_a_site_whose_policy_gives_no_names_away_is_left_out_by_name(tmp_path: Path) -> None:
    folders, held_out, options = tables(tmp_path)
    ring = SiteRing(folders)
    ring.set_policy("node-20000:1", replace(OPEN, names=False))

    spec = ring.submit(TrainRequest(None, held_out, SETTINGS, options, private=NAME))

    assert len(spec.files) == 3
    why = "the policy of the site refuses the order (names): the names of this site's columns and classes"
    assert [line for line in ring.notes if line.startswith(f"node-20000:1 is left out of the job: {why}")]


def test_a_site_that_cannot_evaluate_still_trains_in_each_round(tmp_path: Path) -> None:
    folders, _, options = tables(tmp_path)
    ring = SiteRing(folders)
    member = ring.member("node-20000:1")
    plain = member.compute

    def compute(effect: Compute) -> Done:
        if isinstance(effect.order.task, HeldOutTask):
            raise NotFound("no memory left")
        return plain(effect)

    member.compute = compute  # type: ignore[method-assign]
    settings = {**SETTINGS, "rounds": 3, "hide_below": 1, "require": "node-20000:1"}
    spec = ring.submit(TrainRequest(None, None, settings, options, private=NAME))

    ring.drive(spec)

    assert [result.left_out for result, _ in ring.rounds] == [()] * 3
    assert [report.held_out.absent for _, report in ring.rounds] == [("node-20000:1",)] * 3


def test_a_site_that_hangs_holds_up_an_evaluation_only_as_long_as_it_is_waited_for(tmp_path: Path) -> None:
    folders, _, options = tables(tmp_path)
    ring = SiteRing(folders)
    settings = {**SETTINGS, "hide_below": 1, "wait_for": 10.0}
    spec = ring.submit(TrainRequest(None, None, settings, options, private=NAME))
    ring.net.hold_up(ring.ref("node-20000:1"), lambda order: isinstance(order.task, HeldOutTask))

    ring.drive(spec)

    assert [report.held_out.absent for _, report in ring.rounds] == [("node-20000:1",)] * 2
    assert any("node-20000:1: has not finished within" in line for line in ring.rounds[0][1].disturbances)
    assert 10.0 <= ring.net.now < 100.0


def test_a_site_that_hangs_holds_up_the_start_of_a_job_only_as_long_as_it_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders, held_out, options = tables(tmp_path)
    ring = SiteRing(folders)
    monkeypatch.setattr(private_data, "CLOCKS", Clocks(ring.net.clock, lambda: 0))
    ring.net.hold_up(ring.ref("node-20000:1"), lambda order: isinstance(order.task, DescribeTask))

    spec = ring.submit(TrainRequest(None, held_out, {**SETTINGS, "wait_for": 10.0}, options, private=NAME))

    assert "node-20000:1" not in spec.homes
    began, ended = (line for line in ring.notes if "node-20000:1" in line)
    assert began.startswith("waiting for node-20000:1 since 00:00:")
    assert ended.startswith("node-20000:1 is left out of the job: has not finished within 3.0 s")
    assert 10.0 <= ring.net.now < 100.0


def test_sites_that_are_away_or_drained_are_left_out_of_a_job_at_once(tmp_path: Path) -> None:
    folders, held_out, options = tables(tmp_path)
    ring = SiteRing(folders)
    ring.publish(replace(FILES, address="gone:1"))
    ring.net.run(set_drained(ring.net.entry, RING, NAME, "node-20000:1", True, next(ring.versions)))
    asked = set[NodeRef]()
    ring.net.before_answer = lambda node, request: asked.add(node) if isinstance(request, Order) else None

    spec = ring.submit(TrainRequest(None, held_out, SETTINGS, options, private=NAME))

    assert set(spec.homes) == ring.sites.keys() - {"node-20000:1"}
    assert "gone:1 is left out of the job: does not answer" in ring.notes
    assert "node-20000:1 is left out of the job: is drained" in ring.notes
    assert len(asked) == 3
    assert ring.net.now < 10.0


@pytest.mark.parametrize("topology", ["gossip", "star"])
def test_private_data_at_a_leaf_are_refused_in_gossip_by_its_name(topology: str, tmp_path: Path) -> None:
    folders, held_out, options = tables(tmp_path)
    ring = SiteRing(folders)
    ring.net.run(first_pause(list_loop(ring.member("node-20000:1").node, lambda: next(ring.versions))))
    request = TrainRequest(None, held_out, {**SETTINGS, "topology": topology}, options, private=NAME)

    if topology == "gossip":
        with pytest.raises(BadInput, match=r"--topology gossip cannot .* at a leaf, .*: node-20000:1$"):
            ring.submit(request)
    else:
        assert "node-20000:1" in ring.submit(request).homes


def test_a_site_whose_description_fails_is_left_out_by_name(tmp_path: Path) -> None:
    folders, held_out, options = tables(tmp_path)
    ring = SiteRing(folders)

    def fail(effect: Compute) -> Done:
        raise WorkFailed("an earlier release")

    ring.member("node-20000:1").compute = fail  # type: ignore[method-assign]
    spec = ring.submit(TrainRequest(None, held_out, SETTINGS, options, private=NAME))

    assert len(spec.files) == 3
    assert "node-20000:1 is left out of the job: an earlier release" in ring.notes


def test_what_sites_have_counted_is_in_the_report_the_history_and_the_model_card(tmp_path: Path) -> None:
    folders, _, options = tables(tmp_path)
    ring = SiteRing(folders)
    spec = ring.submit(TrainRequest(None, None, {**SETTINGS, "hide_below": 7}, options, private=NAME))
    weights = ring.drive(spec)
    rounds = tuple(Round(*each) for each in ring.rounds)
    moments = ring.net.run(read_snapshot(ring.net.entry, RING, spec.job)).results[0].moments
    model = model_from(spec, weights, bytes.fromhex(moments))
    report = JobReport(spec, 4, rounds, model, metrics=measure_at_sites(spec, rounds[-1]))

    write_card(tmp_path / "m.npz", report)
    write_history(tmp_path / "h.csv", report)

    card, (sites,) = next(tmp_path.glob("m.npz*.md")).read_text(), [report.to_json()["sites"]]
    assert isinstance(sites, dict)
    assert (sites["hidden"], sites["worst"], [each["rows"] for each in sites["sites"]]) == (3, "node-60000:1", [7])
    assert "| node-60000:1 | 7 |" in card and "validation file" not in card
    assert "worst_site_error" in (tmp_path / "h.csv").read_text().splitlines()[0]


def test_a_regression_is_evaluated_at_its_sites(tmp_path: Path) -> None:
    rng = np.random.default_rng(RNG_SEED)
    folders = [tmp_path / f"site{number}" for number in range(3)]
    for folder in folders:
        folder.mkdir()
        x = rng.normal(size=(40, 3))
        np.savez(folder / "set.npz", X=x, y=x @ [3.0, -2.0, 1.0] + rng.normal(size=40))
    ring = SiteRing(folders)
    spec = ring.submit(TrainRequest(None, None, {**SETTINGS, "hide_below": 5}, private=NAME))
    weights = ring.drive(spec)
    result, report = ring.rounds[-1]

    parts = held_out_rows(ring, spec)
    rows = Samples(np.concatenate([p.x for p in parts]), np.concatenate([p.y for p in parts]))
    moments = ring.net.run(read_snapshot(ring.net.entry, RING, spec.job)).results[0].moments
    plain = measure_model(model_from(spec, weights, bytes.fromhex(moments)), rows)

    assert isinstance(plain, FitMetrics)
    assert result.fit == pytest.approx(plain.numbers)
    assert [each.r2 is not None for each in report.held_out.sites] == [True] * 3


@pytest.mark.parametrize("classes", [2, 4])
def test_counts_do_not_depend_on_the_grouping_of_the_rows(classes: int) -> None:
    rng = np.random.default_rng(RNG_SEED)
    scores, losses, y = rng.normal(size=(90, classes)), rng.gamma(1.0, size=90), rng.integers(0, classes, 90)
    whole = counts.of_classes(scores, losses, y)

    for size in (1, 7, 40):
        parts = [slice(at, at + size) for at in range(0, 90, size)]
        assert counts.total(counts.of_classes(scores[p], losses[p], y[p]) for p in parts) == whole
    assert counts.from_bytes(whole.to_bytes(0.5)) == (whole, 0.5)


@pytest.mark.parametrize("spread", [0.3, 5.0, 1e3])
def test_the_auc_of_two_classes_at_many_sites_is_that_of_all_their_rows(spread: float) -> None:
    rng = np.random.default_rng(RNG_SEED)
    y = rng.integers(0, 2, 900)
    scores = np.stack([rng.normal(size=900), rng.normal(size=900) + y], axis=1) * spread
    sites = [slice(0, 5), slice(5, 400), slice(400, 900)]

    found = counts.total(counts.of_classes(scores[site], np.zeros(900)[site], y[site]) for site in sites)

    odds = scores[:, 1] - scores[:, 0]
    rounded = np.rint(np.clip(odds, -counts.SCORE_MAX, counts.SCORE_MAX) * counts.SCORE_STEPS)
    assert found.auc == pytest.approx(auc(rounded, y == 1), abs=1e-12)
    if spread < 100:  # scores within the range
        assert found.auc == pytest.approx(auc(odds, y == 1), abs=2e-3)


def test_there_is_no_auc_of_one_class_or_of_many() -> None:
    none, losses = np.zeros((4, 2)), np.zeros(4)

    assert counts.of_classes(none, losses, np.zeros(4, np.int64)).auc is None
    assert counts.of_classes(none, losses, np.array([0, 1, 1, 0])).auc == 0.5
    assert counts.of_classes(np.zeros((4, 3)), losses, np.array([0, 1, 1, 0])).auc is None


@pytest.mark.parametrize(
    ("scores", "classes"),
    [([], 2), ([[5, 1, 1]], 3), ([[5, 2, 0]], 2), ([[5, 1, 0], [5, 0, 1]], 2), ([[1025, 1, 1]], 2), ([[0.5, 1, 1]], 2)],
)
def test_scores_of_other_rows_or_classes_are_refused(scores: list[list[Any]], classes: int) -> None:
    whole = {"rows": 2, "loss": 0, "cells": [[0, 0, 1], [1, 0, 1]], "fit": [], "auc": None, "scores": scores}

    with pytest.raises(BadTask, match=r"^(counts with|malformed counts: (the scores|0\.5))"):
        counts.check(counts.from_bytes(json.dumps(whole).encode())[0], classes)


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b'{"rows": 2, "loss": 0, "cells": [[0, 0, 1]], "fit": [], "auc": null, "scores": []}',
        b'{"rows": 1, "loss": 1e300, "cells": [[0, 0, 1]], "fit": [], "auc": null, "scores": []}',
        b'{"rows": 1, "loss": 0, "cells": [[0, 0, -1]], "fit": [], "auc": 2, "scores": []}',
        b'{"rows": 1, "loss": 0, "cells": [], "fit": ["%s", "0x1", "0x1", "0x1"], "auc": null, "scores": []}'
        % (b"f" * 1190),
        b'{"rows": 1, "loss": 0, "cells": [], "fit": ["0x1", "-0x1", "0x1", "0x1"], "auc": null, "scores": []}',
        b'{"rows": 2, "loss": 0, "cells": [], "fit": ["0x1", "0x1", "0x%x", "0x1"], "auc": null, "scores": []}'
        % (1 << 1074),
        b'{"rows": 1, "loss": 0, "cells": [[0, 0, 1]], "fit": ["0x1", "0x1", "0x0", "0x1"], "auc": null, "scores": []}',
    ],
)
def test_counts_that_no_site_can_have_are_refused(content: bytes) -> None:
    with pytest.raises(BadTask, match="malformed counts"):
        counts.from_bytes(content)


def test_whatever_counts_of_a_regression_are_accepted_their_metrics_are_numbers() -> None:
    largest, least = (100 << 2074), 1
    for sums in ((largest, largest, 0, least), (largest, largest, -(100 << 1074), (100 << 1074) + 1), (0, 0, 0, 0)):
        found, _ = counts.from_bytes(counts.Counts(100, 0, (), sums).to_bytes())

        metrics = (found + found).fit_metrics
        assert all(np.isfinite(metrics.numbers)) and -1e300 <= metrics.r2 <= 1


def test_counts_of_another_task_than_the_job_are_refused() -> None:
    of_numbers, of_classes = counts.Counts(1, fit=(1, 1, 0, 0)), counts.Counts(1, cells=((0, 2, 1),))

    counts.check(of_numbers, 0)
    counts.check(of_classes, 3)
    for found, classes in ((of_numbers, 3), (of_classes, 0), (of_classes, 2)):
        with pytest.raises(BadTask, match="counts of a"):
            counts.check(found, classes)
