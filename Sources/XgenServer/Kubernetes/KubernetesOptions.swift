/// What an operator says of `--backend kubernetes`, besides the way to the cluster.
struct KubernetesOptions: Sendable, Equatable {
  enum PullPolicy: String, Sendable, CaseIterable {
    case always = "Always"
    case ifNotPresent = "IfNotPresent"
    case never = "Never"
  }

  var namespace = "xgen-sandboxes"
  var sidecarImage: String?
  var runtimeBaseImage = "docker.io/library/debian:12-slim"
  /// With a desktop's programs; without it there are none.
  var desktopImage: String?
  var pullPolicy = PullPolicy.ifNotPresent
  var templatesFile: String?
  /// Where the sidecar listens in its pod. Below the ports that outgoing connections are given.
  var sidecarPort: UInt16 = 27_182
  /// Of every template that `warmPoolSizes` does not name.
  var warmPoolSize = 0
  var warmPoolSizes: [String: Int] = [:]

  /// `base:3,nodejs:2`
  static func poolSizes(_ name: String, _ text: String) throws(SettingError) -> [String: Int] {
    var sizes: [String: Int] = [:]
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let pair = part.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      guard pair.count == 2, SandboxOrder.templates.contains(pair[0]), let size = Int(pair[1]),
        PoolLimits.sizes.contains(size), sizes.updateValue(size, forKey: pair[0]) == nil
      else {
        throw SettingError(
          name: name,
          problem: "'\(part)' is not TEMPLATE:N with N from 0 to \(PoolLimits.sizes.upperBound), "
            + "each template once, such as base:3,nodejs:2")
      }
    }
    return sizes
  }

  /// A DNS label (RFC 1123), as namespaces are called.
  static func namespace(_ name: String, _ text: String) throws(SettingError) -> String {
    let isLabel = text.utf8.allSatisfy { 0x61...0x7A ~= $0 || 0x30...0x39 ~= $0 || $0 == 0x2D }
    guard isLabel, 1...63 ~= text.utf8.count, !text.hasPrefix("-"), !text.hasSuffix("-") else {
      throw SettingError(name: name, problem: "'\(text)' is no name of a namespace")
    }
    return text
  }

  /// `registry/name:tag` or with a digest: what Kubernetes takes is for it to say, but a space or
  /// nothing at all is a mistake here.
  static func image(_ name: String, _ text: String) throws(SettingError) -> String {
    guard isImage(text) else {
      throw SettingError(name: name, problem: "'\(text)' is no image such as debian:12-slim")
    }
    return text
  }

  static func isImage(_ text: String) -> Bool {
    1...512 ~= text.utf8.count && text.utf8.allSatisfy { 0x21...0x7E ~= $0 }
  }

  static func pullPolicy(_ name: String, _ text: String) throws(SettingError) -> PullPolicy {
    guard let policy = PullPolicy(rawValue: text) else {
      let known = PullPolicy.allCases.map(\.rawValue).joined(separator: ", ")
      throw SettingError(name: name, problem: "'\(text)' is none of \(known)")
    }
    return policy
  }
}
