"""What the kernel refuses to code inside a sandbox: capabilities, system calls, limits."""

import errno
import os
import platform

import pytest
from server import Sandbox

NUMBERS = {
    "x86_64": {
        "mount": 165, "pivot_root": 155, "keyctl": 250, "add_key": 248,
        "request_key": 249, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323,
        "io_uring_setup": 425, "kexec_load": 246, "init_module": 175, "finit_module": 313,
        "delete_module": 176, "unshare": 272,
    },
    "aarch64": {
        "mount": 40, "pivot_root": 41, "keyctl": 219, "add_key": 217,
        "request_key": 218, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282,
        "io_uring_setup": 425, "kexec_load": 104, "init_module": 105, "finit_module": 273,
        "delete_module": 106, "unshare": 97,
    },
}[platform.machine()]

# Arguments with which an unfiltered kernel would do it, or complain of something else.
ARGUMENTS = {"keyctl": (0, -3, 0), "userfaultfd": (1,), "io_uring_setup": (1, 0)}

CALL = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
arguments = [ctypes.c_long(int(a)) for a in sys.argv[1:]]
result = libc.syscall(*arguments)
print(0 if result >= 0 else ctypes.get_errno())
"""
REFUSALS = ("EPERM", "ENOSYS")

CLONE_NEW = {"user": 0x10000000, "net": 0x40000000, "mount": 0x20000, "pid": 0x20000000}


def call(sandbox: Sandbox, number: int, *arguments: int) -> str:
    code = sandbox.python(CALL, str(number), *map(str, arguments))
    return errno.errorcode.get(code, "done")


@pytest.mark.parametrize("name", sorted(set(NUMBERS) - {"unshare"}))
def test_a_dangerous_system_call_is_refused(shared: Sandbox, name: str) -> None:
    assert call(shared, NUMBERS[name], *ARGUMENTS.get(name, (0, 0, 0, 0, 0))) in REFUSALS


@pytest.mark.parametrize("kind", CLONE_NEW)
def test_a_new_namespace_is_refused(shared: Sandbox, kind: str) -> None:
    # ENOSPC is what a namespace limit of zero says (bwrap's --disable-userns).
    found = call(shared, NUMBERS["unshare"], CLONE_NEW[kind])
    assert found in (*REFUSALS, "ENOSPC")


def test_no_capability_is_left(shared: Sandbox) -> None:
    lines = dict(line.split(":\t") for line in shared.sh("cat /proc/self/status").splitlines())
    names = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
    assert {name: int(lines[name], 16) for name in names} == dict.fromkeys(names, 0)
    assert lines["NoNewPrivs"] == "1"
    assert lines["Seccomp"] == "2", "no filter"


def test_setuid_programs_give_nothing(shared: Sandbox) -> None:
    options = [line.split()[3].split(",") for line in shared.sh("cat /proc/mounts").splitlines()]
    assert options and all("nosuid" in found for found in options)


def test_every_namespace_is_the_sandboxs_own(shared: Sandbox) -> None:
    for name in ("user", "pid", "mnt", "ipc", "uts", "net"):
        inside = shared.output("readlink", f"/proc/self/ns/{name}").strip()
        assert inside != os.readlink(f"/proc/self/ns/{name}"), name


def test_commands_inherit_no_descriptor(shared: Sandbox) -> None:
    code = """
import json, os, socket, stat
found = {}
for fd in map(int, os.listdir("/proc/self/fd")):
    try:
        kind = os.fstat(fd)
    except OSError:
        continue  # the listing's own
    listening = 0
    if stat.S_ISSOCK(kind.st_mode):
        s = socket.socket(fileno=os.dup(fd))
        listening = s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    found[fd] = listening
print(json.dumps(found))
"""
    assert shared.python(code) == {"0": 0, "1": 0, "2": 0}
    with shared.wire() as wire:
        for tty in (False, True):
            output = wire.start("python3", "-c", code, tty=tty).finish().stdout
            assert output.strip() == b'{"0": 0, "1": 0, "2": 0}', f"tty={tty}"


def test_the_sidecar_and_the_first_process_cannot_be_looked_into(shared: Sandbox) -> None:
    code = """
import ctypes, json, os
libc = ctypes.CDLL(None, use_errno=True)
opened, seen = [], []
for pid in filter(str.isdigit, os.listdir("/proc")):
    name = open(f"/proc/{pid}/comm").read().strip()
    if pid != "1" and name != "xgen-sidecar":
        continue
    seen.append(name)
    for path, flags in (("mem", os.O_RDWR), ("mem", os.O_RDONLY), ("environ", os.O_RDONLY)):
        try:
            os.close(os.open(f"/proc/{pid}/{path}", flags)); opened.append([name, path])
        except OSError:
            pass
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            opened.append([name, os.readlink(f"/proc/{pid}/fd/{fd}")])
    except OSError:
        pass
    if libc.ptrace(0x4206, int(pid), None, None) == 0:  # PTRACE_SEIZE, which stops nothing
        opened.append([name, "ptrace"])
print(json.dumps([seen, opened]))
"""
    seen, opened = shared.python(code)
    assert "xgen-sidecar" in seen
    assert opened == []


def test_processes_files_and_descriptors_are_limited(shared: Sandbox) -> None:
    code = (
        "import json, resource as r; print(json.dumps([r.getrlimit(x)[1] for x in "
        "(r.RLIMIT_NPROC, r.RLIMIT_FSIZE, r.RLIMIT_NOFILE)]))")
    processes, size, files = shared.python(code)
    assert 0 < processes <= 65536
    assert 0 < size <= 1 << 40
    assert 0 < files <= 1 << 20


def test_a_fork_bomb_ends_at_the_limit(sandbox: Sandbox) -> None:
    code = """
import os, resource, signal
limit = resource.getrlimit(resource.RLIMIT_NPROC)[0]
children, stopped = [], 0
try:
    for _ in range(min(limit, 5000) + 10):
        pid = os.fork()
        if not pid:
            signal.pause()
        children.append(pid)
except BlockingIOError:
    stopped = 1
for pid in children:
    os.kill(pid, 9)
print(stopped if limit <= 5000 else 1)
"""
    assert sandbox.python(code) == 1
    assert sandbox.output("echo", "alive") == "alive\n"


def test_memory_file_systems_have_a_size(shared: Sandbox) -> None:
    mounts = [line.split() for line in shared.sh("cat /proc/self/mounts").splitlines()]
    options = {mount[1]: mount[3] for mount in mounts}
    for place in ("/tmp", "/dev/shm"):
        assert "size=" in options[place], place
        code = f"import os; s = os.statvfs('{place}'); print(s.f_frsize * s.f_blocks)"
        assert 0 < shared.python(code) <= 8 << 30, place
    assert "ro" in options["/"].split(",") and "ro" in options["/dev"].split(",")
