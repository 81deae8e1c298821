@testable import Reactor

/// What a parse came to, for comparing one way of feeding with another.
struct HTTPOutcome: Equatable, CustomStringConvertible {
  var error: HTTPParseError?
  /// Bytes consumed; nil while more are needed.
  var consumed: Int?
  /// How many bytes were given when the error was thrown or the head was complete.
  var decidedAt = 0
  var summary = ""

  var description: String { "\(error.map { "\($0)" } ?? summary) \(consumed ?? -1) @\(decidedAt)" }

  /// The same, not counting when it was known: that depends on the feeding.
  static func == (left: HTTPOutcome, right: HTTPOutcome) -> Bool {
    left.error == right.error && left.consumed == right.consumed && left.summary == right.summary
  }
}

enum HTTPHarness {
  /// Feeds `text` up to each of `ends` in turn, as a connection does.
  static func request(
    _ text: [UInt8], ends: [Int], limits: HTTPLimits = HTTPLimits()
  ) -> HTTPOutcome {
    var parser = HTTPRequestParser(limits: limits)
    return feed(text, ends) { (bytes) throws(HTTPParseError) in
      try parser.parse(bytes).map { ($0.consumed, describe($0.head)) }
    }
  }

  static func response(
    _ text: [UInt8], to method: HTTPMethod = .get, ends: [Int], limits: HTTPLimits = HTTPLimits()
  ) -> HTTPOutcome {
    var parser = HTTPResponseParser(limits: limits)
    return feed(text, ends) { (bytes) throws(HTTPParseError) in
      try parser.parse(bytes, to: method).map { ($0.consumed, describe($0.head)) }
    }
  }

  /// Whole, byte by byte, and in two parts at every split: all must agree, and the byte-by-byte
  /// outcome (which says when an error was seen) is returned; `mismatch` is the first that differs.
  static func everyWay(
    _ text: [UInt8], _ parse: ([Int]) -> HTTPOutcome
  ) -> (outcome: HTTPOutcome, mismatch: HTTPOutcome?) {
    let outcome = parse(Array(0...text.count))
    var ways = [[text.count]]
    for split in 0...text.count { ways.append([split, text.count]) }
    for ends in ways {
      let other = parse(ends)
      if other != outcome { return (outcome, other) }
    }
    return (outcome, nil)
  }

  static func parsed(_ text: String) throws -> HTTPRequestHead? {
    var parser = HTTPRequestParser()
    return try Array(text.utf8).withUnsafeBytes { try parser.parse($0)?.head }
  }

  static func parsedResponse(_ text: String, to method: HTTPMethod = .get) throws
    -> HTTPResponseHead?
  {
    var parser = HTTPResponseParser()
    return try Array(text.utf8).withUnsafeBytes { try parser.parse($0, to: method)?.head }
  }

  static func describe(_ head: HTTPRequestHead) -> String {
    var text =
      "\(head.method.name) \(head.target) \(head.version) \(head.path) \(head.query ?? "-")"
    text += " \(head.framing) \(head.keepAlive) \(head.expectsContinue) \(head.asksUpgrade)"
    for (name, value) in head.headers { text += " [\(name)=\(value)]" }
    return text
  }

  static func describe(_ head: HTTPResponseHead) -> String {
    var text = "\(head.version) \(head.status) \(head.reason) \(head.framing) \(head.keepAlive)"
    for (name, value) in head.headers { text += " [\(name)=\(value)]" }
    return text
  }

  private static func feed(
    _ text: [UInt8], _ ends: [Int],
    _ parse: (UnsafeRawBufferPointer) throws(HTTPParseError) -> (Int, String)?
  ) -> HTTPOutcome {
    for end in ends {
      // A copy of exactly that size: a read behind it is an overrun that sanitizers see.
      let part = Array(text[..<end])
      do {
        let found = try part.withUnsafeBytes { bytes in
          Result { () throws(HTTPParseError) in try parse(bytes) }
        }.get()
        if let (consumed, summary) = found {
          return HTTPOutcome(consumed: consumed, decidedAt: end, summary: summary)
        }
      } catch {
        return HTTPOutcome(error: error, decidedAt: end)
      }
    }
    return HTTPOutcome(decidedAt: text.count)
  }
}
