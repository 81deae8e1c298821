import Glibc
import Testing

@testable import XgenServer

/// What a sandbox can't do and can't see, asked from inside.
@Suite struct SandboxIsolationTests {
  /// Runs a script in a new sandbox.
  private func inside(_ script: String) async throws -> String {
    let answer = Box("")
    try await LocalFixture.with { fixture in
      answer.value = try await fixture.run(try await fixture.create(), script)
    }
    return answer.value
  }

  @Test func hasNoCapabilityAndCanGetNone() async throws {
    let status = try await inside("grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status")
    for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
      #expect(status.contains("\(name):\t0000000000000000"))
    }
    #expect(status.contains("NoNewPrivs:\t1"))
    #expect(status.contains("Seccomp:\t2"))
  }

  @Test func runsAsTheUserSandbox() async throws {
    #expect(try await inside("id -u; id -g; id -G; whoami") == "1000\n1000\n1000\nsandbox")
  }

  @Test func canMakeNoNamespace() async throws {
    let answer = try await inside(
      "for kind in -U -n -m -p -i -u -C; do unshare $kind true 2>&1; echo $?; done")
    #expect(answer.split(separator: "\n").filter { $0 == "1" }.count == 7, "\(answer)")
    #expect(answer.contains("Operation not permitted"))
  }

  @Test func userNamespacesAreOffEvenWithoutTheFilter() async throws {
    try await LocalFixture.with { fixture in
      let id = try await fixture.create()
      let launcher = try #require(fixture.backend.host).launcher
      let outcome = try Self.runWithoutFilter(
        launcher, id, uid: try fixture.state(id).uid, ["/usr/bin/unshare", "-U", "true"])
      #expect(outcome.exitCode == 1)
      #expect(outcome.output.contains("No space left on device"), "\(outcome.output)")
    }
  }

  /// Another first process in the home of a sandbox, with a filter that allows everything.
  nonisolated private static func runWithoutFilter(
    _ launcher: SandboxLauncher, _ id: String, uid: UInt32?, _ command: [String]
  ) throws -> HostProgram.Outcome {
    let null = try OwnedDescriptor.open("/dev/null", O_RDWR)
    let filter = try OwnedDescriptor.memory(
      "filter", BPFInstruction.return(BPFInstruction.allow).bytes)
    let none = try OwnedDescriptor.memory("arguments", [])
    let arguments = launcher.command(home: launcher.directory.home(id))
      .arguments(running: command)
    return try HostProgram(
      path: launcher.bubblewrapPath, arguments: arguments, user: uid,
      extraDescriptors: [null.raw, null.raw, filter.raw, none.raw]
    ).run(timeoutMs: 10_000)
  }

  @Test func deniedSystemCallsFail() async throws {
    let answer = try await inside(Self.systemCallScript)
    let expected = """
      keyctl 1
      add_key 1
      bpf 1
      perf_event_open 1
      userfaultfd 1
      io_uring_setup 38
      mount 1
      fsopen 1
      kexec_load 1
      init_module 1
      finit_module 1
      setns 1
      clone3 38
      clone NEWUSER 1
      socket VSOCK 97
      socket INET 0
      TIOCSTI 1
      TIOCSTI high bits 1
      personality 0 0
      personality READ_IMPLIES_EXEC 1
      """
    #expect(answer == expected)
  }

  @Test func tmpfsFoldersHaveTheirSizes() async throws {
    let answer = Box("")
    try await LocalFixture.with(
      change: {
        $0.limits.tmpBytes = 8 << 20
        $0.limits.shmBytes = 4 << 20
      },
      { fixture in
        answer.value = try await fixture.run(
          try await fixture.create(),
          "df --output=size,fstype /tmp /dev/shm | tail -n2; stat -c %a /tmp /dev/shm; "
            + "head -c 9000000 /dev/zero > /tmp/full; stat -c %s /tmp/full")
      })
    let lines = answer.value.split(separator: "\n").map { $0.split(separator: " ") }
    #expect(lines[0] == ["8192", "tmpfs"])
    #expect(lines[1] == ["4096", "tmpfs"])
    #expect(lines[2] == ["1777"])
    #expect(lines[3] == ["1777"])
    #expect(answer.value.contains("No space left on device"))
    #expect(answer.value.hasSuffix("\n8388608"))
  }

  @Test func onlyHomeAndTmpAreWritable() async throws {
    let answer = try await inside(
      "for f in /x /dev/x /usr/x /etc/x /home/x /run/x /var/x /run/xgen/x /etc/passwd "
        + "/run/xgen/xgen-sidecar /proc/sys/kernel/hostname; do (echo > $f) 2>/dev/null "
        + "&& echo wrote $f; done; for f in ~/x ~/workspace/x /tmp/x /var/tmp/x /dev/shm/x; "
        + "do echo > $f && echo ok; done")
    #expect(answer == "ok\nok\nok\nok\nok")
  }

  @Test func seesItsOwnProcessesOnly() async throws {
    let answer = try await inside(
      "ls /proc | grep -E '^[0-9]+$' | sort -n; tr '\\0' ' ' </proc/1/cmdline")
    let lines = answer.split(separator: "\n")
    #expect(lines.first == "1")
    #expect(lines.count < 9)
    #expect(lines.last?.contains("/run/xgen/xgen-sidecar serve --listen-fd 3") == true)
  }

  @Test func theSidecarInheritsNothingButItsSocket() async throws {
    // The stand-in may not have closed its end of this very connection yet.
    let script =
      "for i in $(seq 500); do [ -e /proc/1/fd/4 ] || break; sleep 0.01; done; ls /proc/1/fd"
    #expect(try await inside(script) == "0\n1\n2\n3")
  }

  @Test func hasANetworkOfItsOwn() async throws {
    try await LocalFixture.with { fixture in
      let id = try await fixture.create()
      let other = try await fixture.create()
      let namespaces = try await fixture.run(
        id,
        "tail -n +3 /proc/net/dev | cut -d: -f1; readlink /proc/self/ns/{net,pid,mnt,ipc,uts,user}")
      let lines = namespaces.split(separator: "\n").map(String.init)
      #expect(lines.first?.contains("lo") == true)
      for (name, link) in zip(["net", "pid", "mnt", "ipc", "uts", "user"], lines.dropFirst()) {
        #expect(link != HostFiles.linkTarget("/proc/self/ns/\(name)"))
      }
      let listen =
        "python3 -c 'import socket; s=socket.create_server((\"127.0.0.1\", 4000)); s.accept()' "
        + ">/dev/null 2>&1 & for i in $(seq 200); do "
        + "(exec 3<>/dev/tcp/127.0.0.1/4000) 2>/dev/null && echo up && break; sleep 0.02; done"
      #expect(try await fixture.run(id, listen) == "up")
      let answer = try await fixture.run(other, "exec 3<>/dev/tcp/127.0.0.1/4000")
      #expect(answer.contains("Connection refused"))
    }
  }

  @Test func nameLookupsFailAtOnce() async throws {
    let answer = try await inside(
      "hostname; getent hosts sandbox | cut -c1-3; "
        + "timeout 5 getent hosts example.com; echo $?; getent hosts localhost >/dev/null; echo $?")
    #expect(answer == "sandbox\n127\n2\n0")
  }

  @Test func theHostsFilesAreNotThere() async throws {
    let answer = try await inside("ls -A / /etc /home /run /run/xgen /var | tr '\\n' ' '")
    for name in ["root", "work", "srv", "boot", "shadow", "hostname", "lost+found", "sys"] {
      #expect(!answer.split(separator: " ").contains(Substring(name)), "\(name) in \(answer)")
    }
    #expect(answer.contains("/home: sandbox "))
    #expect(answer.contains("/run: xgen "))
  }

  @Test func theServersFolderIsOutOfReach() async throws {
    try await LocalFixture.with { fixture in
      let id = try await fixture.create()
      let data = fixture.directory.path
      let answer = try await fixture.run(id, "ls \(data) /proc/1/root\(data) 2>&1 | grep -c cannot")
      #expect(answer == "2")
    }
  }

  private static let systemCallScript = """
    cat > /tmp/calls.py <<'END'
    import ctypes, os, platform
    libc = ctypes.CDLL(None, use_errno=True)
    arm = platform.machine() == "aarch64"
    def call(name, x86, generic, *arguments):
        ctypes.set_errno(0)
        result = libc.syscall(generic if arm else x86, *map(ctypes.c_long, arguments))
        print(name, ctypes.get_errno() if result < 0 else 0)
    call("keyctl", 250, 219, 0, -3, 0)
    call("add_key", 248, 217)
    call("bpf", 321, 280)
    call("perf_event_open", 298, 241)
    call("userfaultfd", 323, 282, 1)
    call("io_uring_setup", 425, 425)
    call("mount", 165, 40)
    call("fsopen", 430, 430)
    call("kexec_load", 246, 104)
    call("init_module", 175, 105)
    call("finit_module", 313, 273)
    call("setns", 308, 268, 0, 0)
    call("clone3", 435, 435)
    call("clone NEWUSER", 56, 220, 0x10000000 | 17)
    call("socket VSOCK", 41, 198, 40, 1, 0)
    call("socket INET", 41, 198, 2, 1, 0)
    call("TIOCSTI", 16, 29, 0, 0x5412, 0)
    call("TIOCSTI high bits", 16, 29, 0, 0x100005412, 0)
    call("personality 0", 135, 92, 0)
    call("personality READ_IMPLIES_EXEC", 135, 92, 0x0400000)
    END
    python3 /tmp/calls.py
    """
}

/// A place for a value that a closure on the loop sets and its test reads afterwards.
final class Box<Value: Sendable>: @unchecked Sendable {
  // Proof: written before the await that the reader waits for, never at the same time.
  var value: Value
  init(_ value: Value) { self.value = value }
}
