/// The items of a query, in their order: `name=value` pairs of a form (URL Standard §5.1).
public struct HTTPQuery: Sendable, Equatable {
  public struct Item: Sendable, Equatable {
    public let name: String
    /// Empty without a `=`.
    public let value: String
  }

  public private(set) var items: [Item] = []

  public static let maxItems = 64

  /// No items.
  public init() {}

  /// Takes `query` apart, percent-decoded, `+` as a space. Empty items are dropped.
  public init(_ query: String) throws(HTTPParseError) {
    var query = query
    items = try query.withUTF8 { bytes in
      Result { () throws(HTTPParseError) in try Self.items(UnsafeRawBufferPointer(bytes)) }
    }.get()
  }

  /// The same of the bytes.
  init(_ query: UnsafeRawBufferPointer) throws(HTTPParseError) { items = try Self.items(query) }

  /// The first value of that name.
  public subscript(name: String) -> String? { items.first { $0.name == name }?.value }

  /// All values of that name.
  public func values(_ name: String) -> [String] {
    items.compactMap { $0.name == name ? $0.value : nil }
  }

  private static func items(_ bytes: UnsafeRawBufferPointer) throws(HTTPParseError) -> [Item] {
    var items: [Item] = []
    var position = 0
    while position < bytes.count {
      let end = bytes.firstIndex(of: UInt8(ascii: "&"), in: position..<bytes.count)
      if end > position {
        guard items.count < maxItems else { throw .tooManyQueryItems }
        items.append(try item(bytes, position..<end))
      }
      position = end + 1
    }
    return items
  }

  private static func item(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>
  ) throws(HTTPParseError) -> Item {
    let equals = bytes.firstIndex(of: UInt8(ascii: "="), in: range)
    let valueStart = min(equals + 1, range.upperBound)
    let name = try decode(bytes, range.lowerBound..<equals)
    return Item(name: name, value: try decode(bytes, valueStart..<range.upperBound))
  }

  private static func decode(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>
  ) throws(HTTPParseError) -> String {
    let part = UnsafeRawBufferPointer(rebasing: bytes[range])
    guard let decoded = PercentDecoding.decode(part, plusIsSpace: true) else {
      throw .invalidTarget
    }
    return decoded
  }
}
