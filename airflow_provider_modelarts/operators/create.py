"""What creating a job and creating a version have in common: payload, waiting, result."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import conf

from airflow_provider_modelarts import arguments
from airflow_provider_modelarts.exceptions import ModelArtsError, WaitTimeoutError
from airflow_provider_modelarts.killing import ended_by_user, stop, timed_out
from airflow_provider_modelarts.operators.claims import XComClaims, claim_of_this_try
from airflow_provider_modelarts.operators.config import ConfigOperator
from airflow_provider_modelarts.operators.memory import attempt_of, store_of
from airflow_provider_modelarts.waiting import (
    TRIGGER_FAILED,
    Wait,
    check_end,
    end_time_of,
    naming_limit,
    outcome,
    read_event,
    tell_of_failed_trigger,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_modelarts.client.models.saved_config import SavedConfig
    from airflow_provider_modelarts.plans import JobPlan, Made, VersionPlan
    from airflow_provider_modelarts.submission import Submission

ON_CLEAR: Final = ("new", "reuse")


class CreateOperator(ConfigOperator):
    """Base of the operators that start a training.

    See :class:`~airflow_provider_modelarts.operators.config.ConfigOperator` for ``config``.

    :param from_saved_config: name of a saved parameter set to start from (templated): ``config``
        changes only what it names, algorithm fields and input fields each as a group, parameters by
        label.
    :param job_desc: description, at most 256 characters (templated).
    :param wait_for_completion: end with the training instead of with its creation.
    :param deferrable: wait in the triggerer instead of in a worker; default
        ``[operators] default_deferrable``.
    :param poll_interval: seconds or ``timedelta`` between polls while waiting; fractions are fine.
    :param max_wait: seconds or ``timedelta`` after which a wait ends and the task fails; like
        ``execution_timeout`` it counts from the start of the try, in every mode. None: no end.
    :param cancel_on_kill: stop the training when a user ends the task, or its time is over.
    :param on_clear: what a cleared task does with the training it has: ``new`` (train anew, as a
        new version) or ``reuse``.
    """

    template_fields: Sequence[str] = (
        *ConfigOperator.template_fields,
        "from_saved_config",
        "job_desc",
    )

    def __init__(
        self,
        *,
        from_saved_config: str | None = None,
        job_desc: str = "",
        wait_for_completion: bool = False,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float | timedelta = 30,
        max_wait: float | timedelta | None = None,
        cancel_on_kill: bool = True,
        on_clear: str = "new",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.from_saved_config = from_saved_config
        self.job_desc = job_desc
        self.wait_for_completion = arguments.flag("wait_for_completion", wait_for_completion)
        self.deferrable = arguments.flag("deferrable", deferrable)
        self.poll_interval = arguments.interval("poll_interval", poll_interval)
        self.max_wait = arguments.time_limit("max_wait", max_wait)
        self.cancel_on_kill = arguments.flag("cancel_on_kill", cancel_on_kill)
        self.on_clear = arguments.choice("on_clear", on_clear, ON_CLEAR)

    # ---- running

    def execute(self, context: Context) -> dict[str, Any]:
        """Start the training and, if asked to, wait for it.

        :return: ``job_id``, ``job_name``, ``version_id``, ``version_name``, ``status``,
            ``create_time`` (ms), ``resource_id``; after a wait also what the sensor returns.
        """
        with self._errors():
            self._context = context
            end_time = end_time_of(self.execution_timeout, self.max_wait)
            plan = self._plan()  # only a valid payload is worth a look at the store
            submission = self._submission(context)
            try:
                made = submission.submit(plan)
            except BaseException:
                # Airflow 2 ends a task by an exception out of the very request that is under way, and
                # any Airflow one whose time is over.
                if self._killed or (self.cancel_on_kill and timed_out()):
                    self._stop_made(submission, plan)
                raise
            own = not submission.attached
            cancel = self.cancel_on_kill and own
            self.log.info(
                "%s: job %r (job_id %d), version %s (version_id %s)",
                "Training" if own else "Attached to a training that is not this task's own",
                made.job_name,
                made.job_id,
                made.version_name,
                made.version_id,
            )
            if self._killed and cancel:
                self._stop(made.job_id, made.version_id)
                msg = "The task was killed while it submitted"
                raise ModelArtsError(msg)
            if not self.wait_for_completion:
                return creation(made)
            if made.version_id is None:
                msg = f"Job {made.job_id} has no version to wait for"
                raise ModelArtsError(msg)
            return self._look(self._wait(made.job_id, made.version_id, end_time), cancel=cancel)

    def execute_complete(self, context: Context, event: Any) -> dict[str, Any]:
        """Go on after the triggerer has called."""
        with self._errors():
            self._context = context
            told = read_event(event, job_id=None, version_id=None)
            self.log.info("Triggerer: %s", told.message)
            wait = self._wait(
                told.job_id, told.version_id, told.end_time, exhausted=told.status == "error"
            )
            return self._look(wait, cancel=told.cancel_on_kill)

    def resume_execution(
        self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context
    ) -> Any:
        """Resume; where the trigger itself has failed, go on waiting in this worker."""
        if next_method != TRIGGER_FAILED:
            return super().resume_execution(next_method, next_kwargs, context)
        with self._errors():
            self._context = context
            job_id, version_id, own = claim_of_this_try(context)
            tell_of_failed_trigger(next_kwargs)
            end_time = end_time_of(self.execution_timeout, self.max_wait)
            self.deferrable = False  # a second trigger would fail as the first did
            wait = self._wait(job_id, version_id, end_time)
            return self._look(wait, cancel=self.cancel_on_kill and own)

    @abstractmethod
    def _plan(self) -> JobPlan | VersionPlan:
        """Validate, and return what is to be made."""

    def _submission(self, context: Context) -> Submission:
        """Return the decision step, with what is known of earlier tries."""
        from airflow_provider_modelarts.submission import Submission

        attempt = attempt_of(context, self.retries or 0)
        claims = XComClaims(
            context,
            self._rivals(),
            since=attempt.since,
            conn_id=self.modelarts_conn_id,
            cancel_on_kill=self.cancel_on_kill,
            try_number=getattr(context["ti"], "try_number", 1),
        )
        return Submission(
            self.hook.get_conn(),
            store_of(context),
            attempt,
            on_clear=self.on_clear,
            may_stop=self.cancel_on_kill,
            claims=claims,
        )

    def _rivals(self) -> list[str]:
        """Return the tasks of this DAG that start trainings, this one included where it is mapped."""
        dag = self.get_dag()
        tasks = dag.task_dict.values() if dag is not None else []
        return [task.task_id for task in tasks if is_create_operator(task)]

    def _wait(self, job_id: int, version_id: int, end_time: float | None, **options: Any) -> Wait:
        interval = self.poll_interval
        return Wait(
            self.hook, job_id, version_id, poll_interval=interval, end_time=end_time, **options
        )

    def _look(self, wait: Wait, *, cancel: bool) -> dict[str, Any]:
        """Return the XCom if the version has completed; otherwise wait for it.

        :param cancel: whether the version is stopped when the task is ended by its user.
        """
        self._live = (wait.job_id, wait.version_id) if cancel else None
        limits = {"max_wait": self.max_wait, "execution_timeout": self.execution_timeout}
        try:
            with naming_limit(**limits):
                version = (
                    wait.poll(hands_over=True).look() if self.deferrable else wait.until_ended()
                )
        except WaitTimeoutError:
            if cancel:
                self._stop(wait.job_id, wait.version_id)
            raise
        if version is None:
            self.log.info(
                "Waiting in the triggerer for job %d, version %d", wait.job_id, wait.version_id
            )
            trigger = wait.trigger(cancel_on_kill=cancel)
            self.defer(trigger=trigger, method_name="execute_complete")
        check_end(self.hook, version)
        return creation(version) | outcome(version)

    # ---- being killed

    _context: Context | None = None
    _live: tuple[int, int] | None = None
    _killed: bool = False

    def on_kill(self) -> None:
        """Stop the training if a user or the task's own timeout ends the task, and only then.

        Airflow calls this also when the worker is evicted; then the training goes on, and the retry
        finds it.
        """
        if not self.cancel_on_kill or self._context is None:
            return
        if not timed_out() and not ended_by_user(self._context["ti"]):
            self.log.warning(
                "The task process is being ended, but nobody has ended the task: the training goes on, "
                "and the next try of this task goes on waiting for it"
            )
            return
        if self._live is None:
            self._killed = True  # while submitting; see execute
            self.log.warning(
                "The task was ended while its training was being created. What was created is stopped here "
                "as soon as the service answers; should Airflow end this process before, its API server "
                "or, after a clear, the next attempt stops it"
            )
            return
        self._stop(*self._live)

    def _stop_made(self, submission: Submission, plan: JobPlan | VersionPlan) -> None:
        """Stop what an interrupted submission has made, if anything."""
        try:
            made = submission.made(plan)
        except ModelArtsError as error:
            self.log.error("A training may have been made and go on, look for it: %s", error)  # noqa: TRY400
        else:
            if made is not None:
                self._stop(made.job_id, made.version_id)

    def _stop(self, job_id: int, version_id: int | None) -> None:
        if version_id is None:
            return
        client = self.hook.get_conn()
        if not stop(client, job_id, version_id):
            return
        try:
            fresh = self.hook.renewed(client)  # replaced during the wait, maybe
        except ModelArtsError as error:
            self.log.warning("%s", error)
            return
        if fresh is not None:
            self.log.info("The connection has other credentials now, trying again")
            stop(fresh, job_id, version_id)

    # ---- payload

    def _config(self) -> dict[str, Any]:
        """Return ``config`` as a mapping, completed by the saved set where one is named."""
        config = super()._config()
        if not self.from_saved_config:
            return config
        from airflow_provider_modelarts.client.inherit import inherited

        return inherited(self._saved_config, config)

    @cached_property
    def _saved_config(self) -> SavedConfig:
        """The saved set as it is when the task runs; read once, so that all uses of it agree."""
        from airflow_provider_modelarts.client.ids import checked_name

        name = checked_name(self.from_saved_config, "from_saved_config")
        self.log.info("Starting from the saved parameter set %r", name)
        return self.hook.get_conn().get_saved_config(name)

    def _body(self, config: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
        """Return a request body; an option of the operator that is not set stays out."""
        given = {"job_desc": self.job_desc, **fields}
        return {k: v for k, v in given.items() if v not in (None, "")} | {"config": config}


def creation(made: Made) -> dict[str, Any]:
    """Return the XCom of a job or version that was made, now or earlier."""
    return {
        "job_id": made.job_id,
        "job_name": made.job_name,
        "version_id": made.version_id,
        "version_name": made.version_name,
        "status": made.status,
        "create_time": made.create_time,
        "resource_id": made.resource_id,
    }


def is_create_operator(task: Any) -> bool:
    """Whether a task, mapped or not, starts trainings."""
    kind = getattr(task, "operator_class", type(task))
    return isinstance(kind, type) and issubclass(kind, CreateOperator)
