"""A site's own policy for its private data: which orders it carries out, and what it does to what leaves.

The policy belongs to the site: it is a file beside the data, read when the node starts, and no message can change it.
An order outside it is refused, and the refusal names the rule.
"""

from __future__ import annotations

import tomllib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from roundelay.chord.errors import NotFound
from roundelay.federation.errors import BadPolicy, WorkFailed
from roundelay.federation.requests import Order
from roundelay.federation.tasks import CompareTask, DescribeTask, EvaluateTask, HistogramTask, MomentsTask, TrainTask
from roundelay.ml.errors import BadTask
from roundelay.trust.identity import Identity

DAY_S = 24 * 3600.0


def _rule(default: Any, about: str) -> Any:
    return field(default=default, metadata={"about": about})


@dataclass(frozen=True)
class SitePolicy:
    """What a site allows. The defaults are what a site without a file has."""

    submitters: tuple[str, ...] = _rule((), "names of the submitters whose jobs are served; empty: every submitter")
    models: tuple[str, ...] = _rule(("mlp", "softmax"), "models that may be trained")
    file_rows: int = _rule(50, "fewest rows of a file that is trained on")
    batch_rows: int = _rule(8, "fewest rows of a step of training")
    steps: int = _rule(10, "fewest steps of training on a file in one order")
    rounds_a_day: int = _rule(200, "most orders of training in 24 hours")
    sums: bool = _rule(True, "whether the sums of this site's features, and counts of their values, may be seen")
    names: bool = _rule(True, "whether the names of columns, classes and categories may be seen")
    compare: bool = _rule(False, "whether everybody may ask if many of some rows are among those that train")
    evaluation: bool = _rule(True, "whether models may be evaluated on the rows that are held out")
    held_out_rows: int = _rule(
        10, "fewest rows of which counts are told: rows held out, or with values near each other"
    )
    sites: int = _rule(0, "fewest sites whose updates are summed before anybody sees them (secure aggregation); 0: one")
    clip: float = _rule(2.0, "largest L2 norm of the update that leaves; 0: not clipped")
    noise: float = _rule(0.05, "standard deviation of the noise in each weight, as a share of clip; 0: none")

    def check(self, order: Order, submitter: Identity | None) -> None:
        """Raise WorkFailed if an order lies outside the policy; NotFound if other sites may do without this one."""
        if isinstance(order.task, DescribeTask | CompareTask):
            self._check_description(order.task)
            return
        if self.submitters and (submitter is None or submitter.name not in self.submitters):
            _refuse("submitters", f"{submitter or 'an unknown submitter'} is not among {', '.join(self.submitters)}")
        for file in order.files:
            if file.rows < self.file_rows:
                _refuse("file_rows", f"{file.name} has {file.rows} rows, at least {self.file_rows} are needed")
        if self.sites and isinstance(order.task, MomentsTask | HistogramTask | TrainTask):
            summed = order.masking.threshold if order.masking is not None else 1
            if summed < self.sites:
                _refuse("sites", f"a sum over {summed} sites may be seen, at least {self.sites} are needed")
        match order.task:
            case MomentsTask() | HistogramTask():
                if not self.sums:
                    _refuse("sums", "the sums of this site's features are not given away")
            case TrainTask():
                self._check_training(order, order.task)
            case EvaluateTask():
                _refuse("models", "private files are trained on, never evaluated")
            case _:  # of other kinds, which read no file, or whose answers SiteGate limits
                return

    def _check_description(self, task: DescribeTask | CompareTask) -> None:
        """Check what is asked before a job, by whomever."""
        if not self.names:
            raise NotFound(_refusal("names", "the names of this site's columns and classes are not given away"))
        if (not self.sums or self.sites) and _asks_for_means(task):  # its sums, before a job and by themselves
            rule = "sites" if self.sums else "sums"
            raise NotFound(_refusal(rule, "the sums of this site's features are not given away (--missing mean)"))
        if isinstance(task, CompareTask) and not self.compare:
            raise NotFound(_refusal("compare", "this site does not say whether it trains on some rows"))

    def _check_training(self, order: Order, task: TrainTask) -> None:
        design, config = task.plan.design, task.plan.config
        if design.model not in self.models:
            _refuse("models", f"{design.model} is not among {', '.join(self.models) or 'none'}")
        if self.clip and task.units:
            _refuse("clip", "its job rounds updates (--compress int8, int4, topk), and a rounded one cannot be clipped")
        if task.vectors > 1 and (self.clip or self.steps > 1):
            rule = "clip" if self.clip else "steps"
            _refuse(rule, "its job also asks for the gradient of each file's loss (--rule scaffold)")
        for file in order.files:
            batch = file.rows if config.optimizer == "gd" else min(config.batch, file.rows)
            smallest = last_step_rows(file.rows, batch)
            if smallest < self.batch_rows:
                _refuse("batch_rows", f"a step on {smallest} rows of {file.name}, fewer than {self.batch_rows}")
            steps = config.epochs * -(-file.rows // batch)
            if steps < self.steps:
                _refuse("steps", f"{steps} steps on {file.name}, at least {self.steps} are needed")


class SitePolicyInForce:
    """A policy in force: it also counts the orders of the last 24 hours. `where` names this node in refusals."""

    def __init__(self, policy: SitePolicy, clock: Callable[[], float]) -> None:
        self.policy = policy
        self._clock = clock
        self._trained: deque[float] = deque()

    def admit(self, order: Order, submitter: Identity | None) -> None:
        """Raise WorkFailed or NotFound if an order lies outside the policy; otherwise count it."""
        self.policy.check(order, submitter)
        if not isinstance(order.task, TrainTask):
            return
        now = self._clock()
        while self._trained and self._trained[0] <= now - DAY_S:
            self._trained.popleft()
        if len(self._trained) >= self.policy.rounds_a_day:
            _refuse("rounds_a_day", f"{self.policy.rounds_a_day} orders have been trained in the last 24 hours")
        self._trained.append(now)


def _asks_for_means(task: DescribeTask | CompareTask) -> bool:
    """Return whether a description counts and adds up values, also if it cannot be read."""
    from roundelay.ml.readers.reading import reading_from_json  # loads numpy, which most nodes do without

    try:
        return isinstance(task, DescribeTask) and reading_from_json(task.reading).missing == "mean"
    except BadTask:
        return True


def last_step_rows(rows: int, batch: int) -> int:
    """Return the rows of the last step of a pass over a file, which are the fewest of all steps."""
    return rows % batch or min(rows, batch)


def policy_from_toml(text: str) -> SitePolicy:
    """Read a policy. Raises BadPolicy, which names the key."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadPolicy(f"not TOML: {error}") from error
    known = {each.name: each for each in fields(SitePolicy)}
    if unknown := raw.keys() - known.keys():
        raise BadPolicy(f"{min(unknown)}: not a rule; there are {', '.join(known)}")
    return SitePolicy(**{name: _value(name, known[name].default, value) for name, value in raw.items()})


def _value(name: str, default: Any, value: Any) -> Any:
    """Return a value of the same type as the default. Raises BadPolicy."""
    if isinstance(default, tuple):
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise BadPolicy(f"{name}: expected a list of names")
        return tuple(value)
    wanted = (int, float) if isinstance(default, float) else type(default)
    if isinstance(value, bool) != isinstance(default, bool) or not isinstance(value, wanted):
        raise BadPolicy(f"{name}: expected {'true or false' if isinstance(default, bool) else 'a number'}")
    if not isinstance(default, bool) and not 0 <= value < 1e9:
        raise BadPolicy(f"{name}: {value}, expected a number from 0 on")
    return value


def _refuse(rule: str, why: str) -> None:
    raise WorkFailed(_refusal(rule, why))


def _refusal(rule: str, why: str) -> str:
    return f"the policy of the site refuses the order ({rule}): {why}"
