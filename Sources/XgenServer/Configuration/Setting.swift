internal import Reactor

/// One setting: a flag, the environment variable of the same meaning, and how to read it. The
/// flag comes first.
struct Setting: Sendable {
  let flag: String
  let variable: String?
  /// What stands behind the flag in the help; nil for a switch.
  let placeholder: String?
  let help: String
  let apply: @Sendable (inout Settings, String) throws(SettingError) -> Void

  init(
    _ flag: String, _ variable: String?, _ placeholder: String?, _ help: String,
    _ apply: @escaping @Sendable (inout Settings, String) throws(SettingError) -> Void
  ) {
    self.flag = flag
    self.variable = variable
    self.placeholder = placeholder
    self.help = help
    self.apply = apply
  }
}

/// Readers of values, each with the error that says what is taken.
enum SettingValue {
  static func int(
    _ name: String, _ text: String, _ range: ClosedRange<Int>
  ) throws(SettingError) -> Int {
    guard let number = Int(text), range.contains(number) else {
      throw SettingError(
        name: name,
        problem: "'\(text)' is not a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// `90s`, `30m`, `1h`, `1h30m`, or plain seconds; 1 s to a year.
  static func seconds(_ name: String, _ text: String) throws(SettingError) -> Int {
    let error = SettingError(
      name: name, problem: "'\(text)' is not a duration such as 90s, 30m, 1h or 1h30m")
    var total = 0
    var digits = ""
    for character in text {
      if character.isASCII, character.isNumber {
        digits.append(character)
        continue
      }
      guard let unit = ["s": 1, "m": 60, "h": 3600][character], let number = Int(digits),
        number <= 31_536_000
      else { throw error }
      total += number * unit
      digits = ""
    }
    if !digits.isEmpty {
      guard total == 0, let number = Int(digits) else { throw error }
      total = number
    }
    guard (1...31_536_000).contains(total) else { throw error }
    return total
  }

  /// `200000-265535`, both included.
  static func uidRange(_ name: String, _ text: String) throws(SettingError) -> Range<UInt32> {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, let first = UInt32(parts[0]), let last = UInt32(parts[1]),
      first >= 1000, first <= last, last < UInt32.max - 1
    else {
      throw SettingError(
        name: name, problem: "'\(text)' is not a range of host uids such as 200000-265535")
    }
    return first..<last + 1
  }

  /// `cpu=1000m,memory=1Gi`; what is not named stays as it is.
  static func resources(
    _ name: String, _ text: String, into limits: inout SandboxLimits
  ) throws(SettingError) {
    for pair in text.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = pair.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, let resource = ResourceName(rawValue: String(parts[0])),
        let value = resource.parse(String(parts[1])), resource.bounds.contains(value)
      else {
        throw SettingError(
          name: name,
          problem: "'\(pair)' is not cpu=50m to 4000m, memory=32Mi to 4Gi or disk=32Mi to 10Gi")
      }
      limits[resource] = value
    }
  }

  /// A path in the cgroup hierarchies, `/` for their roots, or `none`.
  static func cgroup(_ name: String, _ text: String) throws(SettingError) -> String {
    if text == Cgroups.noParent { return text }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    let isPath = text == "/" || !parts.dropFirst().contains { ["", ".", ".."].contains($0) }
    guard text.hasPrefix("/"), isPath, !text.utf8.contains(where: { $0 <= 0x20 }) else {
      throw SettingError(
        name: name, problem: "'\(text)' is neither a cgroup's path such as /xgen nor none")
    }
    return text == "/" ? "" : text
  }

  static func network(_ name: String, _ text: String) throws(SettingError) -> SandboxNetwork {
    if let network = SandboxNetwork(rawValue: text) { return network }
    throw SettingError(name: name, problem: "'\(text)' is neither none nor internet")
  }

  /// Numeric addresses that a sandbox can reach: `192.0.2.53,2001:db8::53`
  static func resolvers(_ name: String, _ text: String) throws(SettingError) -> [IPAddress] {
    var found: [IPAddress] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let address = IPAddress(part), Resolvers.isReachable(address),
        found.count < Resolvers.most
      else {
        throw SettingError(
          name: name,
          problem: "'\(part)' is not one of at most \(Resolvers.most) numeric addresses other than "
            + "loopback and link-local ones")
      }
      found.append(address)
    }
    return found
  }

  /// Places to connect to: `127.0.0.1:9000,unix:/run/sidecar.sock`
  static func sidecars(_ name: String, _ text: String) throws(SettingError) -> [SocketAddress] {
    var addresses: [SocketAddress] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let address = SocketAddress(parsing: String(part)), address.port != 0 else {
        throw SettingError(
          name: name,
          problem: "'\(part)' is not an address such as 127.0.0.1:9000 or unix:/run/sidecar.sock")
      }
      addresses.append(address)
    }
    return addresses
  }

  static func url(_ name: String, _ text: String) throws(SettingError) -> String {
    let url = text.hasSuffix("/") ? String(text.dropLast()) : text
    let scheme = ["http://", "https://"].first { url.hasPrefix($0) }
    let authority = url.dropFirst(scheme?.count ?? 0).prefix { $0 != "/" }
    let isPrintable = url.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3F && $0 != 0x23 }
    guard scheme != nil, isPrintable, HTTPHost(String(authority)) != nil else {
      throw SettingError(
        name: name, problem: "'\(text)' is not an http or https URL such as https://xgen.example")
    }
    return url
  }

  /// `https://xgen.example,http://localhost:3000`
  static func origins(
    _ name: String, _ text: String
  ) throws(SettingError) -> WebSocketOriginPolicy {
    var origins: Set<HTTPOrigin> = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let origin = HTTPOrigin(String(part)) else {
        throw SettingError(
          name: name, problem: "'\(part)' is not an origin such as https://xgen.example")
      }
      origins.insert(origin)
    }
    return .only(origins)
  }

  static func hostAndPort(_ name: String, _ text: String) throws(SettingError) -> String {
    guard let host = HTTPHost(text), !host.name.hasPrefix("."), !text.hasSuffix(":") else {
      throw SettingError(name: name, problem: "'\(text)' is not a domain name with optional port")
    }
    return text.lowercased()
  }
}
