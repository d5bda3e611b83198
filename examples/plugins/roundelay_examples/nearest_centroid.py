"""A model: one centroid per class, and a row belongs to the nearest."""

import numpy as np

from roundelay.ml.models.model import Model, softmax


class NearestCentroid(Model):
    """Trains the centroids by the gradient of the cross-entropy of -|x - c|^2."""

    def __init__(self, design):
        super().__init__(design, design.features * design.classes)

    def init_parameters(self, rng):
        self.parameters[:] = rng.standard_normal(self.parameters.size) * 0.1

    def predict(self, x):
        centroids = self.parameters.reshape(self.design.classes, -1)
        return -((x[:, None, :] - centroids) ** 2).sum(axis=2)

    def gradient(self, x, y, weights, rng):
        centroids = self.parameters.reshape(self.design.classes, -1)
        scores = self.predict(x)
        p = softmax(scores)
        p[np.arange(len(y)), y] -= 1
        p *= weights[:, None] / len(y)
        return scores, 2 * (p.T @ x - p.sum(axis=0)[:, None] * centroids).reshape(-1)
