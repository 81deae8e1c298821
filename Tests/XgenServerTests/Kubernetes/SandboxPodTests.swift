import Reactor
import Testing

@testable import XgenServer

/// What is made of the cluster's word for a pod.
@Suite struct SandboxPodTests {
  private static let id = "abcdefghij234567"

  /// A pod as the cluster tells it: ours, with another status.
  static func object(
    status: JSONValue = .null, pool: Bool = false, metadata: [(String, JSONValue)] = [],
    labels: [(String, JSONValue)]? = nil, name: String? = nil
  ) -> JSONValue {
    let sent =
      pool
      ? PodManifestTests.manifest(nil).poolObject("hash")
      : PodManifestTests.manifest(PodManifestTests.record()).object
    var known = (sent["metadata"]?.objectValue?.members ?? []).map { ($0.name, $0.value) }
    if let labels { known = known.map { $0.0 == "labels" ? ($0.0, .members(labels)) : $0 } }
    if let name { known = known.map { $0.0 == "name" ? ($0.0, .string(name)) : $0 } }
    let added = metadata.map(\.0)
    known = known.filter { !added.contains($0.0) }
    if !added.contains("uid") { known.append(("uid", "uid-1")) }
    if !added.contains("resourceVersion") { known.append(("resourceVersion", "41")) }
    return .members([
      ("metadata", .members(known + metadata)), ("spec", sent["spec"] ?? .null),
      ("status", status),
    ])
  }

