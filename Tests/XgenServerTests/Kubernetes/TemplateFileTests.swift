import Reactor
import Testing

@testable import XgenServer

@Suite struct TemplateFileTests {
  private static let defaults = SandboxLimits(
    cpuMilli: 1000, memoryBytes: 1 << 30, diskBytes: 2 << 30)

  private static func read(_ text: String) throws(SettingError) -> PodTemplates {
    try TemplateFile.read(
      Array(text.utf8), "t.yaml", over: .standard(baseImage: "base:1", defaults: defaults),
      defaults: defaults)
  }

  @Test func changesWhatItNamesAndLeavesTheRest() throws {
    let templates = try Self.read(
      """
      templates:
        python:
          image: registry.example/python:3.12
          resources:
            default: {cpu: 500m, memory: 512Mi}
            maximum: {cpu: 2, memory: 2Gi}
            requestShare: 0.25
          command: [jupyter, lab, --no-browser]
          environment: {PIP_INDEX_URL: "https://pypi.example"}
          nodeSelector: {pool: sandboxes}
          tolerations: [{key: sandboxes, operator: Exists, effect: NoSchedule}]
          runtimeClassName: gvisor
        gui:
          image: desktop:1
      """)
    let python = try #require(templates["python"])
    #expect(python.image == "registry.example/python:3.12")
    #expect(
      python.defaults
        == SandboxLimits(cpuMilli: 500, memoryBytes: 512 << 20, diskBytes: 2 << 30))
    #expect(python.maximum.cpuMilli == 2000 && python.maximum.memoryBytes == 2 << 30)
    #expect(python.requestShare == 0.25 && python.runtimeClassName == "gvisor")
    #expect(python.command == ["jupyter", "lab", "--no-browser"])
    #expect(python.environment["PIP_INDEX_URL"] == "https://pypi.example")
    #expect(python.environment["PIP_BREAK_SYSTEM_PACKAGES"] == "1")
    #expect(python.nodeSelector == ["pool": "sandboxes"] && python.tolerations.count == 1)
    #expect(templates["gui"]?.image == "desktop:1")
    #expect(templates["base"]?.image == "base:1")
    #expect(templates["nodejs"]?.image == "docker.io/library/node:22-slim")
  }

  @Test func knowsTheReferencesTemplatesWithoutAFile() {
    let standard = PodTemplates.standard(baseImage: "base:1", defaults: Self.defaults)
    #expect(Set(standard.byName.keys) == Set(SandboxOrder.templates))
    #expect(standard["gui"]?.image == "base:1")
  }

  @Test(arguments: [
    ("", "the file: must be a mapping"),
    ("templates: []", "templates: is missing, or no mapping of names"),
    ("template: {}", "the file: 'template' is not known; names: templates"),
    ("templates: {rust: {image: a}}", "'rust' is none of the templates"),
    ("templates: {python: {imgae: a}}", "python: 'imgae' is not known"),
    ("templates: {python: {image: \"a b\"}}", "python.image: must be an image"),
    ("templates: {python: {image: 7}}", "python.image: must be a text"),
    (
      "templates: {python: {resources: {default: {cpu: 99}}}}",
      "python.resources.default.cpu: must be a quantity of at most 4000m"
    ),
    (
      "templates: {python: {resources: {maximum: {memory: 64Mi}}}}",
      "python.resources: the default memory is above the maximum"
    ),
    (
      "templates: {python: {resources: {requestShare: 2}}}",
      "python.resources.requestShare: must be above 0 and at most 1"
    ),
    (
      "templates: {python: {environment: {\"A-B\": x}}}",
      "python.environment: 'A-B' is no name of a variable"
    ),
    (
      "templates: {python: {command: jupyter lab}}",
      "python.command: must be a list of a program and its arguments"
    ),
    ("templates: {python: {command: [\"\", a]}}", "python.command: must begin with a program"),
    ("templates: {python: {command: [[a]]}}", "python.command: must be a text"),
    ("templates: {python: {tolerations: {}}}", "python.tolerations: must be a list"),
    ("templates: {python: {tolerations: [{kye: a}]}}", "python.tolerations: 'kye' is not known"),
    ("templates: {python: {a: &x {}}}", "has an anchor"),
    ("{", "is no YAML"),
  ])
  func saysWhatIsWrong(text: String, problem: String) {
    #expect(
      performing: { try Self.read(text) },
      throws: { error in
        (error as? SettingError).map { $0.name == "t.yaml" && $0.problem.contains(problem) }
          ?? false
      })
  }

  @Test(arguments: [
    ("base:3,nodejs:2", ["base": 3, "nodejs": 2]), ("go:0", ["go": 0]),
  ])
  func readsPoolSizes(text: String, sizes: [String: Int]) throws {
    #expect(try KubernetesOptions.poolSizes("--warm-pool-sizes", text) == sizes)
  }

  @Test(arguments: [
    "", "base", "base:", "base:x", "base:-1", "base:501", "base:1,base:2", "rust:1", "base:1,",
  ])
  func refusesOtherPoolSizes(text: String) {
    #expect(throws: SettingError.self) {
      try KubernetesOptions.poolSizes("--warm-pool-sizes", text)
    }
  }

  @Test(arguments: ["", "-a", "a-", "A", "a.b", String(repeating: "a", count: 64)])
  func refusesWhatIsNoNamespace(text: String) {
    #expect(throws: SettingError.self) {
      try KubernetesOptions.namespace("--sandbox-namespace", text)
    }
  }
}

/// Which settings go with `--backend kubernetes`.
@Suite struct KubernetesSettingsTests {
  private static let enough = [
    "--backend", "kubernetes", "--sidecar-image", "s:1", "--jwt-secret",
    String(repeating: "x", count: 32),
  ]

  private static func settings(_ arguments: [String]) throws -> Settings {
    guard
      case .serve(let settings) = try Settings.parse(arguments: arguments, environment: [:])
    else { throw SettingError(name: "", problem: "does not serve") }
    return settings
  }

  @Test func listensEverywhereByDefault() throws {
    #expect(try Self.settings(Self.enough).listen.map(\.description) == ["[::]:8080"])
    #expect(try Self.settings(Self.enough + ["--dev"]).listen.allSatisfy(\.isLoopback))
  }

  @Test func needsASecretAndTheSidecarsImage() {
    #expect(throws: SettingError.self) { try Self.settings(Array(Self.enough.prefix(4))) }
    #expect(throws: SettingError.self) {
      try Self.settings(["--backend", "kubernetes"] + Self.enough.suffix(2))
    }
  }
}
