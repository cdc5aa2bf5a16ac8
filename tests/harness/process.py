"""Child processes of the suites: free ports, waiting until something answers, ending for sure."""

import contextlib
import os
import signal
import socket
import subprocess
import time

WAIT_SECS_MAX = 60
STOP_SECS_MAX = 30
POLL_SECS = 0.05


def free_port():
    """A loopback port nobody listens on right now."""
    with contextlib.closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_until(ready, what, process=None, secs_max=WAIT_SECS_MAX, poll_secs=POLL_SECS):
    """Polls `ready` until it is true; fails when `process` ends before, or the time is over."""
    end = time.monotonic() + secs_max
    while not ready():
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"{what}: ended with status {process.returncode} before it was ready")
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not ready after {secs_max} s")
        time.sleep(poll_secs)


def port_answers(port):
    """Whether something accepts connections on a loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def end(process, sig=signal.SIGTERM):
    """Ends a child this program started, first politely; returns its exit status."""
    if process.poll() is None:
        process.send_signal(sig)
        try:
            process.wait(STOP_SECS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise RuntimeError(f"{process.args[0]} ignored signal {sig} for {STOP_SECS_MAX} s")
    return process.returncode


def rss_kib(pid):
    """Resident memory of a process now, in KiB."""
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


def root_of_tree():
    """The project's folder."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
