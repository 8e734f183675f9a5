"""Check one part while it is written: its checks, its figures, its page with all house rules, its mutants."""

import sys

from checking import checks, mutate
from paper.jobs import Failed
from paper.parts import Part, chosen

from pages.build import finish, logged, make


def library(part: Part):
    """Run the library checks if their record is missing or stale, and renew it."""
    try:
        checks.recorded(part)
    except Failed:
        checks.main("--library", str(part.folder))
    except SyntaxError:
        pass  # the build says where


def main(*arguments: str) -> int:
    """Check the part that is named; with --mutate its equations are changed too. Return 0 if all is well."""
    addresses = [argument for argument in arguments if argument != "--mutate"]
    if len(addresses) != 1:
        print("usage: ./scripts/check docs/q2/d-my-part [--mutate]", file=sys.stderr)
        return 2
    try:
        part = chosen(addresses[0])
    except LookupError as error:
        print(f"scripts/check: {error}", file=sys.stderr)
        return 2
    report = logged()
    library(part)
    problems = make(report, only=part.id)
    code = finish(report, problems, "The part is sound. Now ./scripts/build makes the site with it.")
    return code or (mutate.main(part.id) if "--mutate" in arguments else 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
