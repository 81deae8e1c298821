"""Bounds of exec that a client can reach: 32 at once, and what waits for a sandbox."""

from concurrent.futures import ThreadPoolExecutor

import proc
from server import Sandbox


def test_the_thirty_third_exec_at_once_is_429(sandbox: Sandbox) -> None:
    sandbox.sh("mkfifo gate")
    with ThreadPoolExecutor(32) as pool:
        held = [
            pool.submit(
                sandbox.exec_response, "sh", "-c", "echo >>started; read line <gate", timeout_seconds=60)
            for _ in range(31)
        ]

        def all_run() -> bool:
            answer = sandbox.exec_response("sh", "-c", "wc -l <started")
            return answer.status_code == 200 and answer.json()["stdout"].strip() == "31"

        proc.eventually("31 of them", all_run, 30)
        last = pool.submit(sandbox.exec_response, "sh", "-c", "read line <gate", timeout_seconds=60)

        def is_full() -> bool:
            answer = sandbox.exec_response("true")
            if answer.status_code != 429:
                return False
            assert answer.json()["code"] == "QUOTA_EXCEEDED"
            assert int(answer.headers["Retry-After"]) > 0
            return True

        proc.eventually("the refusal of one more", is_full)
        with sandbox.wire() as wire:  # which is not counted
            run = wire.start("sh", "-c", "while :; do echo; done >gate")
            assert {answer.result().status_code for answer in [*held, last]} == {200}
            run.signal("KILL")
    assert sandbox.output("echo", "free") == "free\n"
