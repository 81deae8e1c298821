/// What a pod's status says of the sandbox in it. Pure.
///
/// Sources: Kubernetes, `core/v1` PodStatus; kubelet, `images/types.go` and `container/sync_result.go`
/// for the words in `waiting.reason`.
enum PodStatus {
  /// Words of a container that waits and will wait for ever, until somebody changes something.
  /// ErrImagePull is not among them: the kubelet tries again, and says ImagePullBackOff then.
  private static let hopeless: Set<String> = [
    "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError",
    "RegistryUnavailable", "CreateContainerConfigError", "CreateContainerError",
    "RunContainerError", "CrashLoopBackOff", "CreateSandboxError", "PostStartHookError",
  ]

  /// Its sidecar serves. A desktop that has ended makes the pod unready for good, but not this.
  static func isReady(_ status: JSONValue) -> Bool {
    if conditions(status).contains(where: { $0["type"] == "Ready" && $0["status"] == "True" }) {
      return true
    }
    let containers = list(status["containerStatuses"])
    return containers.contains { isDesktop($0) && isLost($0) }
      && containers.contains { isRuntime($0) && $0["ready"] == true }
  }

  /// Why no sandbox is, or will be, running in the pod; nil while it runs or may yet.
  static func problem(_ status: JSONValue) -> String? {
    if status["phase"] == "Failed", let reason = word(status["reason"]) {
      return text(reason, status["message"])  // Evicted, DeadlineExceeded, NodeLost, Shutdown
    }
    for container in list(status["initContainerStatuses"]) {
      if let problem = problem(ofInit: container) { return problem }
    }
    for container in list(status["containerStatuses"]) {
      guard let problem = problem(of: container) else { continue }
      guard isDesktop(container) else { return problem }
      if !isLost(container) { return "\(problem) (of the desktop)" }
    }
    if let condition = conditions(status).first(where: {
      $0["type"] == "PodScheduled" && $0["status"] == "False" && $0["reason"] == "Unschedulable"
    }) {
      return text("Unschedulable", condition["message"])
    }
    switch status["phase"]?.stringValue {
    case "Failed": return "the pod failed"
    case "Succeeded": return "Completed: the sidecar ended"
    default: return nil
    }
  }

  static func hasStarted(_ status: JSONValue) -> Bool {
    list(status["containerStatuses"]).contains {
      isRuntime($0) && ($0["state"]?["running"] != nil || $0["state"]?["terminated"] != nil)
    }
  }

  private static func isRuntime(_ container: JSONValue) -> Bool {
    container["name"]?.stringValue == SandboxNames.runtimeContainer
  }

  private static func isDesktop(_ container: JSONValue) -> Bool {
    container["name"]?.stringValue == PodManifest.desktopContainer
  }

  /// A desktop that was ended while it ran, most often for its memory. The sandbox goes on without.
  /// One that can't start says so with an exit code of its own, or the runtime does with 128.
  private static func isLost(_ container: JSONValue) -> Bool {
    guard let terminated = container["state"]?["terminated"] else { return false }
    return terminated["reason"] == "OOMKilled"
      || !(1...128 ~= terminated["exitCode"]?.intValue ?? 1)
  }

  /// No process of the pod runs any more.
  static func hasEnded(_ status: JSONValue) -> Bool {
    if status["phase"] == "Failed" || status["phase"] == "Succeeded" { return true }
    let containers = list(status["containerStatuses"])
    return !containers.isEmpty && containers.allSatisfy { $0["state"]?["terminated"] != nil }
  }

  private static func problem(of container: JSONValue) -> String? {
    if let waiting = container["state"]?["waiting"], let reason = word(waiting["reason"]),
      hopeless.contains(reason)
    {
      return text(reason, waiting["message"])
    }
    guard let terminated = container["state"]?["terminated"] else { return nil }
    let reason = word(terminated["reason"]) ?? "Error"
    let code = terminated["exitCode"]?.intValue.map { "exit code \($0)" } ?? ""
    return text(reason, terminated["message"] ?? .string("the sidecar ended with \(code)"))
  }

  private static func problem(ofInit container: JSONValue) -> String? {
    if container["state"]?["terminated"]?["exitCode"] == 0 { return nil }
    return problem(of: container).map { "\($0) (in the init container)" }
  }

  private static func conditions(_ status: JSONValue) -> [JSONValue] { list(status["conditions"]) }

  private static func list(_ value: JSONValue?) -> [JSONValue] { value?.arrayValue ?? [] }

  /// A reason as Kubernetes has them: one word of letters.
  private static func word(_ value: JSONValue?) -> String? {
    guard let text = value?.stringValue, 1...64 ~= text.utf8.count,
      text.utf8.allSatisfy({ 0x41...0x5A ~= $0 || 0x61...0x7A ~= $0 || 0x30...0x39 ~= $0 })
    else { return nil }
    return text
  }

  /// `Reason: message`, printable and bounded.
  private static func text(_ reason: String, _ message: JSONValue?) -> String {
    let most = KubernetesBackendLimits.maxReasonBytes
    let words = KubernetesText.printable(message?.stringValue ?? "", maxBytes: most)
      .split(separator: " ").joined(separator: " ")
    if words.isEmpty { return reason }
    return KubernetesText.printable("\(reason): \(words)", maxBytes: most)
  }
}
