"""Run independent jobs on all cores of this machine or on a Dask cluster, and keep what they give."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import joblib

from paper.parts import CACHE, DOCS, SCRIPTS, digest

memory = joblib.Memory(CACHE / "joblib", verbose=0)
UNUSED = timedelta(days=30)  # after that a result is dropped
CLUSTER = "DASK_SCHEDULER_ADDRESS"  # the variable by which Dask itself finds a cluster


class Failed(Exception):
    """Carries one message for each thing that failed, and the results that there are all the same."""

    def __init__(self, messages: list[str], results=()):
        super().__init__(messages, results)
        self.messages, self.results = messages, results

    def __str__(self):
        return "\n".join(self.messages)


@contextmanager
def workers(jobs: int) -> Iterator[joblib.Parallel]:
    """Give the processes that run some jobs: those of a Dask cluster if there is one, else one a core."""
    if os.environ.get(CLUSTER):
        from dask.distributed import Client

        with Client() as client:
            client.run(forget)
            with joblib.parallel_config("dask"):
                yield joblib.Parallel()
    else:
        yield joblib.Parallel(min(joblib.cpu_count(), jobs))


def forget():
    """Make a worker import the project's own modules again: their files may have changed since."""
    for name, module in list(sys.modules.items()):
        path = Path(getattr(module, "__file__", None) or "/")
        if path.is_relative_to(SCRIPTS) or path.is_relative_to(DOCS):
            del sys.modules[name]


def each(function: Callable, jobs: list[tuple]) -> list:
    """Return what a function gives for each tuple of arguments; independent of where it runs."""
    if not jobs:
        return []
    with workers(len(jobs)) as parallel:
        return parallel(joblib.delayed(function)(*job) for job in jobs)


def outcomes(kept: Callable, jobs: list[tuple]) -> list[tuple[object, bool]]:
    """Return (result or Failed, is it reused?) for each job of a function that `memory` caches.

    The function returns its result and the digests of the files that it read beyond its arguments;
    if one of these has changed, the job runs again. A failure is never kept.
    """
    known = [recalled(kept, job) for job in jobs]
    made = iter(each(attempt, [(kept, job) for job, found in zip(jobs, known, strict=True) if not found]))
    return [(found[0], True) if found else (next(made), False) for found in known]


def prune():
    """Drop the kept results that no build has asked for in a month."""
    memory.reduce_size(age_limit=UNUSED)


def recalled(kept: Callable, job: tuple) -> tuple | None:
    """Return the kept result of a job and what it read, if that is still as it was."""
    if not kept.check_call_in_cache(*job):
        return None
    result, read = kept(*job)
    return (result, read) if all(digest(DOCS / name) == seen for name, seen in read.items()) else None


def attempt(kept: Callable, job: tuple):
    """Run a job and keep its result; a failure is returned instead."""
    try:
        (result, _), _ = kept.call(*job)
        return result
    except Failed as failure:
        return failure
