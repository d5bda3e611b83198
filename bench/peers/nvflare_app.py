"""NVFlare's components for the same job: what every site of a swarm runs, with our network and trainer.

The site that aggregates a round writes a line of JSON to the file that BENCH_TELL names.
"""

from __future__ import annotations

import time
from typing import Any

from nvflare.apis.dxo import DXO, DataKind, MetaKey, from_shareable
from nvflare.apis.executor import Executor
from nvflare.apis.fl_context import FLContext
from nvflare.apis.shareable import Shareable
from nvflare.apis.signal import Signal
from nvflare.app_common.abstract.model import ModelLearnable, make_model_learnable
from nvflare.app_common.abstract.model_persistor import ModelPersistor
from nvflare.app_common.aggregators.intime_accumulate_model_aggregator import InTimeAccumulateWeightedAggregator
from nvflare.app_common.app_constant import AppConstants

from bench.peers.letters_share import first_weights, tell, train_share

WEIGHTS = "weights"
SITE = "site-"  # a site's name, before its number


class LettersExecutor(Executor):  # type: ignore[misc]  # nvflare is in an environment of its own
    """Trains the site's share of the letters."""

    def execute(self, task_name: str, shareable: Shareable, fl_ctx: FLContext, abort_signal: Signal) -> Shareable:
        number = int(fl_ctx.get_identity_name().removeprefix(SITE))
        weights, rows, _ = train_share(from_shareable(shareable).data[WEIGHTS], number)
        meta = {MetaKey.NUM_STEPS_CURRENT_ROUND: rows}
        return DXO(DataKind.WEIGHTS, {WEIGHTS: weights}, meta).to_shareable()


class FirstWeights(ModelPersistor):  # type: ignore[misc]
    """Gives the weights before the first round, and keeps none of the later ones."""

    def load_model(self, fl_ctx: FLContext) -> ModelLearnable:
        return make_model_learnable({WEIGHTS: first_weights()}, {})

    def save_model(self, model: ModelLearnable, fl_ctx: FLContext) -> None:
        pass


class TellingAggregator(InTimeAccumulateWeightedAggregator):  # type: ignore[misc]
    """NVFlare's default aggregator, which also reports how many sites each round has."""

    def __init__(self) -> None:
        super().__init__(expected_data_kind=DataKind.WEIGHTS)
        self.sites = 0

    def accept(self, shareable: Shareable, fl_ctx: FLContext) -> bool:
        accepted: bool = super().accept(shareable, fl_ctx)
        self.sites += accepted
        return accepted

    def aggregate(self, fl_ctx: FLContext) -> Any:
        made = super().aggregate(fl_ctx)
        number = fl_ctx.get_prop(AppConstants.CURRENT_ROUND) + 1
        tell({"round": number, "sites": self.sites, "at": time.time()})
        self.sites = 0
        return made
