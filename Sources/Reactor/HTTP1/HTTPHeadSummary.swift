/// What the headers say about the message itself: its length, its connection, its host. Gathered
/// in one pass over the names, before anybody asks for a String.
struct HTTPHeadSummary {
  var host: Range<Int>?
  var hostCount = 0
  var contentLength: Range<Int>?
  var contentLengthCount = 0
  var transferCodings = TransferCodings()
  /// Of all Connection fields, empty ones not counted.
  var connectionOptionCount = 0
  var hasClose = false
  var hasKeepAlive = false
  /// `Connection: upgrade` and an Upgrade header: both are needed.
  var asksUpgrade: Bool { hasUpgradeOption && hasUpgrade }
  var expectation = Expectation.none

  private var hasUpgradeOption = false
  private var hasUpgrade = false

  enum Expectation { case none, continue100, unsupported }

  init(_ bytes: UnsafeRawBufferPointer, _ ranges: [HTTPFieldRange]) {
    for range in ranges { note(bytes, range) }
  }

  private mutating func note(_ bytes: UnsafeRawBufferPointer, _ range: HTTPFieldRange) {
    let name = range.name
    switch name.count {
    case 4 where bytes.spells("host", in: name):
      hostCount += 1
      host = range.value
    case 6 where bytes.spells("expect", in: name): noteExpect(bytes, range.value)
    case 7 where bytes.spells("upgrade", in: name): hasUpgrade = true
    case 10 where bytes.spells("connection", in: name): noteConnection(bytes, range.value)
    case 14 where bytes.spells("content-length", in: name):
      contentLengthCount += 1
      contentLength = range.value
    case 17 where bytes.spells("transfer-encoding", in: name):
      transferCodings.add(bytes, range.value)
    default: break
    }
  }

  private mutating func noteConnection(_ bytes: UnsafeRawBufferPointer, _ value: Range<Int>) {
    var options = HTTPListIterator(bytes, in: value)
    while let option = options.next() {
      if !option.isEmpty { connectionOptionCount += 1 }
      switch option.count {
      case 5 where bytes.spells("close", in: option): hasClose = true
      case 7 where bytes.spells("upgrade", in: option): hasUpgradeOption = true
      case 10 where bytes.spells("keep-alive", in: option): hasKeepAlive = true
      default: break
      }
    }
  }

  private mutating func noteExpect(_ bytes: UnsafeRawBufferPointer, _ value: Range<Int>) {
    let isContinue = expectation == .none && bytes.spells("100-continue", in: value)
    expectation = isContinue ? .continue100 : .unsupported
  }

  /// Whoever passes the message on compares each of its fields with each option.
  func checkConnection() throws(HTTPParseError) {
    if connectionOptionCount > HTTPLimits.maxConnectionOptions { throw .tooManyConnectionOptions }
  }

  /// Whether the connection outlives this message, as far as the head says (RFC 9112 §9.3).
  func keepsAlive(_ version: HTTPVersion) -> Bool {
    !hasClose && (version == .http11 || hasKeepAlive)
  }
}

/// The codings of all Transfer-Encoding headers together, as one list (RFC 9112 §6.1).
struct TransferCodings {
  private(set) var isPresent = false
  private var hasEmpty = false
  private var hasOther = false
  private var chunkedCount = 0
  private var lastIsChunked = false

  mutating func add(_ bytes: UnsafeRawBufferPointer, _ value: Range<Int>) {
    isPresent = true
    var codings = HTTPListIterator(bytes, in: value)
    while let coding = codings.next() {
      lastIsChunked = bytes.spells("chunked", in: coding)
      if coding.isEmpty { hasEmpty = true }
      if lastIsChunked { chunkedCount += 1 } else { hasOther = true }
    }
  }

  /// Returns if the list is exactly `chunked`.
  func validate() throws(HTTPParseError) {
    if hasEmpty || chunkedCount > 1 || (chunkedCount == 1 && !lastIsChunked) {
      throw .invalidTransferEncoding
    }
    if hasOther { throw .unsupportedTransferEncoding }
  }
}
