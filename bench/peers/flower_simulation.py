"""Flower's simulation (Ray) of the app: four clients, as many at a time as there are cores."""

from __future__ import annotations

from flwr.simulation import run_simulation

from bench.peers.flower_app import client, server
from bench.peers.letters_share import CLIENTS

if __name__ == "__main__":
    run_simulation(server, client, CLIENTS, backend_config={"client_resources": {"num_cpus": 0.5}})
