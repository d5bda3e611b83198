"""Submits NVFlare's swarm job of the letters, and waits until it has ended.

    python -m bench.peers.nvflare_job KIT  # the folder of an administrator's startup kit

The settings are NVFlare's defaults, except that every site's result is required, and that each wait for a site may last
ten minutes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from nvflare.app_common.ccwf.ccwf_job import CCWFJob, SwarmClientConfig, SwarmServerConfig
from nvflare.app_common.ccwf.comps.simple_model_shareable_generator import SimpleModelShareableGenerator
from nvflare.fuel.flare_api.flare_api import new_secure_session

from bench.peers.letters_share import CLIENTS
from bench.peers.nvflare_app import FirstWeights, LettersExecutor, TellingAggregator

WAIT_S = 600  # for sites that are away
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "6"))


def main(kit: Path) -> None:
    """Submit the job, and wait."""
    job = CCWFJob(name="letters", min_clients=CLIENTS)
    job.add_swarm(
        SwarmServerConfig(num_rounds=ROUNDS, start_task_timeout=WAIT_S, max_status_report_interval=WAIT_S),
        SwarmClientConfig(
            executor=LettersExecutor(),
            persistor=FirstWeights(),
            shareable_generator=SimpleModelShareableGenerator(),
            aggregator=TellingAggregator(),
            learn_task_ack_timeout=WAIT_S,
            learn_task_timeout=WAIT_S,
            final_result_ack_timeout=WAIT_S,
            min_responses_required=CLIENTS,
        ),
    )
    folder = kit.parent / "jobs"
    job.export_job(str(folder))
    session = new_secure_session(kit.name, str(kit), timeout=60.0)
    try:
        session.monitor_job(session.submit_job(str(folder / job.name)), timeout=0)
    finally:
        session.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
