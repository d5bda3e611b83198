"""A model of a site's own, made from the shared model and the site's rows: a pure function, with no state in between.

    head       the last layer stays at the site: FedPer (Arivazhagan et al. 2019), FedRep (Collins et al., ICML 2021).
               It is trained anew whenever it is needed, from the last layer of the shared model while all other
               layers stay as they are (federated reconstruction, Singhal et al., NeurIPS 2021)
    ditto      the shared model trained on, pulled back towards itself (Li et al., ICML 2021)
    fine-tune  the shared model trained on

A whole model is trained on in smaller steps than the job's (OWN_STEP). As nothing is remembered from round to round, a
site that was away, was killed or has lost its disk makes the same model as one that was not. A training that diverges
leaves the site with the shared model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from roundelay.ml.choices import ETA_MIN
from roundelay.ml.data import Array, Floats, Samples
from roundelay.ml.errors import StepTooLarge
from roundelay.ml.mlp import Architecture, blocks_of
from roundelay.ml.models.learner import Learner
from roundelay.ml.train import Shard, train
from roundelay.ml.training_plan import TrainConfig, TrainingPlan

OWN_STEP = 0.2  # of the job's: no average over sites evens out the noise of the last steps (decision 28)


def personal_weights(model: Learner, plan: TrainingPlan, weights: Floats, samples: Samples, seed: int) -> Floats:
    """Return the weights of a site's own model, made from these shared weights and the site's inputs."""
    own = plan.personal
    config = replace(plan.config, epochs=own.epochs, mu=own.pull)
    try:
        if own.keeps_head:
            return with_own_head(model, weights, samples, config, seed)
        config = replace(config, eta=max(ETA_MIN, OWN_STEP * config.eta))
        made = model.train(weights, samples, config, seed).astype(np.float32)  # (parameters,)
    except StepTooLarge:
        return weights
    return made if np.isfinite(made).all() else weights


def train_with_heads(
    model: Learner, plan: TrainingPlan, base: Floats, shards: Sequence[Shard]
) -> Iterator[tuple[int, Array]]:
    """Yield (position, new weights) of each shard, trained with a last layer of its own, which is not in the weights.

    Raises StepTooLarge.
    """
    config, place = replace(plan.config, epochs=plan.personal.epochs, mu=0.0), last_layer(model)
    for position, shard in enumerate(shards):
        start = with_own_head(model, base, shard.samples(), config, shard.seed)
        for _, local in model.train_all(start, [shard], plan.config):
            local[place] = base[place]
            yield position, local


def with_own_head(model: Learner, weights: Floats, samples: Samples, config: TrainConfig, seed: int) -> Floats:
    """Return these weights with a last layer trained on the samples, from the one in the weights.

    The other layers stay, so the last one is a network by itself on what they make of the rows. Raises StepTooLarge.
    """
    matrix, bias = model.slots[-2:]
    blocks = [model.last_inputs(weights, samples.x[rows]) for rows in blocks_of(samples.rows)]
    inputs = Samples(np.concatenate(blocks).astype(np.float32), samples.y)  # (n, width)
    head = np.concatenate([weights[bias.start : bias.stop], weights[matrix.start : matrix.stop]])  # as mlp.py has it
    network = Architecture(matrix.shape, task=model.design.task, loss_name=model.design.loss)
    trained = train(network, head, inputs, replace(config, dropout=0.0), seed, None, model.arithmetic)
    made = weights.copy()  # (parameters,)
    made[bias.start : bias.stop], made[matrix.start : matrix.stop] = np.split(trained, [matrix.shape[-1]])
    return made


def last_layer(model: Learner) -> slice:
    """Return the place of the last layer in a vector of weights."""
    matrix, bias = model.slots[-2:]
    return slice(min(matrix.start, bias.start), max(matrix.stop, bias.stop))
