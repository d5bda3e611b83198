"""Models, named in a job and never sent as code: mlp, softmax, cnn, torchzoo:cnn, or MODULE:NAME.

    learner    the interface of all models for the rest of ml/: first weights, one local training, scores
    catalogue  the learner of a design, by its name
    arrays     a flat vector of weights as the arrays that other frameworks exchange
    dense      mlp and softmax on the fast kernels, and the network of the course trainer
    model      the base class to subclass for a new model, and the learner that trains it
    cnn        a small convolutional network in numpy
    cnn_step   one gradient step of it, fast
    pytorch    any nn.Module as a model
    torchzoo   PyTorch models that ship
    torch_export  a trained model as an nn.Module

Your own model is a class with four methods; `Model` provides the rest. This one, in a file mine.py in the folder where
the client and the nodes are started (`compute_node.py 8001 --plugins mine`), trains with `--model mine:Linear`:

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
