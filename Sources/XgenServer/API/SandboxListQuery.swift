internal import Reactor

/// What a list of sandboxes is narrowed to (spec/api.md, List). Pure.
struct SandboxListQuery: Sendable, Equatable {
  /// The most that are answered; nil for all.
  let limit: Int?
  /// Only what comes behind it.
  let cursor: Cursor?
  let status: SandboxStatus?
  let template: String?
  /// All of these must be in the sandbox's metadata.
  let metadata: [HTTPQuery.Item]

  private static let metadataPrefix = "metadata."

  /// Parameters that are not known are ignored.
  init(_ query: HTTPQuery) throws(FieldError) {
    limit = try Self.limit(query)
    cursor = try Self.value(query, "cursor", "must be one of a Link header") { Cursor($0) }
    status = try Self.value(
      query, "status", "must be starting, running, stopping, stopped or error"
    ) { SandboxStatus(rawValue: $0) }
    template = try Self.value(
      query, "template", "must be one of \(SandboxOrder.templates.joined(separator: ", "))"
    ) { SandboxOrder.templates.contains($0) ? $0 : nil }
    metadata = query.items.filter { $0.name.hasPrefix(Self.metadataPrefix) }
    for item in metadata { _ = try Self.single(query, item.name) }
  }

  func matches(_ sandbox: SandboxView) -> Bool {
    let record = sandbox.record
    return (cursor.map { $0.isBefore(record) } ?? true)
      && (status.map { $0 == sandbox.status } ?? true)
      && (template.map { $0 == record.template } ?? true)
      && metadata.allSatisfy {
        record.metadata[String($0.name.dropFirst(Self.metadataPrefix.count))] == $0.value
      }
  }

  /// The query of the page behind `last`, with the same filters.
  func next(after last: SandboxRecord) -> String {
    var items = [("cursor", Cursor(last).text)]
    if let limit { items.append(("limit", String(limit))) }
    if let status { items.append(("status", status.rawValue)) }
    if let template { items.append(("template", template)) }
    items += metadata.map { ($0.name, $0.value) }
    return items.map { "\(PercentEncoding.encode($0.0))=\(PercentEncoding.encode($0.1))" }
      .joined(separator: "&")
  }
}

// MARK: Reading

extension SandboxListQuery {
  private static func limit(_ query: HTTPQuery) throws(FieldError) -> Int? {
    try value(query, "limit", "must be a number from 1 to \(Limits.maxPageCount)") { text in
      guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text),
        1...Limits.maxPageCount ~= number
      else { return nil }
      return number
    }
  }

  private static func value<Value>(
    _ query: HTTPQuery, _ name: String, _ expectation: String, _ parse: (String) -> Value?
  ) throws(FieldError) -> Value? {
    guard let text = try single(query, name) else { return nil }
    guard let value = parse(text) else { throw FieldError(field: name, expectation: expectation) }
    return value
  }

  private static func single(_ query: HTTPQuery, _ name: String) throws(FieldError) -> String? {
    let values = query.values(name)
    if values.count > 1 {
      throw FieldError(field: String(name.prefix(64)), expectation: "must not be repeated")
    }
    return values.first
  }
}

extension SandboxListQuery {
  /// A place in the list, newest first: behind a sandbox, which may be gone by now.
  struct Cursor: Sendable, Equatable {
    let createdAtMs: Int64
    let id: String

    private static let maxBytes = 256

    init(_ record: SandboxRecord) {
      createdAtMs = record.createdAtMs
      id = record.id
    }

    /// Clients need not know what is in it.
    var text: String { Base64URL.encode(Array("\(createdAtMs) \(id)".utf8)) }

    init?(_ text: String) {
      guard text.utf8.count <= Self.maxBytes, let bytes = Base64URL.decode(text) else {
        return nil
      }
      let parts = String(decoding: bytes, as: UTF8.self).split(separator: " ", maxSplits: 1)
      guard parts.count == 2, let createdAtMs = Int64(parts[0]) else { return nil }
      self.createdAtMs = createdAtMs
      id = String(parts[1])
    }

    func isBefore(_ record: SandboxRecord) -> Bool {
      (record.createdAtMs, record.id) < (createdAtMs, id)
    }
  }
}

/// Percent-encoding of a query's names and values (RFC 3986 §2.3): all but the unreserved.
enum PercentEncoding {
  static func encode(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var encoded: [UInt8] = []
    for byte in text.utf8 {
      if isUnreserved(byte) {
        encoded.append(byte)
      } else {
        encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: encoded, as: UTF8.self)
  }

  private static func isUnreserved(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "_"), UInt8(ascii: "~"):
      true
    default: false
    }
  }
}
