"""FedNova: each update is divided by its local steps, so that files with more of them do not pull the model further.

Wang, Liu, Liang, Joshi, Poor, Tackling the objective inconsistency problem in heterogeneous federated optimization,
NeurIPS 2020, equation 7: base + (sum of p_i |a_i|) * (sum of p_i change_i / |a_i|), where p_i is a file's share of the
rows and |a_i| the steps that its training accumulates (roundelay.ml.local_steps). The trainer divides before the exact
sum; the server multiplies the mean of that sum.
"""

from __future__ import annotations

from collections.abc import Sequence

from roundelay.ml.local_steps import accumulated_steps
from roundelay.ml.training_plan import TrainConfig


def effective_steps(config: TrainConfig, rows: Sequence[int]) -> float:
    """Return the mean of |a_i| by rows over the files of a round, in their order."""
    total = 0.0
    for count in rows:
        total += count * accumulated_steps(config, count)
    return total / sum(rows)
