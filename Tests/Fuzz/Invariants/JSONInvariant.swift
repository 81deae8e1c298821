#if canImport(XgenServer)
  @testable import XgenServer
#endif

/// A text that is read and written again is read back the same, in UTF-8; tighter limits never
/// accept more; a refusal lies inside of the text.
func checkJSON(_ input: FuzzInput) throws {
  try check(input.bytes[...])
  guard input.isThorough else { return }
  for end in input.bytes.indices { try check(input.bytes[..<end]) }
}

private func check(_ text: ArraySlice<UInt8>) throws {
  let value = try parse(text, JSONLimits())
  if let tight = try parse(text, JSONLimits(maxDepth: 3, maxElements: 8)) {
    try require(value == tight, "limits change the value")
    try require(count(tight) <= 8 && depth(tight) <= 3, "a limit was passed")
  }
  guard let value else { return }
  let written = value.serialized()
  try require(String(validating: written, as: UTF8.self) != nil, "written in another coding")
  try require(!written.contains { $0 < 0x20 }, "a control character was written")
  let again = try parse(written[...], JSONLimits())
  try require(again == value, "read back otherwise")
  try require(again?.serialized() == written, "written otherwise")
}

private func parse(_ text: ArraySlice<UInt8>, _ limits: JSONLimits) throws -> JSONValue? {
  try withExactBytes(text) { bytes in
    do {
      return try JSONParser.parse(UnsafeRawBufferPointer(bytes), limits: limits)
    } catch let error as JSONError {
      try require((0...bytes.count).contains(error.offset), "an error outside: \(error)")
      return nil
    }
  }
}

/// Elements and members in all.
private func count(_ value: JSONValue) -> Int {
  switch value {
  case .array(let elements): elements.reduce(elements.count) { $0 + count($1) }
  case .object(let object): object.members.reduce(object.members.count) { $0 + count($1.value) }
  case .null, .bool, .int, .double, .string: 0
  }
}

private func depth(_ value: JSONValue) -> Int {
  switch value {
  case .array(let elements): 1 + (elements.map(depth).max() ?? 0)
  case .object(let object): 1 + (object.members.map { depth($0.value) }.max() ?? 0)
  case .null, .bool, .int, .double, .string: 0
  }
}
