"""The programs that draw the figures and run the checks, in processes of their own beside the build."""

import logging
import subprocess
import sys
from tempfile import TemporaryFile

from paper.parts import SCRIPTS

log = logging.getLogger("mkdocs.full-marks")
ROOMS = {"figures": "drawing", "checks": "checking"}
running: dict[str, "Run"] = {}


class Run:
    """A program that runs while the build goes on."""

    def __init__(self, script: str):
        # Imported, not run as a file: the cache keys its entries by the name of the module.
        command = f"import sys; from {ROOMS[script]} import {script}; sys.exit({script}.main())"
        self.script, self.out, self.err = script, TemporaryFile("w+"), TemporaryFile("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-c", command], cwd=SCRIPTS, stdout=self.out, stderr=self.err
        )

    def finish(self):
        """Wait for the end of the program, and report what it did and what failed."""
        code = self.process.wait()
        done, errors = (file.seek(0) or file.read().splitlines() for file in (self.out, self.err))
        reused = sum(line.startswith("reused") for line in done)
        log.info("%d %s: %d new, %d reused", len(done), self.script, len(done) - reused, reused)
        for message in errors if code else []:
            log.warning(message)


def start():
    """Start all programs."""
    running.update({script: Run(script) for script in ROOMS})


def finish(*scripts: str):
    """Wait for some of the programs, if they run."""
    for script in scripts:
        if script in running:
            running.pop(script).finish()
