"""Programs that people run in a sandbox find what they need: a user, a home, settings."""

import shutil

import pytest
from server import Sandbox

# Packs a wheel by hand, so that neither a network nor a build tool is needed.
WHEEL = """
import zipfile
info = "demo-1.0.dist-info"
files = {
    "demo.py": "def main(): print('demo works')\\n",
    f"{info}/METADATA": "Metadata-Version: 2.1\\nName: demo\\nVersion: 1.0\\n",
    f"{info}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    f"{info}/entry_points.txt": "[console_scripts]\\ndemo = demo:main\\n",
}
files[f"{info}/RECORD"] = "".join(f"{n},,\\n" for n in [*files, f"{info}/RECORD"])
with zipfile.ZipFile("demo-1.0-py3-none-any.whl", "w") as wheel:
    for name, text in files.items():
        wheel.writestr(name, text)
print(0)
"""


def test_the_user_is_sandbox_with_uid_1000(shared: Sandbox) -> None:
    assert shared.output("whoami") == "sandbox\n"
    assert shared.output("id", "-u") == "1000\n"
    assert shared.sh("cd; pwd; echo ~sandbox") == "/home/sandbox\n/home/sandbox\n"
    assert shared.python("import getpass; print('\"%s\"' % getpass.getuser())") == "sandbox"


def test_localhost_resolves(shared: Sandbox) -> None:
    code = "import socket; print('\"%s\"' % socket.gethostbyname('localhost'))"
    assert shared.python(code) == "127.0.0.1"


def test_a_name_lookup_fails_at_once(shared: Sandbox) -> None:
    code = "import socket\ntry: socket.gethostbyname('example.com')\nexcept OSError: print(1)"
    assert shared.python(code, timeout_seconds=8) == 1


def test_awk_runs(shared: Sandbox) -> None:
    assert shared.output("awk", "BEGIN { print 6 * 7 }") == "42\n"


@pytest.mark.skipif(not shutil.which("node", path="/usr/bin"), reason="node is not in /usr/bin")
def test_node_knows_its_user(shared: Sandbox) -> None:
    code = "const u = os.userInfo(); console.log(JSON.stringify([u.username, u.uid, u.homedir]))"
    found = shared.output("node", "-e", code)
    assert found == '["sandbox",1000,"/home/sandbox"]\n'


def test_git_commits_without_further_setup(sandbox: Sandbox) -> None:
    sandbox.sh("git init -q repo && cd repo && echo x >file && git add . && git commit -qm first")
    assert sandbox.sh("cd repo && git log --format=%s && git status --short") == "first\n"


def test_a_virtual_environment_can_be_made(sandbox: Sandbox) -> None:
    sandbox.sh("python3 -m venv env", timeout_seconds=60)
    code = "import sys; print(sys.prefix != sys.base_prefix)"
    assert sandbox.output("env/bin/python", "-c", code) == "True\n"


def test_pip_installs_a_local_wheel_for_the_user(sandbox: Sandbox) -> None:
    sandbox.python(WHEEL)
    install = "python3 -m pip install -q --user --no-index ./demo-1.0-py3-none-any.whl"
    sandbox.sh(install, timeout_seconds=60)
    assert sandbox.output("demo") == "demo works\n", "its script is on PATH"
