import Testing

@testable import XgenServer

/// The pod of a sandbox, field by field against the `restricted` Pod Security Standard.
@Suite struct PodManifestTests {
  private static let limits = SandboxLimits(
    cpuMilli: 1000, memoryBytes: 1 << 30, diskBytes: 2 << 30)

  static func record(
    id: String = "abcdefghij234567", gui: Bool = false,
    idempotency: SandboxRecord.Idempotency? = nil
  ) -> SandboxRecord {
    SandboxRecord(
      id: id, owner: "ci", template: "python", env: ["SECRET": "s3cret"], ports: [3000, 8080],
      gui: gui, metadata: ["user": "alice", "note": "a \"b\" ü"],
      resources: .init(cpuMilli: 500), createdAtMs: 1_700_000_000_000,
      expiresAtMs: 1_700_003_600_000, idempotency: idempotency)
  }

  static func manifest(_ record: SandboxRecord?) -> PodManifest {
    var options = KubernetesOptions()
    options.sidecarImage = "registry/sidecar:1"
    options.desktopImage = "registry/desktop:1"
    var template = PodTemplate(
      image: "python:3.12", defaults: limits, maximum: .most)
    template.runtimeClassName = "gvisor"
    template.nodeSelector = ["pool": "sandboxes"]
    template.tolerations = [["key": "sandboxes", "operator": "Exists"]]
    return PodManifest(
      id: record?.id ?? "abcdefghij234567", templateName: "python", template: template,
      limits: limits, record: record, options: options)
  }

  @Test func theTemplatesCommandStandsBehindTheSidecars() throws {
    func words(_ manifest: PodManifest) throws -> [String] {
      let runtime = try #require(manifest.object["spec"]?["containers"]?.arrayValue?.first)
      return try #require(runtime["command"]?.arrayValue).compactMap(\.stringValue)
    }
    let plain = Self.manifest(Self.record())
    #expect(try !words(plain).contains("--"))
    var template = plain.template
    template.command = ["jupyter", "lab"]
    let manifest = PodManifest(
      id: plain.id, templateName: "python", template: template, limits: plain.limits,
      record: plain.record, options: plain.options)
    #expect(try words(manifest) == words(plain) + ["--", "jupyter", "lab"])
  }

  /// https://kubernetes.io/docs/concepts/security/pod-security-standards/
  @Test(arguments: [false, true])
  func passesTheRestrictedStandard(gui: Bool) throws {
    let spec = try #require(Self.manifest(Self.record(gui: gui)).object["spec"])
    for member in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"] {
      #expect(spec[member] == nil)
    }
    let pod = try #require(spec["securityContext"])
    #expect(pod["runAsNonRoot"] == true && pod["runAsUser"] == 1000)
    #expect(pod["seccompProfile"]?["type"] == "RuntimeDefault")
    let containers =
      (spec["initContainers"]?.arrayValue ?? []) + (spec["containers"]?.arrayValue ?? [])
    #expect(containers.count == (gui ? 3 : 2))
    for container in containers {
      let context = try #require(container["securityContext"])
      #expect(context["allowPrivilegeEscalation"] == false)
      #expect(context["privileged"] == false)
      #expect(context["runAsNonRoot"] == true && context["runAsUser"] == 1000)
      #expect(context["capabilities"] == ["drop": ["ALL"]])
      #expect(context["seccompProfile"]?["type"] == "RuntimeDefault")
      #expect(container["resources"]?["limits"]?["memory"] != nil)
      for port in container["ports"]?.arrayValue ?? [] { #expect(port["hostPort"] == nil) }
    }
    for volume in spec["volumes"]?.arrayValue ?? [] {
      #expect(volume["emptyDir"] != nil || volume["secret"] != nil)
    }
  }

  @Test func holdsTheSandboxApartFromTheCluster() throws {
    let spec = try #require(Self.manifest(Self.record()).object["spec"])
    #expect(spec["automountServiceAccountToken"] == false)
    #expect(spec["enableServiceLinks"] == false)
    #expect(spec["restartPolicy"] == "Never")
    #expect(spec["runtimeClassName"] == "gvisor")
    #expect(spec["nodeSelector"] == ["pool": "sandboxes"])
    #expect(spec["tolerations"]?.arrayValue?.count == 1)
  }

