"""Submit once: the one decision step behind every operator that starts a training.

Before a creation is sent, the intent is recorded where Airflow can keep it; after it, what was made.
A later try of the same task reads the record and goes on from there: it adopts what a lost answer
has left behind, re-attaches to its own training, and submits again only what certainly did not
happen or has failed. Nothing here imports Airflow; the operators bring the store.
"""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_modelarts.client.comparison import check_same, name_taken
from airflow_provider_modelarts.client.models.job import newest
from airflow_provider_modelarts.client.ownership import CLOCK_SKEW, made_by, outline, worth
from airflow_provider_modelarts.client.status import Outcome, describe, outcome_of
from airflow_provider_modelarts.exceptions import (
    ConflictError,
    JobNameExistsError,
    ModelArtsError,
    NotFoundError,
    ResponseLostError,
    ServiceUnavailableError,
)
from airflow_provider_modelarts.plans import JobPlan, Record, fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from airflow_provider_modelarts.client.client import ModelArtsClient
    from airflow_provider_modelarts.client.models.job import CreatedJob, JobSummary, JobVersion
    from airflow_provider_modelarts.plans import Attempt, Claims, Made, Store, VersionPlan

log = logging.getLogger(__name__)

_LOST: Final = (ResponseLostError, ServiceUnavailableError)
_LOST_ANSWER: Final = 15.0
"""Seconds for which what a lost answer has created may take to appear."""
_INTERRUPTED: Final = 60.0
"""The same where the process that sent the request died: the service may be at it still."""
_LEFT_OVER: Final = 4.0
"""The same where this task gave its version to another, whose own must be there by now."""
_MID_REQUEST: Final = 40.0
"""The same where this process is being ended; Airflow 2 gives it 60."""
_CYCLES: Final = 3
"""How often a creation is sent in one try when each time its answer is lost and nothing appears."""


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
        # A creation of an earlier try may be under way still, and take the name before ours does.
        self._in_doubt = (
            record.phase == "intent"
            if record is not None
            else not store.durable and not (attempt.is_first and not attempt.generation)
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
            window=_MID_REQUEST,
        )

    def _job(self, plan: JobPlan) -> Made:
        own = self._own(fingerprint(plan.config), lambda r: self._find_job(plan, r))
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

    def _own(
        self,
        fingerprint: str | None,
        find: Callable[[Record], Made | None],
        *,
        window: float | None = None,
    ) -> Made | None:
        """Return what an earlier try of this task has made, if there is anything.

        :param window: seconds for which the creation of an interrupted try may take to appear;
            None: as if that process had died.
        """
        record = self._record
        if record is None:
            if self._store.durable or (self._attempt.is_first and not self._attempt.generation):
                return None
            started = Record("intent", self._attempt.generation, "", self._attempt.since)
            return self._adopt(partial(find, started), started, self._looks(_LOST_ANSWER))
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
            return self._adopt(partial(find, record), record, self._looks(_LEFT_OVER))
        log.info("A previous attempt was interrupted during submission; searching for its training")
        return self._adopt(partial(find, record), record, self._looks(window or _INTERRUPTED))

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
        except NotFoundError as error:
            if not error.says_gone:
                raise
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
            shown = {
                "job_name": plan.job_name,
                "workspace_id": plan.workspace_id,
                "settings": outline(plan.config),
            }
            intent = self._intend(fingerprint(plan.config), shown, seen=[])
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
        known = {"job_id": plan.job_id, "seen": seen}
        intent = self._intend(
            fingerprint(config), known | {"settings": outline(config)}, **known, base=base
        )
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
            began, window = time.monotonic(), _LOST_ANSWER
            try:
                made = send()
                self._remember(made, intent)
                self._claims.push(made, since=0, own=True)
                # A job's name tells whose it is; a version may have been adopted before the answer came.
                if intent.job_id is None or self._claims.holds(time.monotonic() - began):
                    return made
                log.info("Another task has claimed version %s, looking on", made.version_id)
                self._save(intent)
                window = _LEFT_OVER
            except _LOST as error:
                lost = error
                log.warning("The answer was lost, asking what became of it: %s", error)
            except ModelArtsError:
                # "exists already" may be our own lost attempt
                found = self._adopt(find, intent, (0.0,)) if lost or self._in_doubt else None
                if found is not None:
                    return found
                self._save(replace(intent, phase="refused", seen=None))
                self._claims.withdraw()
                raise
            found = self._adopt(find, intent, self._looks(window))
            if found is not None:
                return found
        raise lost or ModelArtsError("Other tasks have claimed each version that this one made")

    # ---- finding

    def _adopt(
        self,
        find: Callable[[], Made | None],
        intent: Record,
        pauses: Iterable[float],
    ) -> Made | None:
        """Take what a lost answer has left, unless a task with the same payload has it.

        :param pauses: seconds before each look for it, as it can appear late.
        """
        for pause in pauses:
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

    def _looks(self, window: float) -> Iterator[float]:
        """Yield the pauses before each look for what may take so many seconds to appear.

        The service works on no request for longer than a client waits for its answer.
        """
        left = min(window, self._client.config.timeout)
        pause = 0.0
        while True:
            yield pause
            left -= pause
            if left <= 0:
                return
            pause = min(max(2 * pause, 0.5), 8.0, left)

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

    def _intend(self, fingerprint: str, shown: Mapping[str, Any], **known: Any) -> Record:
        intent = Record("intent", self._attempt.generation, fingerprint, since=time.time(), **known)
        self._save(intent)
        self._claims.intend(shown)
        return intent

    def _remember(self, made: Made, intent: Record) -> None:
        self._save(replace(intent, phase="made", job_id=made.job_id, version_id=made.version_id))

    def _save(self, record: Record) -> None:
        self._record = record
        self._store.save({k: v for k, v in asdict(record).items() if v is not None})
