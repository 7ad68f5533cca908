"""Submit once: the one decision step behind every operator that starts a training.

Before a creation is sent, the intent is recorded where Airflow can keep it; after it, what was made.
A later try of the same task reads the record and goes on from there: it adopts what a lost answer
has left behind, re-attaches to its own training, and submits again only what certainly did not
happen or has failed. Nothing here imports Airflow; the operators bring the store.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from airflow_provider_modelarts.client.comparison import check_same, name_taken
from airflow_provider_modelarts.client.models.job import newest
from airflow_provider_modelarts.client.ownership import CLOCK_SKEW, made_by, worth
from airflow_provider_modelarts.client.status import Outcome, describe, outcome_of
from airflow_provider_modelarts.exceptions import (
    ConflictError,
    JobNameExistsError,
    ModelArtsError,
    NotFoundError,
    ResponseLostError,
    ServiceUnavailableError,
)
from airflow_provider_modelarts.plans import JobPlan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_modelarts.client.client import ModelArtsClient
    from airflow_provider_modelarts.client.models.job import CreatedJob, JobSummary, JobVersion
    from airflow_provider_modelarts.plans import Attempt, Claims, Made, Store, VersionPlan

log = logging.getLogger(__name__)

_LOST: Final = (ResponseLostError, ServiceUnavailableError)
_LOOKS: Final = (0.0, 0.5, 1.0, 2.0)
"""Pauses in seconds before each look for what a lost answer has made; it may appear late."""
_CYCLES: Final = 3
"""How often a creation is sent in one try when each time its answer is lost and nothing appears."""


@dataclass(frozen=True)
class Record:
    """What is known between tries.

    :param phase: ``intent``: a creation is about to be sent or its fate is unknown; ``made``: it has
        worked; ``refused``: the service has said no.
    :param generation: that of the attempt which wrote it.
    :param fingerprint: hash of the payload.
    :param since: epoch seconds at which the intent was recorded.
    :param seen: the versions that were there before; none for a job whose name was free.
    :param base: for a version: the one it derives from.
    """

    phase: Literal["intent", "made", "refused"]
    generation: int
    fingerprint: str
    since: float
    job_id: int | None = None
    version_id: int | None = None
    seen: list[int] | None = None
    base: int | None = None

    @classmethod
    def read(cls, data: Mapping[str, Any] | None) -> Record | None:
        """Read a stored record; one of another release that makes no sense counts as none."""
        if not data:
            return None
        try:
            return cls(**data)
        except TypeError:
            log.warning("The stored record of this task cannot be read: %r", data)
            return None


class Submission:
    """Makes what a task wants made, once.

    :param client: access to the service.
    :param store: keeps the record.
    :param attempt: which attempt of the task this is.
    :param on_clear: ``new``: a cleared task trains anew; ``reuse``: it takes what it has.
    :param may_stop: whether a training of this task that still runs may be stopped for a new one.
    :param claims: by which tasks with the same payload settle whose a version is.
    :param sleep: waits the given seconds; replaced in tests.
    """

    def __init__(
        self,
        client: ModelArtsClient,
        store: Store,
        attempt: Attempt,
        *,
        on_clear: str = "new",
        may_stop: bool = True,
        claims: Claims,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._store = store
        self._attempt = attempt
        self._on_clear = on_clear
        self._may_stop = may_stop
        self._claims = claims
        self._sleep = sleep
        record = self._record = Record.read(store.load())
        # Where nothing is kept, the first try after a clear is all that tells of one.
        self._cleared = (
            record.generation != attempt.generation
            if record is not None
            else attempt.is_first and attempt.generation > 0
        )
        self.attached = False
        """Whether what was returned is another's, taken by ``if_exists="attach"``."""

    # ---- entry point

    def submit(self, plan: JobPlan | VersionPlan) -> Made:
        """Return what this task wants made, made now or by an earlier try."""
        return self._job(plan) if isinstance(plan, JobPlan) else self._version(plan)

    def made(self, plan: JobPlan | VersionPlan) -> Made | None:
        """Return what this task has made already, in this try or in an earlier one, if anything."""
        return self._own(
            None,
            lambda record: (
                self._find_job(plan, record)
                if isinstance(plan, JobPlan)
                else self._find_version(plan, record)
            ),
        )

    def _job(self, plan: JobPlan) -> Made:
        own = self._own(_fingerprint(plan.config), lambda r: self._find_job(plan, r))
        if own is None:
            return self._make_job(plan)
        if self._keeps(own):
            return own
        return self._make_version(plan.version(own.job_id))

    def _version(self, plan: VersionPlan) -> Made:
        own = self._own(None, lambda r: self._find_version(plan, r))
        if own is not None and self._keeps(own):
            return own
        return self._make_version(plan)

    # ---- what an earlier try has left

    def _own(self, fingerprint: str | None, find: Callable[[Record], Made | None]) -> Made | None:
        """Return what an earlier try of this task has made, if there is anything."""
        record = self._record
        if record is None:
            if self._store.durable or (self._attempt.is_first and not self._attempt.generation):
                return None
            started = Record("intent", self._attempt.generation, "", self._attempt.since)
            return self._adopt(partial(find, started), started, looks=(0.0,))
        if record.phase == "refused":
            return None
        if record.phase == "made":
            if fingerprint not in (None, record.fingerprint):
                log.warning("The payload has changed since the training was submitted")
            made = self._read(record)
            if made is None or self._reclaims(made, record):
                return made
            record = replace(record, phase="intent", version_id=None)
            self._save(record)  # what is another's now must not look like this task's own again
        log.info("An earlier try was interrupted while it submitted; looking for what it made")
        return self._adopt(partial(find, record), record)

    def _reclaims(self, made: Made, record: Record) -> bool:
        """Claim again what an earlier try has made, as Airflow has wiped that try's claim.

        Another task with the same payload may have taken it in between, or be about to.
        """
        if made.version_id not in self._claims.taken():
            self._claims.push(made, since=record.since, own=True)
            if self._claims.holds():
                return True
        log.info("Another task has claimed version %s", made.version_id)
        return False

    def _read(self, record: Record) -> Made | None:
        if record.job_id is None or record.version_id is None:
            return None
        try:
            return self._client.get_job_version(record.job_id, record.version_id)
        except NotFoundError:
            log.warning("Version %d of an earlier try is gone", record.version_id)
            return None

    def _keeps(self, own: Made) -> bool:
        """Whether the earlier training is what this attempt wants."""
        if own.version_id is None or own.status is None:
            return True  # a job that was made without a version; there is nothing to train anew
        outcome = outcome_of(own.status)
        what = f"job {own.job_id}, version {own.version_id}: {describe(own.status)}"
        if outcome in (Outcome.FAILED, Outcome.CANCELED):
            log.info("The earlier training has failed, training anew (%s)", what)
            return False
        if not self._cleared or self._on_clear == "reuse":
            log.info("Going on with the training of an earlier try (%s)", what)
            return True
        if outcome is Outcome.SUCCEEDED:
            log.info("The task was cleared, training anew (%s)", what)
            return False
        if not self._may_stop:
            log.warning("Cleared, but cancel_on_kill is false: going on with what runs (%s)", what)
            return True
        log.info("The task was cleared, stopping what it has running (%s)", what)
        try:
            self._client.stop_job_version(own.job_id, own.version_id)
        except ConflictError as error:
            log.info("It has ended meanwhile: %s", error)
        return False

    # ---- making

    def _make_job(self, plan: JobPlan) -> Made:
        earlier = self._record
        job = self._named(plan)
        if job is None:
            # The name is free now, so a job of that name that appears from here on is this task's.
            intent = self._intend(_fingerprint(plan.config), seen=[])
            find = partial(self._find_job, plan, intent)
            try:
                return self._send(partial(plan.send, self._client), find, intent)
            except JobNameExistsError as error:
                job = self._named(plan)
                if job is None:  # it is in a workspace that this connection does not look into
                    error.hint = plan.advice
                    raise
        if earlier is not None and job.job_id == earlier.job_id:
            return self._make_version(plan.version(job.job_id))  # our job, its version was deleted
        if plan.if_exists == "fail":
            raise name_taken(job, plan.advice)
        if plan.if_exists == "new_version":
            return self._make_version(plan.version(job.job_id))
        return self._attach(plan, job)

    def _attach(self, plan: JobPlan, job: JobSummary) -> Made:
        """Take the newest version of another's job, if it trains what this task would train."""
        version = newest(list(self._client.list_job_versions(job.job_id)))
        check_same(job, version, plan.config, plan.advice)
        self.attached = True
        made = version or job.as_created()
        self._claims.push(made, since=0, own=False)
        return made

    def _make_version(self, plan: VersionPlan) -> Made:
        versions = list(self._client.list_job_versions(plan.job_id))
        base = plan.pre_version_id
        if base is None:
            last = newest(versions)
            if last is None:
                msg = f"Job {plan.job_id} has no version to derive from; create another job"
                raise ModelArtsError(msg)
            base = last.version_id
        request = plan.request(self._client, base)
        config = request.to_wire(plan.extra_config)["config"]
        seen = sorted(version.version_id for version in versions)
        intent = self._intend(_fingerprint(config), job_id=plan.job_id, seen=seen, base=base)
        return self._send(
            lambda: self._client.create_job_version(plan.job_id, request, plan.extra_config),
            lambda: self._made_by(plan.job_id, config, intent),
            intent,
        )

    def _send(
        self, send: Callable[[], CreatedJob], find: Callable[[], Made | None], intent: Record
    ) -> Made:
        """Send a creation; when its answer is lost, ask what became of it before sending it again."""
        lost: ModelArtsError | None = None
        for _ in range(_CYCLES):
            began = time.monotonic()
            try:
                made = send()
                self._remember(made, intent)
                self._claims.push(made, since=0, own=True)
                # A job's name tells whose it is; a version may have been adopted before the answer came.
                if intent.job_id is None or self._claims.holds(time.monotonic() - began):
                    return made
                log.info("Another task has claimed version %s, looking on", made.version_id)
                self._save(intent)
            except _LOST as error:
                lost = error
                log.warning("The answer was lost, asking what became of it: %s", error)
            except ModelArtsError:
                # "exists already" may be our own lost attempt
                found = self._adopt(find, intent, looks=(0.0,)) if lost else None
                if found is not None:
                    return found
                self._save(replace(intent, phase="refused", seen=None))
                raise
            found = self._adopt(find, intent)
            if found is not None:
                return found
        raise lost or ModelArtsError("Other tasks have claimed each version that this one made")

    # ---- finding

    def _adopt(
        self,
        find: Callable[[], Made | None],
        intent: Record,
        looks: Sequence[float] | None = None,
    ) -> Made | None:
        """Take what a lost answer has left, unless a task with the same payload has it.

        It is looked for a few times, as what was made can appear a moment later.
        """
        for pause in _LOOKS if looks is None else looks:
            self._sleep(pause)
            while (found := find()) is not None:
                log.info("Found it: job %d, version %s", found.job_id, found.version_id)
                self._remember(found, intent)
                self._claims.push(found, since=time.time(), own=True)
                if self._claims.holds():
                    return found
                log.info("Another task has claimed it before, looking on")
                self._save(intent)
        return None

    def _named(self, plan: JobPlan) -> JobSummary | None:
        return self._client.find_training_job(plan.job_name, workspace_id=plan.workspace_id)

    def _find_job(self, plan: JobPlan, record: Record) -> Made | None:
        if record.job_id is not None:  # what was interrupted was a new version of a known job
            return self._find_version(plan.version(record.job_id), record)
        job = self._named(plan)
        if job is None:
            return None
        if plan.config.get("create_version") is False:
            known = record.seen is not None
            since = self._client.service_time(record.since)
            recent = (job.create_time or 0) >= (since - CLOCK_SKEW) * 1000
            return job.as_created() if known or recent else None
        return self._made_by(job.job_id, plan.config, record)

    def _find_version(self, plan: VersionPlan, record: Record) -> Made | None:
        if record.base is not None:
            config = plan.config(self._client, record.base)
            return self._made_by(plan.job_id, config, record)
        # Nothing was recorded: ask of each version since the run began whether we would make it so.
        versions = list(self._client.list_job_versions(plan.job_id))
        since = self._client.service_time(record.since)
        for version in sorted(versions, key=worth, reverse=True):
            if version.pre_version_id is None:
                continue
            config = plan.config(self._client, version.pre_version_id)
            if made_by([version], config, since=since, claimed=self._claims.taken()):
                return version
        return None

    def _made_by(self, job_id: int, config: Mapping[str, Any], record: Record) -> JobVersion | None:
        versions = list(self._client.list_job_versions(job_id))  # an answer tells the time
        return made_by(
            versions,
            config,
            since=self._client.service_time(record.since),
            seen=record.seen,
            claimed=self._claims.taken(),
        )

    # ---- recording

    def _intend(self, fingerprint: str, **known: Any) -> Record:
        intent = Record("intent", self._attempt.generation, fingerprint, since=time.time(), **known)
        self._save(intent)
        return intent

    def _remember(self, made: Made, intent: Record) -> None:
        self._save(replace(intent, phase="made", job_id=made.job_id, version_id=made.version_id))

    def _save(self, record: Record) -> None:
        self._record = record
        self._store.save({k: v for k, v in asdict(record).items() if v is not None})


def _fingerprint(config: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:16]