  @Test func showsNoSecretOutsideOfTheSecret() throws {
    let record = Self.record()
    let pod = String(decoding: Self.manifest(record).object.serialized(), as: UTF8.self)
    #expect(!pod.contains("s3cret"))
    let secret = SecretManifest.object(
      id: record.id, token: "tok", environment: record.env, mark: nil, namespace: "n")
    #expect(
      secret["data"]?["environment"]?.stringValue.flatMap { Base64.decode($0) }
        == Array("SECRET=s3cret\0".utf8))
    #expect(secret["metadata"]?["annotations"] == nil)
  }

  @Test func aDesktopHasAContainerOfItsOwn() throws {
    let manifest = Self.manifest(Self.record(gui: true))
    let containers = try #require(manifest.object["spec"]?["containers"]?.arrayValue)
    #expect(containers.compactMap { $0["name"]?.stringValue } == ["runtime", "desktop"])
    let desktop = containers[1]
    #expect(desktop["image"] == "registry/desktop:1")
    #expect(desktop["command"]?.arrayValue?.last == "desktop")
    func mounts(_ container: JSONValue) -> [String] {
      (container["volumeMounts"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
    }
    #expect(mounts(desktop) == ["bundle", "desktop", "display"])
    #expect(mounts(containers[0]) == ["bundle", "secret", "workspace", "display"])
    let display = containers[0]["env"]?.arrayValue?.first { $0["name"] == "DISPLAY" }
    #expect(display?["value"] == ":0")
    let plain = Self.manifest(Self.record()).object
    #expect(plain["spec"]?["containers"]?.arrayValue?.count == 1)
    #expect(plain["spec"]?["volumes"]?.arrayValue?.count == 3)
  }

  @Test func aDesktopsPasswordIsInTheSecret() throws {
    let record = Self.record(gui: true)
    let secret = SecretManifest.object(
      id: record.id, token: "tok", environment: [:], desktopPassword: "pass-wrd", mark: nil,
      namespace: "n")
    #expect(
      secret["data"]?["desktop-password"]?.stringValue.flatMap { Base64.decode($0) }
        == Array("pass-wrd".utf8))
    let container = Self.manifest(record).object["spec"]?["containers"]?.arrayValue?.last
    let variable = container?["env"]?.arrayValue?.last
    #expect(
      variable?["valueFrom"]?["secretKeyRef"]
        == ["name": "sbx-abcdefghij234567", "key": "desktop-password"])
  }

  @Test func aPodOfThePoolIsNobodys() throws {
    let object = Self.manifest(nil).poolObject("hash")
    let labels = try #require(object["metadata"]?["labels"])
    #expect(labels["xgen.io/pool"] == "python" && labels["xgen.io/owner"] == nil)
    #expect(object["metadata"]?["annotations"] == ["xgen.io/spec-hash": "hash"])
  }

  @Test(arguments: [
    ("ci", "ci"), ("a.b-c_D9", "a.b-c_D9"), ("Jörg", nil), ("a b", nil), ("-a", nil), ("a-", nil),
    ("", nil), (String(repeating: "x", count: 63), String(repeating: "x", count: 63)),
    (String(repeating: "x", count: 64), nil), ("sha256-abc", nil),
  ])
  func anOwnersLabelIsAlwaysOne(owner: String, plain: String?) {
    let value = SandboxNames.ownerLabelValue(owner)
    if let plain { #expect(value == plain) } else { #expect(value.hasPrefix("sha256-")) }
    #expect(value.utf8.count <= 63)
  }

  @Test func asksTheSchedulerForAShareOfTheLimits() {
    var template = PodTemplate(image: "i", defaults: Self.limits, maximum: .most)
    #expect(
      template.requests(Self.limits)
        == SandboxLimits(cpuMilli: 62, memoryBytes: 64 << 20, diskBytes: 128 << 20))
    template.requestShare = 1
    #expect(template.requests(Self.limits) == Self.limits)
    let small = SandboxLimits(cpuMilli: 5, memoryBytes: 1 << 20, diskBytes: 1 << 20)
    #expect(template.requests(small) == small)
  }

  @Test func tellsTheMaximumOfATemplate() {
    let template = PodTemplate(image: "i", defaults: Self.limits, maximum: Self.limits)
    #expect(throws: FieldError(field: "resources.memory", expectation: "must be at most 1Gi")) {
      try template.limits(.init(memoryBytes: 2 << 30))
    }
  }
}

/// Records in annotations, and what is made of hostile ones.
@Suite struct SandboxAnnotationsTests {
  private static func read(_ members: [(String, JSONValue)]) -> SandboxRecord? {
    guard case .object(let object) = JSONValue.members(members) else { return nil }
    return SandboxAnnotations.record(id: "abcdefghij234567", template: "python", object)
  }

  private static func changed(_ name: String, _ value: JSONValue?) -> [(String, JSONValue)] {
    SandboxAnnotations.of(PodManifestTests.record()).compactMap { member in
      member.0 == name ? value.map { (name, $0) } : member
    }
  }

  @Test func readsWhatItWritesButTheEnvironment() throws {
    let mark = SandboxRecord.Idempotency(key: "k1", bodyHash: "ab")
    let record = PodManifestTests.record(idempotency: mark)
    let read = try #require(Self.read(SandboxAnnotations.of(record)))
    #expect(read.env.isEmpty)
    #expect(read.metadata == record.metadata && read.ports == record.ports)
    #expect(read.resources == record.resources && read.idempotency == mark)
    #expect(read.createdAtMs == record.createdAtMs && read.expiresAtMs == record.expiresAtMs)
    #expect(read.owner == "ci" && read.template == "python")
  }

  @Test(
    arguments: [
      ("xgen.io/owner", nil), ("xgen.io/owner", ""), ("xgen.io/owner", 7),
      ("xgen.io/created-at-ms", nil), ("xgen.io/created-at-ms", "-1"),
      ("xgen.io/expires-at-ms", "99999999999999999"), ("xgen.io/expires-at-ms", "soon"),
      ("xgen.io/ports", "0"), ("xgen.io/ports", "70000"), ("xgen.io/ports", "a,b"),
      ("xgen.io/ports", .string((1...65).map { "\($0)" }.joined(separator: ","))),
      ("xgen.io/metadata", "[]"), ("xgen.io/metadata", "{\"a\":1}"), ("xgen.io/metadata", "{"),
      ("xgen.io/resources", "7"),
    ] as [(String, JSONValue?)])
  func passesOverWhatItDidNotWrite(name: String, value: JSONValue?) {
    #expect(Self.read(Self.changed(name, value)) == nil)
  }
}
