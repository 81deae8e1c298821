"""The REST interface, by its reference: the life of a sandbox and commands run in it."""

import base64
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import proc
from server import API_KEY, SANDBOXES, Sandbox, Server


def moment(text: str) -> datetime:
    assert text.endswith("Z"), text
    return datetime.fromisoformat(text)


def test_the_whole_job_from_token_to_deletion(server: Server) -> None:
    answer = server.raw("POST", "/api/v1/auth/token", json={"api_key": API_KEY})
    assert answer.status_code == 200, answer.text
    bearer = {"Authorization": f"Bearer {answer.json()['token']}"}
    created = server.raw("POST", SANDBOXES, json={"template": "python"}, headers=bearer)
    assert created.status_code == 201, created.text
    sandbox = Sandbox(server, created.json()).running()
    assert sandbox.exec("python3", "-c", "print(6*7)") == {
        "exit_code": 0, "stdout": "42\n", "stderr": ""}
    assert sandbox.id in server.list_ids()
    sandbox.delete()
    assert sandbox.id not in server.list_ids()


def test_the_token_is_a_jwt_of_fifteen_minutes(server: Server) -> None:
    answer = server.raw("POST", "/api/v1/auth/token", json={"api_key": API_KEY}).json()
    head, claims = (
        json.loads(base64.urlsafe_b64decode(part + "=="))
        for part in answer["token"].split(".")[:2])
    assert head["alg"] == "HS256"
    assert claims["exp"] - claims["iat"] == 900
    assert (claims["role"], claims["sub"]) == ("admin", "admin")
    assert abs(moment(answer["expires_at"]).timestamp() - claims["exp"]) <= 1


def test_an_api_key_is_accepted_in_place_of_a_token(server: Server) -> None:
    headers = {"Authorization": f"ApiKey {API_KEY}"}
    assert server.raw("GET", SANDBOXES, headers=headers).status_code == 200


def test_create_answers_every_field_of_the_reference(
    server: Server, new_sandbox: Callable[..., Sandbox]
) -> None:
    metadata = {"user": "alice", "project": "demo"}
    made = new_sandbox(ports=[3000, 8080], metadata=metadata, timeout_seconds=600).created
    assert re.fullmatch("[a-z2-7]{16}", made["id"])
    assert made["status"] in ("starting", "running")
    assert made["template"] == "python"
    assert made["ws_url"].endswith(f"/api/v1/sandboxes/{made['id']}/ws")
    assert made["ws_url"].startswith(("http://", "https://"))
    assert set(made["preview_urls"]) == {"3000", "8080"}
    assert f"sbx-{made['id']}-3000." in made["preview_urls"]["3000"]
    assert made["vnc_url"] is None
    assert made["metadata"] == metadata
    life = moment(made["expires_at"]) - moment(made["created_at"])
    assert abs(life.total_seconds() - 600) <= 1


def test_defaults_are_template_base_and_one_hour(server: Server) -> None:
    answer = server.request("POST", SANDBOXES, json={"unknown_member": True})
    assert answer.status_code == 201, answer.text
    sandbox = Sandbox(server, answer.json())
    try:
        made = sandbox.created
        assert made["template"] == "base"
        life = moment(made["expires_at"]) - moment(made["created_at"])
        assert abs(life.total_seconds() - 3600) <= 1
    finally:
        sandbox.delete()


def test_a_lifetime_above_the_maximum_is_clamped(new_sandbox: Callable[..., Sandbox]) -> None:
    made = new_sandbox(timeout_seconds=10_000_000).created
    life = moment(made["expires_at"]) - moment(made["created_at"])
    assert abs(life.total_seconds() - 86400) <= 1


def test_exec_waits_for_a_sandbox_that_is_starting(server: Server) -> None:
    sandbox = server.create()  # whatever its status is now
    try:
        assert sandbox.output("echo", "at once") == "at once\n"
    finally:
        sandbox.delete()


