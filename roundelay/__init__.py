"""Federated learning in rounds on a Chord ring.

The public API. Nothing is loaded before it is used: `import roundelay` imports neither numpy nor thrift.

    import roundelay

    with roundelay.local_ring(4) as ring:
        job = ring.submit(roundelay.TrainRequest("letters", "validate_letters.txt", {"rounds": 5}))
        for each in job.rounds():
            print(each.number, each.validation_error)
        roundelay.save_model("model.npz", job.result().model)

Packages, from the bottom up: `chord` (the ring), `store` (replicated storage), `ml` (training), `trust`
(certificates of a secured ring), `federation` (jobs in rounds), `rpc` (the wire), `node` (processes), `client` (this
API), `dashboard`, `cli`; `sim` simulates rings, and `testing` starts real ones.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from roundelay.client.errors import ClientError as ClientError
    from roundelay.client.job import Job as Job
    from roundelay.client.report import JobReport as JobReport
    from roundelay.client.report import Round as Round
    from roundelay.client.report import save_model as save_model
    from roundelay.client.requests import DataOptions as DataOptions
    from roundelay.client.requests import RingAddress as RingAddress
    from roundelay.client.requests import TrainRequest as TrainRequest
    from roundelay.client.ring import Ring as Ring
    from roundelay.client.ring import connect as connect
    from roundelay.client.ring import load_model as load_model
    from roundelay.client.ring import local_ring as local_ring
    from roundelay.federation.settings import Settings as Settings

_EXPORTS = {
    "Ring": "ring",
    "connect": "ring",
    "load_model": "ring",
    "local_ring": "ring",
    "Job": "job",
    "JobReport": "report",
    "Round": "report",
    "save_model": "report",
    "DataOptions": "requests",
    "RingAddress": "requests",
    "Settings": "requests",
    "TrainRequest": "requests",
    "ClientError": "errors",
}  # to the module of roundelay.client that has it

__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> Any:
    """Import an export when it is first used."""
    if name not in _EXPORTS:
        raise AttributeError(f"module 'roundelay' has no attribute {name!r}")
    return getattr(import_module(f"roundelay.client.{_EXPORTS[name]}"), name)
