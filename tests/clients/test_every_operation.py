"""Every operation of the generated page was asked through both SDKs, and did what it is for and refused what it is not.

Runs after the suites of the SDKs, and looks at what they did.
"""

import os
import re

import pytest
from aliyun import ASKED, V1, V3

PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "dialects", "ecs.md")
# Machines do not run in this suite (`tests/compute` runs them), and copies and imports are over before anybody can stop
# them: these only refuse. The dialect's own cases, on an engine that stands still, show the last two at work.
NEVER_DONE = {"GetInstanceConsoleOutput", "RebootInstance", "RebootInstances", "RunInstances", "StartInstance",
              "StartInstances", "StopInstance", "StopInstances", "CancelCopyImage", "CancelTask"}
# Anybody who can sign may look at these.
NEVER_REFUSED = {"GetCallerIdentity", "DescribeRegions"}
# The SDKs have no request for it.
NOT_IN_SDK = {("v1", "GetSessionToken"), ("v3", "GetSessionToken")}


def operations():
    """The operations that the page lists."""
    with open(PAGE, encoding="utf-8") as page:
        return re.findall(r"^### (\w+)$", page.read(), re.MULTILINE)


@pytest.mark.parametrize("sdk", [V1.name, V3.name])
def test_every_operation_was_done_and_refused(sdk):
    # for a run of this file alone; in CI every suite runs, and one that did not is a failure
    if not any(name == sdk for name, _, _ in ASKED) and "CI" not in os.environ:
        pytest.skip("the suite of this SDK did not run")
    wanted = {(sdk, operation, done) for operation in operations() for done in (True, False)
              if (sdk, operation) not in NOT_IN_SDK and operation not in (NEVER_DONE if done else NEVER_REFUSED)}
    missing = sorted(wanted - ASKED)
    assert not missing, f"{len(missing)} of {len(wanted)}: {missing}"
