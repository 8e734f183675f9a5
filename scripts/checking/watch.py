"""A pytest plugin that says which files of the pages the checks read, from their import on."""

import json
import os
from pathlib import Path

from paper.reads import watched

watching = watched()
read = watching.__enter__()


def pytest_unconfigure():
    """Write what was read to the file that the environment names."""
    Path(os.environ["FULL_MARKS_READ"]).write_text(json.dumps(sorted(read)))
