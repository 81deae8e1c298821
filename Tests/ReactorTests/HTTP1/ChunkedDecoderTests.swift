import Testing

@testable import Reactor

@Suite struct ChunkedDecoderTests {
  struct Outcome: Equatable {
    var data: [UInt8] = []
    var consumed = 0
    var isOver = false
    var error: HTTPParseError?
  }

  /// Feeds `text` in pieces that end at `ends`.
  static func decode(_ text: [UInt8], ends: [Int]) -> Outcome {
    var decoder = ChunkedDecoder()
    var outcome = Outcome()
    for end in ends {
      while outcome.consumed < end, !outcome.isOver {
        let piece = Array(text[outcome.consumed..<end])
        do {
          switch try piece.withUnsafeBytes({ bytes in
            Result { () throws(HTTPParseError) in try decoder.decode(bytes) }
          }).get() {
          case .data(let range):
            outcome.data += piece[range]
            outcome.consumed += range.upperBound
          case .needMore(let count): outcome.consumed += count
          case .end(let count):
            outcome.consumed += count
            outcome.isOver = true
          }
        } catch {
          return Outcome(data: outcome.data, error: error)
        }
      }
    }
    return outcome
  }

  /// The outcome, if every way of feeding comes to the same.
  static func decodeEveryWay(_ text: [UInt8]) -> Outcome? {
    let outcome = decode(text, ends: [text.count])
    var ways = [Array(0...text.count)]
    for split in 0...text.count { ways.append([split, text.count]) }
    return ways.allSatisfy { decode(text, ends: $0) == outcome } ? outcome : nil
  }

  static let accepted: [(String, String)] = [
    ("0\r\n\r\n", ""),
    ("5\r\nhello\r\n0\r\n\r\n", "hello"),
    ("5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n000\r\n\r\n", "hello world"),
    ("a\r\n0123456789\r\nA;x=\"y z\"\r\n0123456789\r\n0;end\r\n\r\n", "01234567890123456789"),
    ("2 \t;a;b=c\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
    ("1;a=\"\";b = \"\\\"\\\\\u{e9}\t\" ; c\t=d ;e\r\nx\r\n0 ;z\r\n\r\n", "x"),
    ("0000000000000001\r\nx\r\n0\r\nTrailer: yes\r\nEmpty:\r\n\r\n", "x"),
  ]

  static let refused: [(String, HTTPParseError)] = [
    ("\r\n", .invalidChunkSize),
    ("g\r\n", .invalidChunkSize),
    (" 5\r\n", .invalidChunkSize),
    ("0x5\r\n", .invalidChunkSize),
    ("-5\r\n", .invalidChunkSize),
    ("+5\r\n", .invalidChunkSize),
    (";x\r\n", .invalidChunkSize),
    ("5\nhello", .invalidChunkSize),
    ("5\rhello", .invalidChunkSize),
    ("00000000000000001\r\n", .invalidChunkSize),
    ("8000000000000000\r\n", .chunkTooLarge),
    ("ffffffffffffffff\r\n", .chunkTooLarge),
    ("5 \r\nhello", .invalidChunkExtension),
    ("5 x\r\nhello", .invalidChunkExtension),
    ("5;\r\nhello", .invalidChunkExtension),
    ("5;;a\r\nhello", .invalidChunkExtension),
    ("5;a;\r\nhello", .invalidChunkExtension),
    ("5;a \r\nhello", .invalidChunkExtension),
    ("5;a b\r\nhello", .invalidChunkExtension),
    ("5;a[\r\nhello", .invalidChunkExtension),
    ("5;=a\r\nhello", .invalidChunkExtension),
    ("5;a=\r\nhello", .invalidChunkExtension),
    ("5;a=;b\r\nhello", .invalidChunkExtension),
    ("5;a=b=c\r\nhello", .invalidChunkExtension),
    ("5;a=b \r\nhello", .invalidChunkExtension),
    ("5;a=b\"c\"\r\nhello", .invalidChunkExtension),
    ("5;a=\"b\r\nhello", .invalidChunkExtension),
    ("5;a=\"b\"c\r\nhello", .invalidChunkExtension),
    ("5;a=\"b\" \r\nhello", .invalidChunkExtension),
    ("5;a=\"\\\r\nhello", .invalidChunkExtension),
    ("5;a=\"\n\"\r\nhello", .invalidChunkExtension),
    ("5;a\nb\r\nhello", .invalidChunkExtension),
    ("5;a\u{0}\r\nhello", .invalidChunkExtension),
    ("5;a\rb\r\nhello", .invalidChunkSize),
    ("5\r\nhellox\r\n", .invalidChunkEnd),
    ("5\r\nhello\n0\r\n", .invalidChunkEnd),
    ("5\r\nhello\rx", .invalidChunkEnd),
    ("0\r\nX\r\n\r\n", .invalidTrailer),
    ("0\r\nX : a\r\n\r\n", .invalidTrailer),
    ("0\r\n X: a\r\n\r\n", .invalidTrailer),
    ("0\r\n: a\r\n\r\n", .invalidTrailer),
    ("0\r\nX: a\n\r\n", .invalidTrailer),
    ("0\r\nX: a\u{0}\r\n\r\n", .invalidTrailer),
    ("0\r\nX: a\r\n b\r\n\r\n", .invalidTrailer),
    ("0\r\n\n", .invalidTrailer),
    ("0\r\n\rX", .invalidTrailer),
  ]

  @Test(arguments: accepted) func takesTheDataOut(_ text: String, _ data: String) {
    // What follows the body is the next message's.
    let bytes = Array((text + "GET").utf8)
    let outcome = Self.decodeEveryWay(bytes)
    #expect(
      outcome
        == Outcome(data: Array(data.utf8), consumed: text.utf8.count, isOver: true, error: nil))
  }

