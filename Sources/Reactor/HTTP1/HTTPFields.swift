/// Where a field lies in its head's bytes. 8 bytes; heads are at most 65,535 bytes long.
struct HTTPFieldRange: Sendable {
  let nameStart: UInt16
  let nameEnd: UInt16
  let valueStart: UInt16
  let valueEnd: UInt16

  @inline(__always)
  var name: Range<Int> { Int(nameStart)..<Int(nameEnd) }
  /// Without the blanks around it.
  @inline(__always)
  var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }
}

/// The headers of a head, in their order on the wire, over the head's one copy of its bytes.
///
/// A String is made when one is asked for: of the UTF-8, with bad sequences repaired. Who passes
/// values on unchanged takes the bytes (`forEachRaw`).
public struct HTTPFields: Sendable, Sequence {
  /// The whole head, start line and last empty line included.
  let bytes: [UInt8]
  let ranges: [HTTPFieldRange]

  public var count: Int { ranges.count }
  public var isEmpty: Bool { ranges.isEmpty }

  /// The first value of that name.
  public subscript(name: String) -> String? {
    firstIndex(of: name, from: 0).map { string(ranges[$0].value) }
  }

  /// All values of that name.
  public func values(_ name: String) -> [String] {
    var found: [String] = []
    var next = firstIndex(of: name, from: 0)
    while let index = next {
      found.append(string(ranges[index].value))
      next = firstIndex(of: name, from: index + 1)
    }
    return found
  }

  /// Lends the bytes of the first value of that name; nil if there is none.
  public func withFirst<R>(_ name: String, _ body: (UnsafeRawBufferPointer?) -> R) -> R {
    guard let index = firstIndex(of: name, from: 0) else { return body(nil) }
    return bytes.withUnsafeBytes {
      body(UnsafeRawBufferPointer(rebasing: $0[ranges[index].value]))
    }
  }

  /// How many headers have that name.
  public func count(of name: String) -> Int {
    var total = 0
    var next = firstIndex(of: name, from: 0)
    while let index = next {
      total += 1
      next = firstIndex(of: name, from: index + 1)
    }
    return total
  }

  /// Whether one of the comma-separated values of that name is `token`, in any case.
  public func containsToken(_ token: String, in name: String) -> Bool {
    var token = token
    var next = firstIndex(of: name, from: 0)
    while let index = next {
      let isFound = token.withUTF8 { token in
        bytes.withUnsafeBytes { Self.list($0, in: ranges[index].value, contains: token) }
      }
      if isFound { return true }
      next = firstIndex(of: name, from: index + 1)
    }
    return false
  }

  /// Lends every header's bytes in turn, the value without the blanks around it.
  public func forEachRaw(
    _ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void
  ) {
    bytes.withUnsafeBytes { all in
      for range in ranges {
        body(
          UnsafeRawBufferPointer(rebasing: all[range.name]),
          UnsafeRawBufferPointer(rebasing: all[range.value]))
      }
    }
  }

  public struct Iterator: IteratorProtocol {
    let fields: HTTPFields
    var index = 0

    public mutating func next() -> (name: String, value: String)? {
      guard index < fields.ranges.count else { return nil }
      let range = fields.ranges[index]
      index += 1
      return (fields.string(range.name), fields.string(range.value))
    }
  }

  public func makeIterator() -> Iterator { Iterator(fields: self) }

  func string(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  private func firstIndex(of name: String, from start: Int) -> Int? {
    let found: Int?? = name.utf8.withContiguousStorageIfAvailable { name in
      bytes.withUnsafeBytes { all in
        for index in start..<ranges.count where Self.equal(all, ranges[index].name, name) {
          return index
        }
        return nil
      }
    }
    return found ?? nil
  }

  private static func list(
    _ all: UnsafeRawBufferPointer, in range: Range<Int>, contains token: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    var elements = HTTPListIterator(all, in: range)
    while let element = elements.next() {
      if equal(all, element, token) { return true }
    }
    return false
  }

  private static func equal(
    _ all: UnsafeRawBufferPointer, _ range: Range<Int>, _ other: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    guard range.count == other.count else { return false }
    for offset in 0..<other.count {
      let byte = all[range.lowerBound + offset]
      if ASCII.lowercased(byte) != ASCII.lowercased(other[offset]) { return false }
    }
    return true
  }
}
