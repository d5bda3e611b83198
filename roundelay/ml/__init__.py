"""Machine learning: what local training on a file does to a vector of weights, and how such changes add up exactly.

Knows no network, no ring, no job and no clock. Importing the package costs nothing: numpy comes with the modules that
compute. Without numpy: errors, choices, threads, loaded_blas, malloc, task and what it consists of, frames, answers,
sliced and temporary.

    errors          the errors of this package, one class for each reaction of a caller
    choices         option values and bounds that command lines share with this package
    plugins         models, rules, readers, ... that do not ship, by name; which modules may be imported
    threads         one BLAS thread per process; to be called before numpy is imported
    loaded_blas     the same where numpy has been imported already
    malloc          keep freed memory in a trainer, return it in a server

    task            what a trainer is asked to do: TrainerTask, the seed of each local training
    training_plan   what every trainer of a job computes: TrainingPlan, TrainConfig
    design          which model is trained, and of which sizes
    field_checks    check the fields of all three
    frames          length-prefixed frames between a node and its trainer process
    answers         what the trainer answers, decoded
    sliced          contents that are read in slices: bytes, or a file
    temporary       bytes in unnamed temporary files
    worker          what a trainer does, without I/O
    file_cache      parsed files by digest
    task_inputs     the inputs of the network for a file of a task
    partial_update  what a trainer returns: the sum of its files' changes, or each of them
    trainer         the trainer process around a worker: python -m roundelay.ml.trainer
    trainer_orders  its orders, decoded and carried out
    flower          clients written for Flower as trainers

    data            Samples, Moments, standardise
    readers/        the only modules that open files: data sets, training files, saved models
    prepare         a data set -> packed training files and a validation file
    partitioners    which client gets which rows, from IID to skewed
    partition       training files, or a table, repartitioned
    order_statistics  values of given ranks, by counts that can be added
    description     counts, means, quantiles and histograms of a data set's columns
    cells           counts of values in cells of many rows, and quantiles of these
    row_digests     validation rows that are among the training rows

    models/         the models: mlp, softmax, cnn, PyTorch modules, and how to add one
    losses          what training minimises: cross-entropy, squared error, or the loss of a plugin
    mlp             the network in plain numpy: architecture, first weights, gradient, evaluation
    kernels         the same gradient, fast
    factored_gradient  the gradient of a large network, never whole in memory
    vectors         weights in memory or in a file
    aligned         buffers that begin at a cache line
    batches         the rows of files in the order of an epoch, cut into batches
    dropout         dropout of hidden activations
    arithmetic      native, or portable: the same bits on every machine
    exact_product   portable products and sums: all of their additions are exact
    elementary      portable exp and log
    raw_random      portable random numbers
    optimizers      SGD with momentum, Adam, FedProx and those of plugins, on flat vectors
    train           one local training, or several of equal length at once: weights in, weights out
    checkpoint      what is kept of a training that may be cut off
    lockstep        which files are trained together
    legacy_trainer  the float64 trainer of the original course project, to reproduce its numbers
    personal        models of a site's own, made from the shared one
    local_steps     how far a local training goes, for FedNova
    control_variates  what SCAFFOLD adds to the gradient of each step
    fingerprint     whether two machines compute the same bits

    float_sums      exact sums of float64 numbers
    counts          exact counts of how well a model predicts rows
    exact           sums of updates that do not depend on order or grouping: FedAvg in fixed point
    exact_moments   such sums of features: moments in big integers
    running_sum     the sum of a task's updates, in memory or in a file
    attacks         forge updates and poison data, to test verification and robust rules
    rounding        round updates at random to integers of agreed units
    privacy         clip an update and add noise to it
    discrete_gaussian  exact samples of integer noise
    accountant      the privacy that a job has spent
    renyi           the same from Rényi divergences (RDP)
    loss_distribution  the same from the distribution of the privacy loss (PRV), which is tighter
    masks           vectors that are masked in secure aggregation, and their sums
    push_sum        the weighted models that gossip exchanges
    validate        how well weights predict a job's validation file
    metrics         confusion matrix, precision, recall, F1 and AUC; RMSE, MAE and R2
"""
