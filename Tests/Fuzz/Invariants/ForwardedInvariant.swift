#if canImport(Reactor)
  @testable import Reactor
#endif
#if canImport(XgenServer)
  @testable import XgenServer
#endif

/// What a proxy passes on is one message, with the fields that a naive reader keeps and the same
/// length; of cookies and queries nothing of ours is left, and all of the rest.
func checkForwarded(_ input: FuzzInput) throws {
  try withExactBytes(input.bytes) { bytes in
    let bytes = UnsafeRawBufferPointer(bytes)
    try checkForwardedRequest(bytes)
    try checkForwardedResponse(bytes)
    try checkCookie(bytes)
    try checkSetCookie(bytes)
  }
  try checkQuery(String(decoding: input.bytes, as: UTF8.self))
}

/// Those that the proxy writes by itself, and those of one connection.
private let dropped: Set<String> = [
  "te", "host", "expect", "trailer", "upgrade", "connection", "keep-alive", "content-length",
  "http2-settings", "proxy-connection", "transfer-encoding", "proxy-authenticate",
  "proxy-authorization", "proxy-authentication-info",
]

private func kept(_ oracle: HeadOracle) -> [(name: String, value: [UInt8])] {
  let options = oracle.values("connection").flatMap { value in
    value.lowercased().split(separator: ",").map { option in
      option.filter { $0 != " " && $0 != "\t" }
    }
  }
  return oracle.fields.filter { name, _ in
    !dropped.contains(String(name.map { $0 == "_" ? "-" : $0 })) && !options.contains(name)
  }
}

private func checkKept(_ oracle: HeadOracle, in again: HeadOracle) throws {
  let expected = kept(oracle)
  let found = again.fields.filter { !dropped.contains($0.name) }
  try require(
    found.count == expected.count
      && zip(found, expected).allSatisfy { $0.name == $1.name && $0.value == $1.value },
    "other fields than a naive reader keeps: \(found.map(\.name)) != \(expected.map(\.name))")
}

// MARK: Messages

private func checkForwardedRequest(_ bytes: UnsafeRawBufferPointer) throws {
  var parser = HTTPRequestParser()
  guard let head = try? parser.parse(bytes)?.head else { return }
  var out = ByteBuffer()
  head.appendForwardedLine(to: &out)
  out.append("Host: inside\r\n")
  head.headers.appendForwarded(to: &out) { _, _ in true }
  HTTPEncoder.append(head.framing, &out)
  out.append("\r\n")
  var second = HTTPRequestParser(limits: .wide)
  let count = out.count
  let parsed = try out.withReadable { bytes in
    try withExactBytes(bytes) { try second.parse(UnsafeRawBufferPointer($0)) }
  }
  let again = try require(parsed, "what is passed on has no end")
  try require(again.consumed == count, "what is passed on is two")
  try require(again.head.method == head.method, "another method")
  try require(again.head.framing == head.framing, "another length")
  try require(again.head.authority == "inside" || head.targetForm == .authority, "another host")
  if head.targetForm == .origin {
    try require(again.head.target == head.target, "another target")
  }
  try checkKept(
    HeadOracle(head.withBytes { Array($0) }), in: HeadOracle(again.head.withBytes { Array($0) }))
}

private func checkForwardedResponse(_ bytes: UnsafeRawBufferPointer) throws {
  var parser = HTTPResponseParser()
  guard let head = try? parser.parse(bytes, to: .get)?.head else { return }
  var out = ByteBuffer()
  head.appendForwardedLine(to: &out)
  head.headers.appendForwarded(to: &out) { _, _ in true }
  HTTPEncoder.append(head.framing, &out)
  out.append("\r\n")
  var second = HTTPResponseParser(limits: .wide)
  let count = out.count
  let parsed = try out.withReadable { bytes in
    try withExactBytes(bytes) { try second.parse(UnsafeRawBufferPointer($0), to: .get) }
  }
  let again = try require(parsed, "what is passed on has no end")
  try require(again.consumed == count, "what is passed on is two")
  try require(
    again.head.status == head.status && again.head.framing == head.framing,
    "another response is passed on")
  try checkKept(
    HeadOracle(head.withBytes { Array($0) }), in: HeadOracle(again.head.withBytes { Array($0) }))
}

// MARK: Cookies

private func checkCookie(_ field: UnsafeRawBufferPointer) throws {
  let rest = PreviewCookies.withoutOwn(field)
  try rest.withUnsafeBytes { rest in
    for isHTTPS in [true, false] {
      try require(PreviewCookies.own(in: rest, isHTTPS: isHTTPS) == nil, "ours is left")
    }
    try require(PreviewCookies.withoutOwn(rest) == Array(rest), "more goes at a second time")
  }
}

private func checkSetCookie(_ field: UnsafeRawBufferPointer) throws {
  switch PreviewCookies.fate(ofSetCookie: field) {
  case .kept: try checkAttributes(Array(field))
  case .edited(let edited):
    try checkAttributes(edited)
    let again = edited.withUnsafeBytes { PreviewCookies.fate(ofSetCookie: $0) }
    try require(again == .kept, "more goes at a second time")
  case .dropped: break
  }
}

/// As a browser finds them (RFC 6265bis §5.6).
private func checkAttributes(_ field: [UInt8]) throws {
  let parts = field.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
  for attribute in parts.dropFirst() {
    let name = attribute.prefix { $0 != UInt8(ascii: "=") }
    let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
    let trimmed = name.drop(while: isBlank).reversed().drop(while: isBlank).reversed()
    let text = String(decoding: Array(trimmed), as: UTF8.self).lowercased()
    try require(text != "domain", "a Domain is left")
  }
}

// MARK: Queries

private func checkQuery(_ query: String) throws {
  let isOurs = { (token: String) in token.hasPrefix("o") }
  let left: String
  switch PreviewQuery.without(query, where: isOurs) {
  case .same: left = query
  case .none: left = ""
  case .replaced(let rest): left = rest
  }
  try require(!PreviewQuery.tokens(in: left).contains(where: isOurs), "ours is left: \(left)")
  let own = PreviewQuery.tokens(in: query).filter { !isOurs($0) }
  try require(PreviewQuery.tokens(in: left) == own, "another's is lost: \(left)")
}
