#if canImport(Reactor)
  @testable import Reactor
#endif

/// The input's lines are headers, each value also one of every kind: what is read is the same when
/// written and read again; a range lies in any size it is resolved in; a condition that can't be
/// read is never passed over; any text as a file's name makes one field, and decodes to itself.
func checkConditions(_ input: FuzzInput) throws {
  let lines = input.bytes.split(separator: 0x0A, maxSplits: 15, omittingEmptySubsequences: false)
  let headers = lines.map(Header.init)
  for value in headers.map(\.value) {
    try checkRange(value, input.seed)
    try checkContentRange(value)
    try checkTag(value)
    try checkTags(value)
  }
  try checkHeaders(headers)
  try checkName(String(decoding: input.bytes, as: UTF8.self))
}

/// `name: value`, as the head's parser would have it: no blanks around the value.
private struct Header {
  let name: [UInt8]
  let value: String

  init(_ line: ArraySlice<UInt8>) {
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    let colon = line.firstIndex(of: 0x3A)
    name = colon.map { Array(line[..<$0]) } ?? []
    let trimmed = line[(colon.map { $0 + 1 } ?? line.startIndex)...].drop(while: isBlank)
    let last = trimmed.lastIndex { !isBlank($0) } ?? trimmed.startIndex - 1
    value = String(decoding: trimmed[...last], as: UTF8.self)
  }
}

// MARK: Ranges

private func checkRange(_ value: String, _ seed: UInt64) throws {
  guard let range = HTTPByteRange(value) else { return }
  try require(HTTPByteRange(range.value) == range, "read back otherwise: \(range.value)")
  for size in [0, 1, 2, 10, seed % 1000, seed, .max - 1, .max] {
    let found = range.resolved(in: size)
    try require(
      found == naivePart(range, size),
      "\(value) of \(size): \(String(describing: found))")
    guard let found else { continue }
    try require(!found.isEmpty && found.upperBound <= size, "\(found) is not in \(size)")
    let told = HTTPContentRange(found, of: size)
    try require(HTTPContentRange(told.value) == told, "read back otherwise: \(told.value)")
  }
}

/// The first and the last byte, as RFC 9110 §14.1.2 words it.
private func naivePart(_ range: HTTPByteRange, _ size: UInt64) -> Range<UInt64>? {
  switch range {
  case .from(let first, _) where first >= size: nil
  case .from(let first, let last?) where last < size: first..<last + 1
  case .from(let first, _): first..<size
  case .suffix(0): nil
  case .suffix(let count) where count < size: size - count..<size
  case .suffix: size == 0 ? nil : 0..<size
  }
}

private func checkContentRange(_ value: String) throws {
  guard let told = HTTPContentRange(value) else { return }
  try require(HTTPContentRange(told.value) == told, "read back otherwise: \(told.value)")
  try require(told.value.utf8.count <= value.utf8.count, "longer than it came: \(told.value)")
  guard let range = told.range else { return }
  try require(!range.isEmpty && range.upperBound <= told.size, "no such part: \(value)")
}

// MARK: Tags

/// A tag has one spelling.
private func checkTag(_ value: String) throws {
  guard let tag = HTTPEntityTag(value) else { return }
  try require(tag.value == value, "not as it came: \(tag.value)")
  try require(HTTPField("ETag", tag.value) != nil, "no field value: \(tag.value)")
  try require(HTTPTagCondition(value) == .tags([tag]), "not the same in a list: \(value)")
  if tag.isPlain, !tag.isWeak {
    try require(HTTPEntityTag(strong: tag.opaque) == tag, "another of ours: \(value)")
  }
}

private func checkTags(_ value: String) throws {
  guard let condition = HTTPTagCondition(value) else { return }
  let again = HTTPTagCondition(condition.value)
  try require(again == condition, "read back otherwise: \(condition.value)")
  guard case .tags(let tags) = condition else { return }
  try require(1...HTTPTagCondition.maxTags ~= tags.count, "\(tags.count) tags")
  for tag in tags {
    try require(condition.matchesWeakly(tag), "does not match its own: \(tag)")
    // The strong comparison takes no weak tag, on either side.
    try require(!(tag.isWeak && condition.matchesStrongly(tag)), "weak, and strong: \(tag)")
  }
}

// MARK: All of them together

