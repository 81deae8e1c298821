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

  /// False where everything matches.
  var isNarrowing: Bool {
    cursor != nil || status != nil || template != nil || !metadata.isEmpty
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
    return items.map { "\(PercentEncoding.queryValue($0.0))=\(PercentEncoding.queryValue($0.1))" }
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
    _ query: HTTPQuery, _ name: String, _ expectation: @autoclosure () -> String,
    _ parse: (String) -> Value?
  ) throws(FieldError) -> Value? {
    guard let text = try single(query, name) else { return nil }
    guard let value = parse(text) else {
      throw FieldError(field: name, expectation: expectation())
    }
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

    /// As OpenAPI describes it.
    static let pattern = "^[0-9]{1,18}-[A-Za-z0-9-]{1,63}$"

    init(_ record: SandboxRecord) {
      createdAtMs = record.createdAtMs
      id = record.id
    }

    /// Clients need not know what is in it.
    var text: String { "\(createdAtMs)-\(id)" }

    init?(_ text: String) {
      let parts = text.utf8.split(
        separator: UInt8(ascii: "-"), maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, 1...18 ~= parts[0].count, parts[0].allSatisfy(Self.isDigit),
        1...63 ~= parts[1].count, parts[1].allSatisfy(Self.isOfID),
        let createdAtMs = Int64(String(Substring(parts[0])))
      else { return nil }
      self.createdAtMs = createdAtMs
      id = String(Substring(parts[1]))
    }

    private static func isDigit(_ byte: UInt8) -> Bool { 48...57 ~= byte }

    private static func isOfID(_ byte: UInt8) -> Bool {
      isDigit(byte) || 97...122 ~= byte || 65...90 ~= byte || byte == UInt8(ascii: "-")
    }

    func isBefore(_ record: SandboxRecord) -> Bool {
      (record.createdAtMs, record.id) < (createdAtMs, id)
    }
  }
}
