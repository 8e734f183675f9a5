"""Work behind the live server's back: a changed page is shown first, and then what is made of it follows."""

import logging
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Thread

from printing.compile import Job, compile_all, told
from printing.printer import Unprintable

log = logging.getLogger("mkdocs.full-marks")


class Later:
    """Does under the live server after a build what no page waits for; a new build stops it.

    That is to write what is `made` of the pages, each with its address, and to print the sets that have
    a file already.
    """

    def __init__(self):
        self.wanted, self.stopped, self.thread = False, False, None
        self.made: Iterable[tuple[str, str | bytes]] = ()
        self.jobs, self.placed = [], str

    def hold_back(self, jobs: list[Job], placed: Callable[[Unprintable], str]) -> list[Job]:
        """Return the jobs that cannot wait: all of them, but under the live server those without a file."""
        self.placed = placed
        self.jobs = [job for job in jobs if self.wanted and job.known() and not job.done]
        return [job for job in jobs if job not in self.jobs]

    def start(self, site: Path):
        """Do it all, for a site that is built; under the live server in a thread of its own."""
        if self.wanted:
            self.thread = Thread(target=self.follow, args=(site,), daemon=True)
            self.thread.start()
        else:
            self.run(site)

    def follow(self, site: Path):
        """Do it behind the server's back; what an author breaks meanwhile the next build says."""
        try:
            self.run(site)
        except Exception as error:
            log.info("what is made of the pages waits for the next build: %s", type(error).__name__)

    def run(self, site: Path):
        for address, content in self.made:
            if self.stopped:
                return
            path = site / address
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        if self.jobs:
            self.print(site / "pdf")

    def print(self, folder: Path):
        """Print what was held back, and put it into the folder that is served."""
        for problem in told(compile_all(self.jobs), self.placed):
            log.warning(problem)
        for job in self.jobs:
            if job.done:
                shutil.copy(job.path, folder / job.path.name)
        log.info("%d sets printed anew", sum(job.done for job in self.jobs))

    def stop(self):
        """Stop what goes on."""
        self.stopped = True
        for job in self.jobs:
            job.stop()
        if self.thread:
            self.thread.join()
        self.stopped, self.made, self.jobs, self.thread = False, (), [], None


later = Later()