private func checkHeaders(_ headers: [Header]) throws {
  let fields = HTTPFields(headers)
  let conditions: HTTPConditions
  do throws(HTTPConditions.Malformed) { conditions = try HTTPConditions(fields) } catch {
    let values = fields.values(error.name)
    try require(!values.isEmpty, "malformed, and not there: \(error.name)")
    try require(
      values.count > 1 || HTTPTagCondition(values[0]) == nil, "malformed, and read: \(values)")
    return
  }
  try require(
    (conditions.ifMatch == nil) == fields.values("If-Match").isEmpty
      && (conditions.ifNoneMatch == nil) == fields.values("If-None-Match").isEmpty,
    "a condition was passed over")
  try require(
    conditions.ifRange == nil || conditions.range != nil && !conditions.ifRange!.isWeak,
    "a state without a range")
  let written = conditions.fields.map { Header(Array("\($0.name): \($0.value)".utf8)[...]) }
  let again = try? HTTPConditions(HTTPFields(written))
  try require(again == conditions, "read back otherwise: \(conditions.fields)")
  try checkOutcomes(conditions)
}

private func checkOutcomes(_ conditions: HTTPConditions) throws {
  for method in [HTTPMethod.get, .head, .put, .delete] {
    for tag in [nil, HTTPEntityTag(strong: "a"), HTTPEntityTag("W/\"a\"")] {
      switch conditions.outcome(method, tag) {
      case .proceed(let range):
        try require(range == nil || method == .get && range == conditions.range, "\(method): range")
      case .notModified:
        try require(conditions.ifNoneMatch != nil && tag != nil, "not modified: \(conditions)")
        try require(method == .get || method == .head, "not modified by \(method)")
      case .failed:
        try require(
          conditions.ifMatch != nil || conditions.ifNoneMatch != nil, "failed: \(conditions)")
      }
    }
  }
}

extension HTTPFields {
  /// As far as offsets of 16 bits reach.
  fileprivate init(_ headers: [Header]) {
    var bytes: [UInt8] = []
    var ranges: [HTTPFieldRange] = []
    for header in headers {
      let (start, nameEnd) = (bytes.count, bytes.count + header.name.count)
      let end = nameEnd + header.value.utf8.count
      guard end <= UInt16.max else { break }
      bytes += header.name + header.value.utf8
      ranges.append(
        HTTPFieldRange(
          nameStart: UInt16(start), nameEnd: UInt16(nameEnd), valueStart: UInt16(nameEnd),
          valueEnd: UInt16(end)))
    }
    self.init(bytes: bytes, ranges: ranges)
  }
}

// MARK: Names

private func checkName(_ name: String) throws {
  let field = HTTPField.attachment(named: name)
  try require(HTTPField(field.name, field.value) == field, "no field: \(field.value)")
  let start = "attachment; filename*=UTF-8''"
  let encoded = field.value.dropFirst(start.utf8.count)
  let isParameter = encoded.utf8.allSatisfy {
    $0 > 0x20 && $0 < 0x7F && !"\"',;\\()*".utf8.contains($0)
  }
  try require(field.value.hasPrefix(start) && isParameter, "left its parameter: \(field.value)")
  try require(naiveDecoded(encoded) == Array(name.utf8), "another name: \(field.value)")
  let query = PercentEncoding.queryValue(name)
  // A NUL is decoded by nobody.
  let expected = name.utf8.contains(0) ? nil : Array(name.utf8)
  for plusIsSpace in [false, true] {
    try require(decode(query, plusIsSpace) == expected, "decoded otherwise: \(query)")
  }
  try checkDecoding(name)
}

/// A parameter's (RFC 8187 §3.2): some that stand for themselves there may not stand in a URL.
private func naiveDecoded(_ text: Substring) -> [UInt8]? {
  let parts = text.split(separator: "%", omittingEmptySubsequences: false)
  var bytes = Array(parts[0].utf8)
  for part in parts.dropFirst() {
    guard let byte = UInt8(part.prefix(2), radix: 16), part.utf8.count >= 2 else { return nil }
    bytes.append(byte)
    bytes += part.dropFirst(2).utf8
  }
  return bytes
}

/// What comes out is encoded and decoded to the same again.
private func checkDecoding(_ text: String) throws {
  for plusIsSpace in [false, true] {
    guard let decoded = decode(text, plusIsSpace) else { continue }
    try require(decoded.count <= text.utf8.count && !decoded.contains(0), "decoded: \(decoded)")
    let again = PercentEncoding.queryValue(String(decoding: decoded, as: UTF8.self))
    try require(decode(again, plusIsSpace) == decoded, "decoded otherwise: \(again)")
  }
}

private func decode(_ text: String, _ plusIsSpace: Bool) -> [UInt8]? {
  withExactBytes(text.utf8) { bytes in
    PercentDecoding.decode(UnsafeRawBufferPointer(bytes), plusIsSpace: plusIsSpace)
      .map { Array($0.utf8) }
  }
}
