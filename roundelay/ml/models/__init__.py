"""Models, chosen by name on the nodes and never sent as code: mlp, softmax, cnn, or MODULE:NAME.

    learner    what the rest of ml/ asks of any model: first weights, one local training, scores
    allowed    which modules may be imported for one
    catalogue  a design's learner, by its name
    dense      mlp, softmax and the course's network: the fast kernels
    model      what somebody writes to add a model, and the loop that trains it
    cnn        a small convolutional network in numpy
    pytorch    the bridge to any nn.Module
    torchzoo   models for PyTorch that ship

A model of one's own is a class with four methods; `Model` gives the rest. This one, in a file mine.py that lies where
the client and the nodes are started (`compute_node.py 8001 --models mine`), trains with `--model mine:Linear`:

    import numpy as np

    from roundelay.ml.models.model import Model, softmax


    class Linear(Model):
        def __init__(self, design):
            super().__init__(design, (design.features + 1) * design.classes)

        def init_parameters(self, rng):
            self.parameters[:] = 0

        def gradient(self, x, y, weights, rng):
            w = self.parameters.reshape(-1, self.design.classes)
            x = np.hstack([np.ones((len(x), 1), np.float32), x])
            scores = x @ w
            p = softmax(scores)
            p[np.arange(len(y)), y] -= 1
            p *= weights[:, None] / len(y)
            return scores, (x.T @ p).reshape(-1)

        def predict(self, x):
            w = self.parameters.reshape(-1, self.design.classes)
            return np.hstack([np.ones((len(x), 1), np.float32), x]) @ w
"""
