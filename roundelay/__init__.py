"""Federated learning in rounds on a Chord ring.

The public API. Nothing is loaded before it is used: `import roundelay` imports neither numpy nor thrift.

    import roundelay

    with roundelay.local_ring(4) as ring:
        job = ring.train(x, y, clients=20, partition=roundelay.Dirichlet(0.1), rounds=30, hidden=(256,))
        for each in job.rounds():
            print(each.number, each.validation_error)
        model = job.model()
    model.predict(x)

Packages, from the bottom up: `chord` (the ring), `store` (replicated storage), `ml` (training), `trust`
(certificates of a secured ring), `federation` (jobs in rounds), `rpc` (the wire), `node` (processes), `client` (this
API), `dashboard`, `cli`; `sim` simulates rings, and `testing` starts real ones.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from roundelay.client.comparison import Comparison as Comparison
    from roundelay.client.comparison import compare as compare
    from roundelay.client.errors import ClientError as ClientError
    from roundelay.client.estimators import FederatedClassifier as FederatedClassifier
    from roundelay.client.estimators import FederatedRegressor as FederatedRegressor
    from roundelay.client.job import Job as Job
    from roundelay.client.job_summary import JobSummary as JobSummary
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
    from roundelay.ml.models.model import Model as Model
    from roundelay.ml.partitioners import IID as IID
    from roundelay.ml.partitioners import BySize as BySize
    from roundelay.ml.partitioners import Dirichlet as Dirichlet
    from roundelay.ml.partitioners import Exponential as Exponential
    from roundelay.ml.partitioners import InnerDirichlet as InnerDirichlet
    from roundelay.ml.partitioners import LabelSkew as LabelSkew
    from roundelay.ml.partitioners import NaturalId as NaturalId
    from roundelay.ml.partitioners import QuantitySkew as QuantitySkew
    from roundelay.ml.partitioners import Shards as Shards
    from roundelay.ml.partitioners import Sizes as Sizes

__version__ = "0.1.0"

_EXPORTS = {
    "Ring": "client.ring",
    "connect": "client.ring",
    "load_model": "client.ring",
    "local_ring": "client.ring",
    "Job": "client.job",
    "JobSummary": "client.job_summary",
    "Comparison": "client.comparison",
    "compare": "client.comparison",
    "JobReport": "client.report",
    "Round": "client.report",
    "save_model": "client.report",
    "DataOptions": "client.requests",
    "RingAddress": "client.requests",
    "TrainRequest": "client.requests",
    "ClientError": "client.errors",
    "FederatedClassifier": "client.estimators",  # needs the extra sklearn
    "FederatedRegressor": "client.estimators",
    "Settings": "federation.settings",
    "Model": "ml.models.model",
    "IID": "ml.partitioners",
    "Dirichlet": "ml.partitioners",
    "Shards": "ml.partitioners",
    "BySize": "ml.partitioners",
    "Exponential": "ml.partitioners",
    "InnerDirichlet": "ml.partitioners",
    "LabelSkew": "ml.partitioners",
    "NaturalId": "ml.partitioners",
    "QuantitySkew": "ml.partitioners",
    "Sizes": "ml.partitioners",
}  # to the module that has it

__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> Any:
    """Import an export when it is first used."""
    if name not in _EXPORTS:
        raise AttributeError(f"module 'roundelay' has no attribute {name!r}")
    return getattr(import_module(f"roundelay.{_EXPORTS[name]}"), name)


def __dir__() -> list[str]:
    """Name the exports too, for completion in notebooks."""
    return sorted({*globals(), *_EXPORTS})
