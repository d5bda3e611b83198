"""The scenes of the boards that are in sight: those of every page, and those of the tab that is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from roundelay.chord.refs import Address, NodeRef
from roundelay.client.lookup import LookupResult
from roundelay.dashboard import calls_view, history_view, losses_view, metrics_view, sites_view, tables, training_view
from roundelay.dashboard.call_counts import CallRates
from roundelay.dashboard.model import RingState
from roundelay.dashboard.ring_view import Chosen, ring_scene
from roundelay.dashboard.route_view import route_scene
from roundelay.dashboard.scene import Scene
from roundelay.ml.metrics import Metrics


@dataclass(frozen=True)
class View:
    """What one page shows: its tab and its selection. job: the one that is shown, empty if the ring has none."""

    tab: str = "nodes"
    node: str = ""  # that was selected
    peeked: str = ""  # that the pointer is on
    job: str = ""
    found: LookupResult | None = None
    hops: int = 0  # of the lookup, that are shown
    wanted: str = ""  # by which the tab's lists are filtered
    paused: frozenset[NodeRef] = field(default_factory=frozenset)
    far_side: frozenset[NodeRef] = field(default_factory=frozenset)
    metrics: Metrics | None = None  # of the job
    unmeasured: str = ""  # why it has none
    is_measuring: bool = False
    rates: Mapping[Address, CallRates | None] = field(default_factory=dict)


def visible_scenes(ring_state: RingState, view: View) -> Mapping[str, Scene]:
    """Return the scenes by the names of their boards, without the log."""
    route = view.found.route if view.found is not None and view.tab == "lookup" else None
    name = view.found.name if view.found is not None else ""
    chosen = Chosen(view.peeked or view.node, route, view.hops, name, view.paused, view.far_side)
    return {
        "ring": ring_scene(ring_state, chosen),
        "summary": tables.summary_scene(ring_state),
        **_of_tab(ring_state, view),
    }


def _of_tab(ring_state: RingState, view: View) -> Mapping[str, Scene]:
    match view.tab:
        case "nodes":
            return {
                "nodes": tables.nodes_scene(ring_state, view.node, view.wanted),
                "calls": calls_view.calls_scene(view.rates),
                "node": tables.node_scene(ring_state, view.node),
            }
        case "training":
            return _training(ring_state, view)
        case "lookup":
            return {"route": route_scene(ring_state, view.found, view.hops)}
        case "history":
            return {
                "compare": history_view.compare_scene(ring_state, view.job),
                "jobs": history_view.jobs_scene(ring_state, view.job, view.wanted),
                "differences": history_view.differences_scene(ring_state, view.job),
                "lineage": history_view.lineage_scene(ring_state, view.job),
            }
        case _:
            return {"victim": tables.node_scene(ring_state, view.node)}


def _training(ring_state: RingState, view: View) -> Mapping[str, Scene]:
    snapshot = ring_state.job(view.job)
    return {
        "job": training_view.job_scene(ring_state, view.job),
        "error": training_view.error_scene(snapshot),
        "files": training_view.files_scene(ring_state, snapshot, view.wanted),
        "losses": losses_view.losses_scene(ring_state, snapshot, view.wanted),
        "loss": training_view.loss_scene(snapshot),
        "lanes": training_view.lanes_scene(ring_state, snapshot),
        "disturbed": training_view.disturbed_scene(snapshot),
        "sites": sites_view.sites_scene(snapshot),
        "confusion": metrics_view.metrics_scene(view.metrics, view.unmeasured, view.is_measuring),
    }


def rows_of_tab(ring_state: RingState, view: View) -> int:
    """Return the length of the list that the tab's filter is for."""
    snapshot = ring_state.job(view.job)
    lengths = {
        "nodes": len(ring_state.nodes),
        "training": len(snapshot.spec.files) if snapshot is not None else 0,
        "history": len(ring_state.jobs),
    }
    return lengths.get(view.tab, 0)