  @Test func knowsItsOwn() throws {
    let pod = try #require(SandboxPod(Self.object(status: ["podIP": "10.0.0.7"])))
    #expect(pod.id == Self.id && pod.uid == "uid-1" && pod.template == "python")
    #expect(pod.sidecar == SocketAddress(parsing: "10.0.0.7:27182"))
    #expect(pod.record?.owner == "ci" && pod.pool == nil)
    #expect(
      !pod.isReady && !pod.hasStarted && !pod.hasEnded && !pod.isBeingDeleted && pod.problem == nil)
    let warm = try #require(SandboxPod(Self.object(pool: true)))
    #expect(warm.pool == "python" && warm.record == nil && warm.specHash == "hash")
  }

  @Test func annotationsTellHowPreviewsAreServed() throws {
    var record = PodManifestTests.record().withoutEnvironment
    record.previews = .init(access: .private, host: .localhost, linkEpoch: 3)
    func read(_ change: (inout [(String, JSONValue)]) -> Void = { _ in }) -> SandboxRecord? {
      var members = SandboxAnnotations.of(record)
      change(&members)
      let object = JSONValue.members(members).objectValue ?? [:]
      return SandboxAnnotations.record(id: record.id, template: record.template, object)
    }
    #expect(read() == record)
    #expect(read { $0.removeAll { $0.0 == SandboxAnnotations.linkEpoch } }?.previews.linkEpoch == 0)
    for name in [
      SandboxAnnotations.previewAccess, SandboxAnnotations.previewHost,
      SandboxAnnotations.linkEpoch,
    ] {
      for wrong in ["", "-1", "open"] {
        let changed = read { $0 = $0.map { $0.0 == name ? (name, .string(wrong)) : $0 } }
        #expect(changed == nil, "\(name): \(wrong)")
      }
    }
  }

  @Test func anotherIDOrNoEnvironmentChangesNothingElse() {
    var record = PodManifestTests.record(idempotency: .init(key: "k", bodyHash: "b"))
    record.previews = .init(access: .private, host: .localhost, linkEpoch: 3)
    record.network = .internet
    let other = record.with(id: "other")
    #expect(other.id == "other" && other != record && other.with(id: record.id) == record)
    #expect(record.withoutEnvironment.env.isEmpty && record.withoutEnvironment.network == .internet)
    #expect(record.withoutEnvironment.previews == record.previews)
  }

  @Test func reachesIPv6() throws {
    let pod = try #require(SandboxPod(Self.object(status: ["podIP": "fd00::7"])))
    #expect(pod.sidecar == SocketAddress(parsing: "[fd00::7]:27182"))
    #expect(SandboxPod(Self.object(status: ["podIP": "no address"]))?.sidecar == nil)
  }

  @Test func isNotDeceivedByNames() {
    #expect(SandboxPod(Self.object(name: "sbx-other")) == nil)
    #expect(SandboxPod(Self.object(labels: [])) == nil)
    #expect(SandboxPod(Self.object(labels: [("xgen.io/sandbox-id", .string(Self.id))])) == nil)
    #expect(SandboxPod(Self.object(metadata: [("uid", "")])) == nil)
    #expect(SandboxPod(Self.object(metadata: [("resourceVersion", 7)])) == nil)
    #expect(SandboxPod(Self.object(metadata: [("annotations", [:])])) == nil)
    #expect(SandboxPod(.null) == nil)
    #expect(SandboxPod(["metadata": []]) == nil)
  }

  @Test func laterVersionsCountAndOtherPodsOfTheNameToo() throws {
    func pod(_ version: String, _ uid: String = "uid-1") throws -> SandboxPod {
      try #require(
        SandboxPod(
          Self.object(metadata: [
            ("resourceVersion", .string(version)), ("uid", .string(uid)),
          ])))
    }
    #expect(try pod("42").isNewer(than: pod("41")))
    #expect(try pod("100").isNewer(than: pod("99")))
    #expect(try !pod("40").isNewer(than: pod("41")))
    #expect(try pod("40", "uid-2").isNewer(than: pod("41")))
    #expect(try pod("opaque").isNewer(than: pod("41")))
  }

  private static let scheduled: JSONValue = ["type": "PodScheduled", "status": "True"]

  @Test(
    arguments: [
      (
        [
          "phase": "Pending",
          "containerStatuses": [
            ["state": ["waiting": ["reason": "ImagePullBackOff", "message": "Back-off pulling"]]]
          ],
        ], "ImagePullBackOff: Back-off pulling"
      ),
      (
        [
          "phase": "Pending",
          "containerStatuses": [["state": ["waiting": ["reason": "ErrImageNeverPull"]]]],
        ], "ErrImageNeverPull"
      ),
      (
        [
          "phase": "Pending",
          "containerStatuses": [["state": ["waiting": ["reason": "ContainerCreating"]]]],
        ], nil
      ),
      (
        [
          "phase": "Pending",
          "containerStatuses": [["state": ["waiting": ["reason": "ErrImagePull"]]]],
        ], nil
      ),
      (
        [
          "phase": "Pending",
          "conditions": [
            [
              "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
              "message": "0/1 nodes are available:\n1 Insufficient cpu.",
            ]
          ],
        ], "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu."
      ),
      (
        [
          "phase": "Failed", "reason": "Evicted", "message": "The node was low on memory.",
          "containerStatuses": [["state": ["terminated": ["reason": "Error", "exitCode": 137]]]],
        ], "Evicted: The node was low on memory."
      ),
      (
        ["phase": "Failed", "reason": "DeadlineExceeded", "message": "Pod was active"],
        "DeadlineExceeded: Pod was active"
      ),
      (
        [
          "phase": "Failed",
          "containerStatuses": [
            ["state": ["terminated": ["reason": "OOMKilled", "exitCode": 137]]]
          ],
        ], "OOMKilled: the sidecar ended with exit code 137"
      ),
      (
        [
          "phase": "Failed",
          "containerStatuses": [
            [
              "state": [
                "terminated": [
                  "reason": "StartError", "exitCode": 128, "message": "exec: no such file",
                ]
              ]
            ]
          ],
        ], "StartError: exec: no such file"
      ),
      (
        [
          "phase": "Failed",
          "initContainerStatuses": [
            ["state": ["terminated": ["reason": "Error", "exitCode": 1]]]
          ],
        ], "Error: the sidecar ended with exit code 1 (in the init container)"
      ),
      (
        [
          "phase": "Running",
          "initContainerStatuses": [
            ["state": ["terminated": ["reason": "Completed", "exitCode": 0]]]
          ],
          "containerStatuses": [["state": ["running": [:]]]],
        ], nil
      ),
      (
        [
          "containerStatuses": [
            ["name": "runtime", "state": ["running": [:]]],
            [
              "name": "desktop",
              "state": ["waiting": ["reason": "ImagePullBackOff", "message": "no such image"]],
            ],
          ]
        ], "ImagePullBackOff: no such image (of the desktop)"
      ),
      (["phase": "Succeeded"], "Completed: the sidecar ended"),
      (["phase": "Failed"], "the pod failed"),
      (["phase": "Failed", "reason": "not a word!"], "the pod failed"),
      (["phase": 7, "conditions": "x", "containerStatuses": [1]], nil),
      (.null, nil),
    ] as [(JSONValue, String?)])
  func tellsWhyInKubernetesWords(status: JSONValue, problem: String?) {
    #expect(PodStatus.problem(status) == problem)
  }

  @Test func aReasonIsPrintableAndBounded() throws {
    let status: JSONValue = [
      "phase": "Failed", "reason": "Evicted",
      "message": .string("a\u{1B}[31mb\u{0}" + String(repeating: "x", count: 5000)),
    ]
    let text = try #require(PodStatus.problem(status))
    #expect(text.utf8.count <= KubernetesBackendLimits.maxReasonBytes)
    #expect(text.hasPrefix("Evicted: a [31mb xxx"))
  }

  @Test func aContainerThatWaitsHasNotStarted() {
    #expect(!PodStatus.hasStarted(.null))
    func hasStarted(_ state: String, _ name: String = "runtime") -> Bool {
      let container: JSONValue = [
        "name": .string(name), "state": .members([(state, .members([]))]),
      ]
      return PodStatus.hasStarted(["containerStatuses": [container]])
    }
    #expect(!hasStarted("waiting") && !hasStarted("running", "desktop"))
    #expect(hasStarted("running") && hasStarted("terminated"))
  }

  @Test(
    arguments: [
      ("OOMKilled", 137, nil), ("Error", 139, nil), ("Completed", 0, nil),
      ("Error", 1, "Error: no such package (of the desktop)"),
      ("StartError", 128, "StartError: no such package (of the desktop)"),
    ] as [(String, Int64, String?)])
  func aDesktopThatIsKilledLeavesTheSandbox(reason: String, code: Int64, problem: String?) {
    let status: JSONValue = [
      "phase": "Running",
      "conditions": [["type": "Ready", "status": "False"]],
      "containerStatuses": [
        [
          "name": "desktop",
          "state": [
            "terminated": [
              "reason": .string(reason), "exitCode": .int(code), "message": "no such package",
            ]
          ],
        ],
        ["name": "runtime", "ready": true, "state": ["running": [:]]],
      ],
    ]
    #expect(PodStatus.problem(status) == problem)
    #expect(PodStatus.isReady(status) == (problem == nil))
    #expect(!PodStatus.hasEnded(status))
  }

  @Test func readinessIsTheCondition() {
    #expect(PodStatus.isReady(["conditions": [["type": "Ready", "status": "True"]]]))
    #expect(!PodStatus.isReady(["conditions": [["type": "Ready", "status": "False"]]]))
    #expect(!PodStatus.isReady(["conditions": [["type": "Initialized", "status": "True"]]]))
    #expect(PodStatus.hasEnded(["containerStatuses": [["state": ["terminated": [:]]]]]))
    #expect(!PodStatus.hasEnded(["containerStatuses": [["state": ["running": [:]]]]]))
    #expect(!PodStatus.hasEnded(["containerStatuses": []]))
  }
}

