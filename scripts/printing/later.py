"""Print behind the live server's back: a changed page is shown first, and then its sets are printed."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Thread

from printing.compile import Job, compile_all, told
from printing.printer import Unprintable

log = logging.getLogger("mkdocs.full-marks")


class Later:
    """Holds back the sets that have a file already until a build is done; a new build stops it."""

    def __init__(self):
        self.wanted, self.jobs, self.placed, self.thread = False, [], str, None

    def hold_back(self, jobs: list[Job], placed: Callable[[Unprintable], str]) -> list[Job]:
        """Return the jobs that cannot wait: all of them, but under the live server those without a file."""
        self.placed = placed
        self.jobs = [job for job in jobs if self.wanted and job.known() and not job.done]
        return [job for job in jobs if job not in self.jobs]

    def start(self, folder: Path):
        """Print what was held back, and put it into the folder that is served."""
        if self.jobs:
            self.thread = Thread(target=self.run, args=(self.jobs, folder), daemon=True)
            self.thread.start()

    def run(self, jobs: list[Job], folder: Path):
        for problem in told(compile_all(jobs), self.placed):
            log.warning(problem)
        for job in jobs:
            if job.done:
                shutil.copy(job.path, folder / job.path.name)
        log.info("%d sets printed anew", sum(job.done for job in jobs))

    def stop(self):
        """Stop printing, if it goes on."""
        for job in self.jobs:
            job.stop()
        if self.thread:
            self.thread.join()
        self.jobs, self.thread = [], None


later = Later()
