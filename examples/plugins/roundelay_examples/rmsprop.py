"""An optimizer: RMSProp (Tieleman and Hinton, Lecture 6.5, COURSERA: Neural Networks for Machine Learning, 2012)."""

import numpy as np

DECAY, EPSILON = np.float32(0.9), np.float32(1e-8)


class RMSProp:
    """Divide each step by the root of the moving mean of the squared gradients."""

    vectors = 1

    def step(self, weights, gradient, memory, now):
        """Change the weights in place; memory[0] is 0 before the first step of a local training."""
        squares = memory[0]
        squares *= DECAY
        squares += (1 - DECAY) * gradient * gradient
        weights -= np.float32(now.eta) * gradient / (np.sqrt(squares) + EPSILON)