/// An end's ConfigMap.
@Suite struct EndManifestTests {
  private static let stone = Tombstones.Entry(
    id: "abcdefghij234567", owner: "ci", end: .expired, atMs: 1_700_000_000_000)

  private static func stored(_ end: EndManifest, name: String? = nil) -> JSONValue {
    let sent = end.object(namespace: "n")
    return .members([
      (
        "metadata",
        ["name": name.map { .string($0) } ?? sent["metadata"]?["name"] ?? .null, "uid": "u"]
      ),
      ("data", sent["data"] ?? .null),
    ])
  }

  @Test func readsWhatItWrites() throws {
    let mark = SandboxRecord.Idempotency(key: "k", bodyHash: "hash")
    let claim = try #require(IdempotencyClaim(PodManifestTests.record(idempotency: mark)))
    let end = try #require(
      EndManifest(Self.stored(EndManifest(stone: Self.stone, claim: claim))))
    #expect(end.stone == Self.stone && end.claim == claim && end.uid == "u")
    let text = String(
      decoding: EndManifest(stone: Self.stone, claim: claim).object(namespace: "n").serialized(),
      as: UTF8.self)
    #expect(!text.contains("\"k\""))  // only the key's hash
  }

  @Test func isAboutTheSandboxOfItsName() {
    let end = EndManifest(stone: Self.stone, claim: nil)
    #expect(EndManifest(Self.stored(end, name: "sbx-other-end")) == nil)
    #expect(EndManifest(["metadata": ["name": "sbx-a-end"], "data": ["end": "{}"]]) == nil)
    #expect(EndManifest(.null) == nil)
  }

  @Test func isKeptForFiveMinutesAndWithAKeyForADay() throws {
    let at = Self.stone.atMs
    let plain = EndManifest(stone: Self.stone, claim: nil)
    #expect(!plain.isOver(nowMs: at + 299_999) && plain.isOver(nowMs: at + 300_000))
    let mark = SandboxRecord.Idempotency(key: "k", bodyHash: "hash")
    let claim = try #require(IdempotencyClaim(PodManifestTests.record(idempotency: mark)))
    let keyed = EndManifest(stone: Self.stone, claim: claim)
    #expect(!keyed.isOver(nowMs: claim.createdAtMs + 86_399_999))
    #expect(keyed.isOver(nowMs: claim.createdAtMs + 86_400_000))
  }
}
