#if canImport(Reactor)
  @testable import Reactor
#endif

/// A second, naive reader of heads that were accepted: it splits lines and looks at nothing else,
/// as another server or proxy on the way might.
struct HeadOracle {
  let startLine: [UInt8]
  /// Names in lower case.
  let fields: [(name: String, value: [UInt8])]

  init(_ head: [UInt8]) throws {
    var lines: [[UInt8]] = [[]]
    for byte in head where byte != 0x0D {
      if byte == 0x0A { lines.append([]) } else { lines[lines.count - 1].append(byte) }
    }
    let lineEnds = head.indices.filter { head[$0] == 0x0A }
    try require(lineEnds.allSatisfy { $0 > 0 && head[$0 - 1] == 0x0D }, "a bare LF was accepted")
    try require(
      head.count { $0 == 0x0D } == lineEnds.count, "a bare CR was accepted")
    try require(!head.contains { $0 == 0 || $0 == 0x7F }, "a control character was accepted")
    try require(lines.count >= 3 && lines.suffix(2).allSatisfy(\.isEmpty), "the head has no end")
    startLine = lines[0]
    fields = try lines[1..<lines.count - 2].map(Self.field)
  }

  private static func field(_ line: [UInt8]) throws -> (name: String, value: [UInt8]) {
    let colon = try require(
      line.firstIndex(of: UInt8(ascii: ":")), "a line without a colon was accepted")
    let name = String(decoding: line[..<colon], as: UTF8.self)
    try require(
      !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "a name is no token")
    let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
    let start = line[(colon + 1)...].drop(while: isBlank)
    return (name.lowercased(), Array(start.reversed().drop(while: isBlank).reversed()))
  }

  func values(_ name: String) -> [String] {
    fields.filter { $0.name == name }.map { String(decoding: $0.value, as: UTF8.self) }
  }

  /// Both readers see the same fields, and one length of the body at most.
  func check(_ headers: HTTPFields, _ framing: HTTPBodyFraming, isResponse: Bool) throws {
    try require(headers.count == fields.count, "the readers count other fields")
    var index = 0
    var isSame = true
    headers.forEachRaw { name, value in
      let lowered = String(decoding: name, as: UTF8.self).lowercased()
      isSame = isSame && lowered == fields[index].name && value.elementsEqual(fields[index].value)
      index += 1
    }
    try require(isSame, "the readers see other fields")
    let lengths = values("content-length")
    let codings = values("transfer-encoding")
    try require(lengths.count + min(codings.count, 1) <= 1, "the body has two lengths")
    try require(codings.allSatisfy { $0.lowercased() == "chunked" }, "an unknown coding passed")
    if isResponse, framing == .none { return }
    switch framing {
    case .none, .untilClose: try require(lengths.isEmpty && codings.isEmpty, "the length is lost")
    case .length(let count): try require(UInt64(lengths.first ?? "") == count, "another length")
    case .chunked: try require(codings.count == 1, "chunked without being told")
    }
  }
}

/// Limits that an input of a fuzzer reaches, and limits that nothing written again exceeds.
extension HTTPLimits {
  static let tight = HTTPLimits(maxTargetBytes: 24, maxHeadBytes: 160, maxHeaderCount: 4)
  static let wide = HTTPLimits(
    maxTargetBytes: 60_000, maxHeadBytes: 65_535, maxHeaderCount: 10_000)
}

/// The fields that the encoder does not decide about, as it wants them.
func plainFields(_ headers: HTTPFields) throws -> [HTTPField] {
  try headers.map { name, value in
    try require(HTTPField(name, value), "an accepted field can't be written")
  }.filter { $0.role == .plain }
}
