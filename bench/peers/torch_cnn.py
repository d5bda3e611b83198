"""PyTorch, eager: the network of `--model cnn`, trained as PyTorch's tutorials do."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np
import torch
from torch import nn

from bench.peers import serve

torch.set_num_threads(1)
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


class Trainer:
    """The network and its images."""

    def __init__(self, data: str, batch: int, eta: float, momentum: float) -> None:
        arrays = np.load(data)
        self.x, self.y = torch.from_numpy(arrays["x"]).reshape(-1, 1, 28, 28), torch.from_numpy(arrays["y"])
        self.batch = batch
        self.model = nn.Sequential(
            nn.Conv2d(1, 8, 5),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(400, 256),
            nn.ReLU(),
            nn.Linear(256, 10),
        )
        self.loss = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=eta, momentum=momentum)

    def seconds(self) -> float:
        """Train one epoch; return its processor seconds."""
        began, order = time.process_time(), torch.randperm(len(self.x))
        for start in range(0, len(order), self.batch):
            rows = order[start : start + self.batch]
            self.optimizer.zero_grad()
            self.loss(self.model(self.x[rows]), self.y[rows]).backward()
            self.optimizer.step()
        return time.process_time() - began


trainers: dict[int, Trainer] = {}


def answer(data: str, batch: int, eta: float, momentum: float) -> Any:
    """Return the seconds of an epoch."""
    if batch not in trainers:
        trainers[batch] = Trainer(data, batch, eta, momentum)
    return trainers[batch].seconds()


if __name__ == "__main__":
    serve(answer)
