"""Models of a site's own: what stays at the site, what they are made from, and what a diverging one becomes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from roundelay.ml.checkpoint import Checkpoint, checkpoint_from_frame
from roundelay.ml.data import Samples
from roundelay.ml.design import Design
from roundelay.ml.errors import BadTask
from roundelay.ml.models.catalogue import learner
from roundelay.ml.models.learner import evaluate
from roundelay.ml.partial_update import sum_from_bytes
from roundelay.ml.personal import last_layer, personal_weights, with_own_head
from roundelay.ml.readers import packed
from roundelay.ml.sliced import as_bytes
from roundelay.ml.task import FileTask, TrainerTask
from roundelay.ml.training_plan import PersonalPlan, TrainConfig, TrainingPlan, plan_from_dict
from roundelay.ml.worker import Worker

CLASSES = 4
DESIGNS = {
    "mlp": Design((16, 12, CLASSES)),
    "portable": Design((16, 12, CLASSES), arithmetic="portable"),
    "regression": Design((16, 12, 1), task="regression"),
    "cnn": Design((144, 6, CLASSES), "cnn", (1, 12, 12)),
}


def samples_of(design: Design, rows: int = 40, seed: int = 1) -> Samples:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, design.features)).astype(np.float32)
    if design.task == "regression":
        return Samples(x, (x[:, 0] - x[:, 1]).astype(np.float32))
    return Samples(x, rng.integers(0, 2, rows) + np.int64(seed % 3))


def plan_of(design: Design, method: Any = "head", epochs: int = 3, pull: float = 0.0, **config: Any) -> TrainingPlan:
    return TrainingPlan(
        design, TrainConfig(epochs=3, eta=0.02, **config), 20, personal=PersonalPlan(method, epochs, pull)
    )


def task_of(plan: TrainingPlan, files: int = 2) -> tuple[Worker, TrainerTask]:
    """A worker with some files, and a task to train all of them."""
    worker, tasks = Worker(), []
    for number in range(files):
        samples = samples_of(plan.design, 40, number)
        content = packed.pack(samples, plan.design.label_classes, plan.design.shape)
        worker.add_file(str(number), f"{number}.rdl", content, plan.design.features, plan.design.label_classes)
        tasks.append(FileTask(str(number), 40, number))
    return worker, TrainerTask(plan, tuple(tasks))


def first_weights(design: Design) -> bytes:
    return learner(design).init_weights(0).astype("<f4").tobytes()


@pytest.mark.parametrize("name", DESIGNS)
def test_nothing_of_the_last_layer_is_in_the_update(name: str) -> None:
    design = DESIGNS[name]
    worker, task = task_of(plan_of(design))

    change = sum_from_bytes(worker.train(task, first_weights(design)))

    place = last_layer(learner(design))
    assert not change[place].any()
    assert np.delete(change, np.arange(len(change))[place]).any()


@pytest.mark.parametrize("name", DESIGNS)
def test_a_last_layer_of_ones_own_fits_better_and_leaves_the_others(name: str) -> None:
    design = DESIGNS[name]
    model, samples = learner(design), samples_of(design)
    weights = model.init_weights(0)

    own = with_own_head(model, weights, samples, TrainConfig(epochs=20, eta=0.05), 7)

    place = last_layer(model)
    same = own == weights
    assert np.delete(same, np.arange(len(same))[place]).all() and not same[place].all()
    assert evaluate(model, own, samples).loss < evaluate(model, weights, samples).loss


def test_the_sum_of_files_is_that_of_each_by_itself() -> None:
    worker, task = task_of(plan_of(DESIGNS["mlp"]), files=3)
    weights = first_weights(DESIGNS["mlp"])

    alone = [worker.train(replace(task, files=(each,)), weights) for each in task.files]

    together = sum_from_bytes(worker.train(task, weights))
    assert (together == sum(sum_from_bytes(each) for each in alone)).all()


def test_a_training_that_was_cut_off_goes_on_with_the_same_bits() -> None:
    worker, task = task_of(plan_of(DESIGNS["mlp"]))
    weights, kept = first_weights(DESIGNS["mlp"]), list[tuple[Any, bytes]]()

    class Keep:
        def is_due(self, is_last: bool = False) -> bool:
            return not is_last

        def __call__(self, checkpoint: Checkpoint) -> None:
            header, payload = checkpoint.to_frame()
            kept.append((header, b"".join(map(as_bytes, payload))))

    whole = worker.train(task, weights, keep=Keep())

    from_here = [_resumed(worker, task, weights, *each) for each in kept]
    assert len(from_here) == 6 and all(each.sum == whole.sum for each in from_here)


def _resumed(worker: Worker, task: TrainerTask, weights: bytes, header: Any, payload: bytes) -> Any:
    begun = checkpoint_from_frame(header, payload, len(weights) // 4, len(task.files), 3, False)
    return worker.train(task, weights, begun=begun)


@pytest.mark.parametrize("name", DESIGNS)
def test_the_pull_keeps_dittos_model_near_the_shared_one(name: str) -> None:
    design = DESIGNS[name]
    model, samples = learner(design), samples_of(design)
    weights = model.init_weights(0)

    def distance(method: Any, pull: float = 0.0) -> float:
        made = personal_weights(model, plan_of(design, method, 8, pull), weights, samples, 7)
        return float(np.linalg.norm(made - weights))

    assert distance("ditto", 5.0) < distance("ditto", 0.5) < distance("ditto", 0.0) == distance("fine-tune")


def test_fine_tuning_is_a_local_training_from_the_shared_model_with_a_fifth_of_the_step() -> None:
    design = DESIGNS["mlp"]
    model, samples = learner(design), samples_of(design)
    weights, plan = model.init_weights(0), plan_of(design, "fine-tune", 8, momentum=0.5)

    made = personal_weights(model, plan, weights, samples, 7)

    assert (made == model.train(weights, samples, replace(plan.config, epochs=8, eta=0.2 * plan.config.eta), 7)).all()


@pytest.mark.parametrize("method", ["head", "ditto", "fine-tune"])
def test_a_site_whose_training_diverges_keeps_the_shared_model(method: Any) -> None:
    design = DESIGNS["regression"]
    model, samples = learner(design), samples_of(design)
    weights = model.init_weights(0)

    made = personal_weights(
        model, replace(plan_of(design, method, 50), config=TrainConfig(eta=1e6)), weights, samples, 7
    )

    assert (made == weights).all()


def test_a_sites_model_is_made_from_all_of_its_files() -> None:
    worker, task = task_of(plan_of(DESIGNS["mlp"], "fine-tune"))
    weights = first_weights(DESIGNS["mlp"])

    both = worker.personal_model(task, weights)

    assert not (both == worker.personal_model(replace(task, files=task.files[:1]), weights)).all()
    with pytest.raises(BadTask, match="at least one file"):
        worker.personal_model(replace(task, files=()), weights)


@pytest.mark.parametrize(
    ("design", "personal", "complaint"),
    [
        (Design((16, 4), "softmax"), ("head", 1), "softmax cannot keep a last layer"),
        (Design((16, 4)), ("head", 1), "mlp cannot keep a last layer"),
        (Design((16, 4), "my.own:Model"), ("head", 1), "my.own:Model cannot keep a last layer"),
        (DESIGNS["mlp"], ("head", 0), "personal epochs 0"),
        (DESIGNS["mlp"], ("tail", 1), "personal 'tail': expected none, head"),
        (DESIGNS["mlp"], ("fine-tune", 1, 0.5), "fine-tune has none"),
    ],
)
def test_what_cannot_be_made_is_refused(design: Design, personal: Any, complaint: str) -> None:
    with pytest.raises(BadTask, match=complaint):
        TrainingPlan(design, TrainConfig(), 20, personal=PersonalPlan(*personal))


def test_a_plan_travels_to_the_trainer_and_leaves_the_fingerprint() -> None:
    plan = plan_of(DESIGNS["mlp"], "ditto", 4, 0.5)

    assert plan_from_dict(plan.to_dict()) == plan
    assert plan.of_fingerprint() == replace(plan, personal=PersonalPlan()).of_fingerprint()
