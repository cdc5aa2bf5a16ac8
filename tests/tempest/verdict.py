"""Reads the output of `tempest run` and compares it with a list of ids that must pass.

    verdict.py RUN_LOG EXPECTED_IDS

Prints what did not pass, and the count; exit status 0 when every expected id passed.
"""

import re
import sys

LINE = re.compile(r"^\{\d+\} (?P<id>[\w.]+(?: \([\w.]+\))?)(?:\[[^\]]*\])?(?: \[[\d.]+s\])? \.\.\. (?P<how>\w+)")


def main(log_path, expected_path):
    """The verdict; see the module's text."""
    outcome = {}
    with open(log_path, errors="replace") as log:
        for line in log:
            if found := LINE.match(line):
                outcome[found["id"]] = found["how"]
    with open(expected_path) as file:
        expected = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    missed = [name for name in expected if outcome.get(name) != "ok"]
    others = sorted(name for name, how in outcome.items() if how == "FAILED" and name not in expected)
    for name in missed:
        print(f"tempest: NOT PASSED (expected): {name}: {outcome.get(name, 'did not run')}")
    for name in others:
        print(f"tempest: failed, not expected to pass yet: {name}")
    beyond = sum(how == "ok" for name, how in outcome.items() if name not in expected)
    print(f"tempest: {len(expected) - len(missed)} of {len(expected)} expected ids passed, {beyond} more besides; "
          f"{len(others)} others failed, {sum(how == 'SKIPPED' for how in outcome.values())} skip records")
    print(f"{len(expected) - len(missed)} passed, {len(missed)} failed")
    return 1 if missed or not expected else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
