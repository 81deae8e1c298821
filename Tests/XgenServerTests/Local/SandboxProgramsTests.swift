import Testing

@testable import XgenServer

/// What programs inside need in order to work.
@Suite struct SandboxProgramsTests {
  private func inside(
    _ script: String, template: String = "base", env: [String: String] = [:]
  ) async throws -> String {
    let answer = Box("")
    try await LocalFixture.with { fixture in
      answer.value = try await fixture.run(
        try await fixture.create(template: template, env: env), script)
    }
    return answer.value
  }

  @Test func awkIsFoundThroughAlternatives() async throws {
    #expect(try await inside("echo 6 7 | awk '{print $1*$2}'") == "42")
  }

  @Test func gitCommitsWithoutConfiguration() async throws {
    let answer = try await inside(
      "cd workspace && git init -q . && touch a && git add a && git commit -q -m first && "
        + "git log --format='%an <%ae> %s' && git branch --show-current")
    #expect(answer == "sandbox <sandbox@localhost> first\nmain")
  }

  @Test(.enabled(if: HostFiles.exists("/usr/bin/node")))
  func nodeKnowsItsUser() async throws {
    let answer = try await inside(
      "node -p 'const u=os.userInfo(); [u.username,u.uid,u.homedir].join()'", template: "nodejs")
    #expect(answer == "sandbox,1000,/home/sandbox")
  }

  @Test(.enabled(if: HostFiles.exists("/usr/lib/python3/dist-packages/pip")))
  func pipInstallsALocalWheelForTheUser() async throws {
    let answer = try await inside(Self.wheelScript, template: "python")
    #expect(answer.hasSuffix("hello from a wheel"), "\(answer)")
  }

  @Test func pythonMakesAVirtualEnvironment() async throws {
    let answer = try await inside(
      "python3 -m venv --without-pip v && v/bin/python -c 'import sys; print(sys.prefix)'",
      template: "python")
    #expect(answer == "/home/sandbox/v")
  }

  @Test func theEnvironmentIsOursTheTemplatesAndTheClients() async throws {
    let answer = try await inside(
      "env | grep -vE '^(SHLVL|_|PWD|OLDPWD|LC_CTYPE)=' | sort", template: "python",
      env: ["LANG": "de_DE.UTF-8", "SECRET": "a b\nc=d"])
    #expect(
      answer == """
        HOME=/home/sandbox
        LANG=de_DE.UTF-8
        LOGNAME=sandbox
        PATH=/home/sandbox/.local/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin
        PIP_BREAK_SYSTEM_PACKAGES=1
        SECRET=a b
        SHELL=/bin/bash
        TERM=xterm-256color
        USER=sandbox
        c=d
        """)
  }

  @Test func secretsAreOnNoCommandLine() async throws {
    try await LocalFixture.with { fixture in
      let id = try await fixture.create(env: ["SECRET": "very-secret-value"])
      let lines = HostProcess.commandLines().flatMap(\.words)
      #expect(lines.contains { $0.hasSuffix("/\(id)/home") })
      #expect(!lines.contains { $0.contains("very-secret-value") })
      let monitor = try #require(try fixture.state(id).processes).monitor.pid
      let environment = try HostFiles.read("/proc/\(monitor)/environ", limit: 1 << 20)
      #expect(environment.isEmpty)
    }
  }

  @Test func certificatesAndTimeZoneAreTheHosts() async throws {
    let answer = try await inside(
      "for f in ssl/certs alternatives localtime; do [ -e /etc/$f ] && echo $f; done; "
        + "for f in passwd group hosts resolv.conf nsswitch.conf gitconfig; do cat /etc/$f "
        + ">/dev/null && echo $f; done; getent passwd sandbox")
    for name in ["ssl/certs", "alternatives", "localtime"] where HostFiles.exists("/etc/" + name) {
      #expect(answer.contains(name))
    }
    #expect(
      answer.hasSuffix(
        "passwd\ngroup\nhosts\nresolv.conf\nnsswitch.conf\ngitconfig\n"
          + "sandbox:x:1000:1000:sandbox:/home/sandbox:/bin/bash"))
  }

  private static let wheelScript = """
    cat > make.py <<'END'
    import zipfile
    info = "hello-1.0.dist-info/"
    with zipfile.ZipFile("hello-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("hello.py", "def main(): print('hello from a wheel')\\n")
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: hello\\nVersion: 1.0\\n")
        wheel.writestr(info + "WHEEL",
            "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "entry_points.txt", "[console_scripts]\\nhello = hello:main\\n")
        wheel.writestr(info + "RECORD", "")
    END
    python3 make.py
    pip install -q --user --no-index --disable-pip-version-check ./hello-1.0-py3-none-any.whl
    hello
    """
}