def test_arguments_reach_the_command_without_a_shell(shared: Sandbox) -> None:
    arguments = ["two words", "$HOME", "*", "", "'\"", "ü€😀", "a\nb"]
    code = "import sys, json; print(json.dumps(sys.argv[1:]))"
    assert shared.python(code, *arguments) == arguments


def test_the_environment_is_the_documented_one(new_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = new_sandbox(env={"FROM_CREATE": "1", "BOTH": "create"})
    code = "import os, json; print(json.dumps(dict(os.environ)))"
    found = sandbox.python(code, env={"FROM_EXEC": "2", "BOTH": "exec"})
    assert (found["FROM_CREATE"], found["FROM_EXEC"], found["BOTH"]) == ("1", "2", "exec")
    assert (found["HOME"], found["USER"]) == ("/home/sandbox", "sandbox")
    assert "/home/sandbox/.local/bin" in found["PATH"].split(":")
    assert {"TERM", "LANG"} <= set(found)
    assert "API_KEY" not in found


def test_a_missing_cwd_is_told_as_a_shell_would(shared: Sandbox) -> None:
    result = shared.exec("true", cwd="/nowhere")
    assert result["exit_code"] == 126
    assert result["stderr"].endswith("working directory: no such file or directory\n")


def test_cwd_is_the_workspace_unless_given(shared: Sandbox) -> None:
    assert shared.output("pwd") == "/home/sandbox/workspace\n"
    assert shared.output("pwd", cwd="/tmp") == "/tmp\n"


def test_stderr_and_exit_code_are_told_apart(shared: Sandbox) -> None:
    assert shared.exec("sh", "-c", "echo out; echo err >&2; exit 3") == {
        "exit_code": 3, "stdout": "out\n", "stderr": "err\n"}
    assert shared.exec("sh", "-c", "kill -TERM $$")["exit_code"] == 128 + 15


def test_stdin_is_given_and_ends(shared: Sandbox) -> None:
    assert shared.output("cat", stdin="line\nü") == "line\nü"
    assert shared.output("cat") == "", "without stdin a reader sees its end at once"


def test_a_missing_command_is_127_and_an_unexecutable_126(shared: Sandbox) -> None:
    missing = shared.exec("no-such-command-here")
    assert (missing["exit_code"], missing["stdout"]) == (127, "")
    assert missing["stderr"]
    denied = shared.exec("/etc/passwd")
    assert denied["exit_code"] == 126
    assert denied["stderr"]


def test_a_timeout_answers_504_with_what_was_printed(shared: Sandbox) -> None:
    script = "echo partial; echo trouble >&2; sleep 7654 & sleep 7655"
    answer = shared.exec_response("sh", "-c", script, timeout_seconds=1)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (504, "EXEC_TIMEOUT"), body
    assert (body["stdout"], body["stderr"]) == ("partial\n", "trouble\n")
    assert "truncated" in body
    proc.eventually(
        "the end of the whole group",
        lambda: not shared.runs("sleep 7654") and not shared.runs("sleep 7655"))


def test_output_above_ten_mebibytes_is_cut_and_says_so(shared: Sandbox) -> None:
    short = shared.exec("sh", "-c", "yes | head -c 5000000")
    assert len(short["stdout"]) == 5_000_000 and "truncated" not in short
    long = shared.exec("sh", "-c", "yes | head -c 11000000; exit 4")
    assert len(long["stdout"]) == 10 * 1024 * 1024
    assert (long["truncated"], long["exit_code"]) == (True, 4)


def test_invalid_utf8_is_replaced_or_sent_as_base64(shared: Sandbox) -> None:
    script = r"printf 'a\377b'"
    assert shared.sh(script) == "a\ufffdb"
    assert base64.b64decode(shared.sh(script, encoding="base64")) == b"a\xffb"


def test_a_background_child_does_not_hold_the_answer_back(shared: Sandbox) -> None:
    # The child keeps stdout open for longer than the request may take.
    answer = shared.exec_response("sh", "-c", "sleep 60 & echo done", timeout_seconds=10)
    assert (answer.status_code, answer.json()["stdout"]) == (200, "done\n"), answer.text


def test_many_execs_at_once_do_not_mix(shared: Sandbox) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda n: shared.sh(f"echo {n}; sleep 0.1; echo {n}"), range(16)))
    assert found == [f"{n}\n{n}\n" for n in range(16)]


