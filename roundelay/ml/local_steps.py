"""How far a local training goes, in steps of plain SGD: what FedNova divides each update by.

Wang, Liu, Liang, Joshi, Poor, Tackling the objective inconsistency problem in heterogeneous federated optimization,
NeurIPS 2020: the norm |a|_1 of the accumulated gradients, section 4. With momentum rho and t steps it is
(t - rho (1 - rho^t) / (1 - rho)) / (1 - rho). Imports no numpy.
"""

from roundelay.ml.training_plan import TrainConfig


def accumulated_steps(config: TrainConfig, rows: int) -> float:
    """Return |a|_1 of one training on a file of this many rows; at least 1. Of products only: equal on all machines."""
    steps = config.epochs * (1 if config.optimizer == "gd" else -(-rows // config.batch))
    rho = config.momentum
    if rho == 1.0:
        return steps * (steps + 1) / 2
    return (steps - rho * (1 - _power(rho, steps)) / (1 - rho)) / (1 - rho)


def _power(base: float, exponent: int) -> float:
    """Return a power by repeated squaring: `**` is the machine's own."""
    result = 1.0
    while exponent:
        if exponent & 1:
            result *= base
        base *= base
        exponent >>= 1
    return result
