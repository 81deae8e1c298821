import Testing

@testable import XgenServer

/// Which of the host's programs a sandbox needs, and what is said where they are missing.
@Suite struct TemplateTests {
  private static func problem(
    template: String, gui: Bool = false, without missing: [String]
  ) -> String? {
    let record = SandboxRecord(
      id: "abcdefghij234567", owner: "ci", template: template, env: [:], ports: [], gui: gui,
      metadata: [:], resources: .init(), createdAtMs: 0, expiresAtMs: 0, idempotency: nil)
    do throws(BackendError) {
      try Template.check(record) { !missing.contains($0.name) }
      return nil
    } catch {
      guard case .unavailable(let text) = error else { return "\(error)" }
      return text
    }
  }

  @Test func missingProgramsAreNamedWithTheirPackages() {
    #expect(
      Self.problem(template: "python", without: ["python3"])
        == "template 'python' needs what this host does not have under /usr: python3; "
        + "install it with: apt-get install python3")
    #expect(
      Self.problem(
        template: "base", gui: true, without: ["Xtigervnc", "/usr/share/novnc/vnc.html"])
        == "a sandbox with gui needs what this host does not have under /usr: Xtigervnc, "
        + "/usr/share/novnc/vnc.html; install it with: apt-get install tigervnc-standalone-server novnc"
    )
    #expect(
      Self.problem(template: "gui", gui: true, without: ["openbox"])?.hasPrefix(
        "a sandbox with gui")
        == true)
    #expect(Self.problem(template: "gui", without: ["openbox"]) == nil)
  }

  @Test func whatIsThereIsEnough() {
    for template in Template.allCases {
      #expect(Self.problem(template: template.rawValue, gui: true, without: []) == nil)
    }
    #expect(Self.problem(template: "base", without: ["python3", "node", "go", "openbox"]) == nil)
    #expect(Self.problem(template: "rust", without: [])?.contains("unknown template") == true)
  }
}