def test_the_list_is_a_bare_array_newest_first(
    new_sandbox: Callable[..., Sandbox], server: Server
) -> None:
    ids = [new_sandbox().id for _ in range(3)]
    assert [id for id in server.list_ids() if id in ids] == ids[::-1]


def test_get_answers_what_create_did(sandbox: Sandbox) -> None:
    changing = {"status"}
    found = sandbox.get()
    for name in set(sandbox.created) - changing:
        assert found[name] == sandbox.created[name], name
    assert found["status"] == "running"


def test_keepalive_moves_the_expiry_by_an_hour(sandbox: Sandbox) -> None:
    before = moment(sandbox.get()["expires_at"])
    answer = sandbox.server.request("POST", sandbox.path + "/keepalive")
    assert (answer.status_code, answer.content) == (204, b"")
    moved = moment(sandbox.get()["expires_at"]) - before
    assert abs(moved.total_seconds() - 3600) <= 1


def test_services_lists_a_port_while_it_is_open(sandbox: Sandbox) -> None:
    def ports() -> list[int]:
        answer = sandbox.server.request("GET", sandbox.path + "/services")
        assert answer.status_code == 200, answer.text
        assert all(f"sbx-{sandbox.id}-{s['port']}." in s["preview_url"] for s in answer.json())
        return [service["port"] for service in answer.json()]

    assert ports() == []
    pid = sandbox.background("python3 -m http.server 3000")
    proc.eventually("port 3000 in services", lambda: ports() == [3000])
    sandbox.sh(f"kill {pid}")
    proc.eventually("no port in services", lambda: ports() == [])


def test_a_second_delete_is_204_and_the_rest_404(server: Server) -> None:
    sandbox = server.create().running()
    sandbox.delete()
    sandbox.delete()
    routes = (("GET", ""), ("POST", "/exec"), ("POST", "/keepalive"), ("GET", "/services"))
    for method, path in routes:
        answer = server.request(method, sandbox.path + path, json={"command": "true"})
        body = answer.json()
        assert (answer.status_code, body["code"]) == (404, "SANDBOX_NOT_FOUND"), (path, body)
        assert re.search(r"reason=\S+ at=\S+", body["details"]), body


def test_healthz_and_metrics_are_open(server: Server, sandbox: Sandbox) -> None:
    health = server.raw("GET", "/healthz")
    assert (health.status_code, health.text) == (200, "ok")
    sandbox.get()
    metrics = server.raw("GET", "/metrics")
    assert metrics.status_code == 200
    assert metrics.headers["Content-Type"].startswith("text/plain")
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", metrics.text, re.MULTILINE))
    assert types["xgen_http_requests_total"] == "counter"
    assert types["xgen_http_request_duration_seconds"] == "histogram"
    assert types["xgen_sandboxes_active"] == "gauge"
    assert types["xgen_sandbox_create_total"] == "counter"
    assert types["xgen_sandbox_delete_total"] == "counter"
    assert 'path="/api/v1/sandboxes/{id}"' in metrics.text
    assert sandbox.id not in metrics.text, "a raw path would make a series of every sandbox"


def test_metrics_count_sandboxes(server: Server) -> None:
    def value(name: str) -> float:
        text = server.raw("GET", "/metrics").text
        return float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE)[1])

    names = ("xgen_sandboxes_active", "xgen_sandbox_create_total", "xgen_sandbox_delete_total")
    before = [value(name) for name in names]
    sandbox = server.create().running()
    assert [value(name) for name in names] == [before[0] + 1, before[1] + 1, before[2]]
    sandbox.delete()
    assert [value(name) for name in names] == [before[0], before[1] + 1, before[2] + 1]
