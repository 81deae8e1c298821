internal import Reactor

/// The name under which a port of a sandbox is reached from outside, in a Host header:
///
/// ```
/// sbx-{id}-{port}.{domain}[.][:{port of the server}]
/// ```
///
/// The id may hold dashes and be of any length: the port is what follows the last dash.
struct PreviewHost: Equatable, Sendable {
  /// In lower case: letters, digits and dashes. Whether there is such a sandbox, the catalog says.
  let id: String
  /// The port inside of the sandbox; not 0.
  let port: UInt16

  private static let prefix: StaticString = "sbx-"
  private static let dash = UInt8(ascii: "-")
  private static let maxPortDigits = 5

  init(id: String, port: UInt16) {
    self.id = id
    self.port = port
  }

  /// What stands before the domain's dot, in any case; nil if it names no preview.
  init?(label: UnsafeRawBufferPointer) {
    let start = Self.prefix.utf8CodeUnitCount
    guard label.count > start,
      UnsafeRawBufferPointer(rebasing: label[..<start]).spells(Self.prefix),
      let dash = label.lastIndex(of: Self.dash), dash > start,
      let port = Self.port(UnsafeRawBufferPointer(rebasing: label[(dash + 1)...]))
    else { return nil }
    let id = UnsafeRawBufferPointer(rebasing: label[start..<dash])
    guard id.allSatisfy(Self.isIDByte) else { return nil }
    self.id = String(unsafeUninitializedCapacity: id.count) { text in
      for index in 0..<id.count { text[index] = id[index].asciiLowercased }
      return id.count
    }
    self.port = port
  }

  /// 1–65535, without leading zeros: every port has one name.
  private static func port(_ digits: UnsafeRawBufferPointer) -> UInt16? {
    guard 1...maxPortDigits ~= digits.count, digits[0] != UInt8(ascii: "0") else { return nil }
    var port = 0
    for digit in digits {
      guard 48...57 ~= digit else { return nil }
      port = port * 10 + Int(digit - 48)
    }
    return UInt16(exactly: port)
  }

  private static func isIDByte(_ byte: UInt8) -> Bool {
    let lower = byte | 0x20
    return 48...57 ~= byte || byte == dash || (97...122 ~= lower && byte >= 65)
  }
}
