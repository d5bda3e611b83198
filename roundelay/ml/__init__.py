"""Learning: what one file of samples does to one vector of weights, and how such changes add up exactly.

Deliberately knows no network, no ring, no job and no clock. Importing this package alone costs nothing: numpy
comes in with the modules that compute.

    errors      everything that can go wrong here, one class for each thing a caller can do about it
    threads     one BLAS thread a process (to be called before numpy is imported)
    heap        freed memory stays with the process
    task        what a trainer is told: TrainConfig, Task, the seed of each local training (no numpy)
    frames      length-prefixed frames between a node and its trainer process (no numpy)
    data        Samples, Moments, standardise
    readers/    the only code that reads files: folders, comma-separated rows, saved models
    mlp         the network, plainly: architecture, first weights, gradient, evaluation
    kernels     the same gradient, fast; mlp is the oracle of its tests
    batches     the rows of files in the order of an epoch, gathered and cut
    optimizers  SGD with momentum and Adam on flat vectors
    train       one local training, or several of equal length at once: weights in, weights out
    stacks      which files are trained together
    course      the course's trainer (float64), for those who want their old numbers again
    validate    how well weights predict a job's validation file
    exact       sums that do not depend on grouping: FedAvg in fixed point, moments in big integers
    fingerprint whether two machines would compute the same bits
    worker      what a trainer does, without any I/O
    trainer     the child process around a worker: python -m roundelay.ml.trainer
"""
