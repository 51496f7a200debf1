"""Several subjects at a time, each in a thread of its own, and an orderly end to all of them."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

from conformance.harness.environment import Environment, EnvironmentFailure, obstacle
from conformance.harness.loop import Interrupted, Loop
from conformance.harness.runner import Options, Run, run_subject
from conformance.results.model import SubjectResult
from conformance.roster import Subject

__all__ = ["Session"]


class Session:
    """Runs subjects side by side.

    Args:
        options: how to run each of them.
        environment_of: finds or makes a subject's environment; interrupting the loop that it is
            given ends what that takes.
        jobs: how many at a time.
        finished: called with each run as it ends, from the calling thread.
    """

    def __init__(
        self,
        options: Options,
        environment_of: Callable[[Subject, Loop], Environment],
        jobs: int,
        finished: Callable[[Run], None] = lambda run: None,
    ) -> None:
        self.options = options
        self.environment_of = environment_of
        self.jobs = jobs
        self.finished = finished
        self._loops: list[Loop] = []
        self._lock = threading.Lock()
        self._stopping = False

    def run(self, subjects: Sequence[Subject]) -> list[Run]:
        """Run all subjects and return their runs in the given order.

        Errors:
            KeyboardInterrupt: passed on once every server has been stopped.
        """
        with ThreadPoolExecutor(self.jobs) as pool:
            futures: list[Future[Run]] = [pool.submit(self._one, each) for each in subjects]
            try:
                for future in as_completed(futures):
                    self.finished(future.result())
            except BaseException:
                # Not only on Ctrl-C: whatever ends a run may not leave servers behind.
                self._stop()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return [future.result() for future in futures]

    def _one(self, subject: Subject) -> Run:
        begun = time.monotonic()
        reason = obstacle(subject)
        if reason:
            return Run(_not_run(subject, reason, unavailable=True))
        loop = Loop()
        try:
            with self._lock:
                if self._stopping:
                    raise Interrupted
                self._loops.append(loop)
            return run_subject(subject, self._environment(subject, loop), self.options, loop)
        except Interrupted:
            raise
        except EnvironmentFailure as failure:
            why = str(failure)
        except Exception:
            # A mistake of ours must not take the other subjects' verdicts with it.
            why = f"the harness failed, please report it:\n{traceback.format_exc(limit=-4)}"
        finally:
            with self._lock:
                if loop in self._loops:
                    self._loops.remove(loop)
            loop.close()
        result = _not_run(subject, why)
        result.duration = round(time.monotonic() - begun, 4)
        return Run(result)

    def _environment(self, subject: Subject, loop: Loop) -> Environment:
        environment = self.environment_of(subject, loop)
        if environment.missing:
            wanted = " ".join(environment.missing)
            raise EnvironmentFailure(
                f"not installed here; pip install {wanted}, or run it with --isolated"
            )
        return environment

    def _stop(self) -> None:
        with self._lock:
            self._stopping = True
            for loop in self._loops:
                loop.interrupt()


def _not_run(subject: Subject, why: str, unavailable: bool = False) -> SubjectResult:
    return SubjectResult(
        subject.name,
        subject.title or subject.name,
        family=subject.family or subject.name,
        homepage=subject.homepage,
        unavailable=unavailable,
        failure=why,
    )
