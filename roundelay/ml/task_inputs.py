"""The inputs of the network for a file of a task: standardised as the task says, and as many rows as it says."""

from collections.abc import Callable

from roundelay.ml.data import Samples, moments_from_bytes, standardise_samples
from roundelay.ml.errors import BadTask
from roundelay.ml.task import FileTask, TrainerTask

FindSamples = Callable[[str], Samples]  # by digest; raises FileUnknown


def read_inputs(task: TrainerTask, file: FileTask, find: FindSamples) -> Samples:
    """Return the inputs of the network for a file of the task. Raises FileUnknown, BadTask."""
    samples = find(file.digest)
    check_rows(file, samples.rows)
    return network_inputs(task, samples)


def network_inputs(task: TrainerTask, samples: Samples) -> Samples:
    """Return the inputs of the network: standardised, or raw if the task has no moments."""
    if not task.moments:
        return samples
    return standardise_samples(samples, moments_from_bytes(task.moments))


def check_rows(file: FileTask, rows: int) -> None:
    """Raise BadTask unless a file has as many rows as the task says."""
    if rows != file.rows:
        raise BadTask(f"file {file.digest} has {rows} rows, but the task says {file.rows}")