  @Test(arguments: refused) func refusesAmbiguousBodies(_ text: String, _ error: HTTPParseError) {
    #expect(Self.decodeEveryWay(Array(text.utf8))?.error == error)
  }

  @Test(arguments: accepted) func needsMoreAtEveryTruncation(_ text: String, _ data: String) {
    let bytes = Array(text.utf8)
    for end in 0..<bytes.count {
      let outcome = Self.decode(Array(bytes[..<end]), ends: [end])
      #expect(!outcome.isOver && outcome.error == nil && outcome.consumed == end)
    }
  }

  @Test func boundsWhatItDrops() {
    func error(_ text: String) -> HTTPParseError? {
      Self.decode(Array(text.utf8), ends: [text.utf8.count]).error
    }
    let extensions = String(repeating: "x", count: 255)
    #expect(error("1;\(extensions)\r\n") == nil)
    #expect(error("1;\(extensions)x\r\n") == .chunkExtensionTooLong)
    #expect(error("1;\(extensions)\r\na\r\n1;\(extensions)\r\n") == nil)
    #expect(error("0\r\n" + String(repeating: "a:b\r\n", count: 32) + "\r\n") == nil)
    #expect(error("0\r\n" + String(repeating: "a:b\r\n", count: 33)) == .trailersTooLarge)
    let value = String(repeating: "v", count: 8 * 1024 - 6)
    #expect(error("0\r\na:\(value)\r\n\r\n") == nil)
    #expect(error("0\r\na:\(value)v\r\n\r\n") == .trailersTooLarge)
  }

  @Test func staysFinishedAndStaysFailed() throws {
    var decoder = ChunkedDecoder()
    let end = Array("0\r\n\r\n".utf8)
    #expect(try end.withUnsafeBytes { try decoder.decode($0) } == .end(consumed: 5))
    #expect(try end.withUnsafeBytes { try decoder.decode($0) } == .end(consumed: 0))
    var failed = ChunkedDecoder()
    for text in ["x", "0\r\n\r\n"] {
      #expect(throws: HTTPParseError.invalidChunkSize) {
        try Array(text.utf8).withUnsafeBytes { _ = try failed.decode($0) }
      }
    }
  }
}
