"""A loss: the focal loss (Lin et al., Focal loss for dense object detection, ICCV 2017)."""

import numpy as np

from roundelay.ml.losses import probabilities

GAMMA = 2.0
P_MIN = 1e-12


class Focal:
    """The cross-entropy, in which rows count less that are predicted well."""

    def of_rows(self, scores, y):
        """Return each row's loss: (n, classes), (n,) -> (n,)."""
        p = self._true(probabilities(scores), y)
        return -((1 - p) ** GAMMA) * np.log(p)

    def gradient(self, scores, y):
        """Return the gradient of each row's loss by its scores: (n, classes)."""
        every = probabilities(scores)
        p = self._true(every, y)
        slope = (1 - p) ** GAMMA - GAMMA * (1 - p) ** (GAMMA - 1) * p * np.log(p)
        return slope[:, None] * (every - np.eye(every.shape[1])[y])

    def _true(self, every, y):
        return np.maximum(every[np.arange(len(y)), y], P_MIN)
