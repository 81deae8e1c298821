import Testing

@testable import XgenServer

@Suite struct JSONParserTests {
  @Test(arguments: [
    ("null", JSONValue.null), (" true ", .bool(true)), ("\t\r\nfalse", .bool(false)),
    ("0", .int(0)), ("-0", .int(0)), ("-12", .int(-12)), ("9223372036854775807", .int(.max)),
    ("-9223372036854775808", .int(.min)), ("9223372036854775808", .double(0x1p63)),
    ("-9223372036854775809", .double(-0x1p63)), ("1.0", .double(1)), ("-0.0", .double(0)),
    ("1e2", .double(100)), ("1E+2", .double(100)), ("25e-1", .double(2.5)),
    ("1e-999", .double(0)), ("1.7976931348623157e308", .double(.greatestFiniteMagnitude)),
    ("\"\"", .string("")), ("\"é€😀\"", .string("é€😀")), ("\"\u{7F}\"", .string("\u{7F}")),
    (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{C}\n\r\t")),
    (#""\u0000a\u0041\u00e9\u20AC""#, .string("\0aA\u{E9}\u{20AC}")),
    (#""\ud83d\uDE00""#, .string("😀")), (#""\uFFFF""#, .string("\u{FFFF}")),
    (#""\udbff\udfff""#, .string("\u{10FFFF}")), (#""\ud7ff\ue000""#, .string("\u{D7FF}\u{E000}")),
    ("[]", .array([])), ("[ ]", .array([])),
    ("[1, \"a\" ,[]]", .array([.int(1), .string("a"), .array([])])),
    ("{}", .object([:])), ("{ }", .object([:])),
    (#"{ "b" : 1 , "a":{"":null}}"#, .object(["b": .int(1), "a": .object(["": .null])])),
  ])
  func acceptsRFC8259(text: String, expected: JSONValue) throws {
    #expect(try JSONParser.parse(Array(text.utf8)) == expected)
  }

  @Test(
    arguments: [
      ("", .unexpectedEnd, 0), (" ", .unexpectedEnd, 1), ("nul", .unexpectedEnd, 3),
      ("nulL", .unexpectedByte, 3), ("True", .unexpectedByte, 0), ("NaN", .unexpectedByte, 0),
      ("Infinity", .unexpectedByte, 0), ("-Infinity", .unexpectedByte, 1),
      ("01", .trailingBytes, 1), ("-01", .trailingBytes, 2), ("+1", .unexpectedByte, 0),
      (".5", .unexpectedByte, 0), ("1.", .unexpectedEnd, 2), ("1.e1", .unexpectedByte, 2),
      ("-", .unexpectedEnd, 1), ("1e", .unexpectedEnd, 2), ("1e+", .unexpectedEnd, 3),
      ("1e+-1", .unexpectedByte, 3), ("0x1", .trailingBytes, 1), ("1e999", .numberOutOfRange, 0),
      ("-1e999", .numberOutOfRange, 0), ("1 2", .trailingBytes, 2), ("{}x", .trailingBytes, 2),
      ("[1,]", .unexpectedByte, 3), ("[,1]", .unexpectedByte, 1), ("[1 2]", .unexpectedByte, 3),
      ("[1}", .unexpectedByte, 2), ("]", .unexpectedByte, 0), ("{,}", .unexpectedByte, 1),
      (#"{"a":1,}"#, .unexpectedByte, 7), (#"{"a"}"#, .unexpectedByte, 4),
      (#"{"a" 1}"#, .unexpectedByte, 5), ("{a:1}", .unexpectedByte, 1),
      ("{1:1}", .unexpectedByte, 1),
      ("{'a':1}", .unexpectedByte, 1), (#"{"a":1,"b":2,"a":3}"#, .duplicateName, 13),
      (#"{"a":1,"\u0061":2}"#, .duplicateName, 7), ("\"a\nb\"", .controlCharacter, 2),
      ("\"\\n\tb\"", .controlCharacter, 3), ("\"\0\"", .controlCharacter, 1),
      (#""\x""#, .invalidEscape, 1), (#""\u12g4""#, .invalidEscape, 1),
      (#""\U0041""#, .invalidEscape, 1),
      (#""\u+123""#, .invalidEscape, 1),
      (#""\ud800""#, .loneSurrogate, 1), (#""\udc00""#, .loneSurrogate, 1),
      (#""\ud800\n""#, .loneSurrogate, 1), (#""\ud800A""#, .loneSurrogate, 1),
      (#""\ud800\ud800""#, .loneSurrogate, 1), (#""\ud800\u0041""#, .loneSurrogate, 1),
      ("\"abc", .unexpectedEnd, 4), ("\"abc\\", .unexpectedEnd, 5), ("// a\n1", .unexpectedByte, 0),
      ("\u{FEFF}1", .unexpectedByte, 0), ("\u{A0}1", .unexpectedByte, 0),
      ("\u{C}1", .unexpectedByte, 0),
    ] as [(String, JSONError.Reason, Int)])
  func rejectsWithReasonAndOffset(text: String, reason: JSONError.Reason, offset: Int) {
    #expect(throws: JSONError(reason: reason, offset: offset)) {
      try JSONParser.parse(Array(text.utf8))
    }
  }

  @Test(
    arguments: [
      [0x80], [0xC0, 0x80], [0xC3], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80],
      [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFF], [0xC3, 0x5C, 0x6E, 0xA9], [0x5C, 0x6E, 0xC3],
    ] as [[UInt8]])
  func rejectsInvalidUTF8InStringsWithAndWithoutEscapes(content: [UInt8]) {
    let text = [0x22] + content + [0x22]
    #expect(throws: JSONError(reason: .invalidUTF8, offset: 1)) { try JSONParser.parse(text) }
  }

  @Test func readsABufferWithoutMemory() {
    #expect(throws: JSONError(reason: .unexpectedEnd, offset: 0)) {
      try JSONParser.parse(UnsafeRawBufferPointer(start: nil, count: 0))
    }
  }

  @Test func neverReadsPastTheEndOfItsBuffer() throws {
    let text = Array(#"[12345,"abc",true]"#.utf8)
    for end in 0..<text.count {
      text.withUnsafeBytes { buffer in
        let part = UnsafeRawBufferPointer(rebasing: buffer[..<end])
        #expect(throws: JSONError(reason: .unexpectedEnd, offset: end)) {
          try JSONParser.parse(part)
        }
      }
    }
  }

  @Test(arguments: ["[", "{\"a\":"])
  func refusesOneLevelMoreThanTheDepthLimit(opening: String) throws {
    let closing = opening == "[" ? "]" : "}"
    func nested(_ depth: Int) -> [UInt8] {
      let inner = opening == "[" ? "" : "1"
      let text =
        String(repeating: opening, count: depth) + inner + String(repeating: closing, count: depth)
      return Array(text.utf8)
    }
    _ = try JSONParser.parse(nested(32))
    #expect(throws: JSONError(reason: .tooDeep, offset: 32 * opening.utf8.count)) {
      try JSONParser.parse(nested(33))
    }
    #expect(throws: JSONError.self) {
      try JSONParser.parse(Array(String(repeating: opening, count: 1_000_000).utf8))
    }
  }

  @Test func countsElementsAndMembersOfTheWholeText() throws {
    let text = Array(#"[[1,2],{"a":3}]"#.utf8)
    _ = try JSONParser.parse(text, limits: JSONLimits(maxElements: 5))
    #expect(throws: JSONError(reason: .tooManyElements, offset: 8)) {
      try JSONParser.parse(text, limits: JSONLimits(maxElements: 4))
    }
    #expect(throws: JSONError(reason: .tooManyElements, offset: 7)) {
      try JSONParser.parse(text, limits: JSONLimits(maxElements: 3))
    }
    #expect(throws: JSONError(reason: .tooManyElements, offset: 1)) {
      try JSONParser.parse(text, limits: JSONLimits(maxElements: 0))
    }
  }

  @Test func errorsNameThePlaceAndNotTheInput() {
    #expect(throws: JSONError.self) { try JSONParser.parse(Array("[secret]".utf8)) }
    let error = JSONError(reason: .unexpectedByte, offset: 1)
    #expect(error.description == "unexpected character in JSON at byte 1")
  }
}

@Suite struct JSONObjectTests {
  @Test func keepsOrderAndFindsEveryNameOnBothSidesOfTheScanLimit() {
    var object = JSONObject()
    for number in (0..<40).reversed() {
      let isNew = object.append("name\(number)", .int(Int64(number)))
      #expect(isNew)
      for earlier in number..<40 { #expect(object["name\(earlier)"] == .int(Int64(earlier))) }
      #expect(object["name\(number - 1)"] == nil)
      let isNewAgain = object.append("name39", .null)
      #expect(!isNewAgain)
    }
    #expect(object.members.map(\.name) == (0..<40).reversed().map { "name\($0)" })
  }

  @Test(arguments: [0, 20])
  func tellsCanonicallyEquivalentNamesApart(others: Int) throws {
    var object = JSONObject()
    for number in 0..<others { _ = object.append("\(number)", .null) }
    let names = ["K", "\u{212A}", "\u{E9}", "e\u{301}"]
    for (position, name) in names.enumerated() {
      let isNew = object.append(name, .int(Int64(position)))
      #expect(isNew)
    }
    for (position, name) in names.enumerated() { #expect(object[name] == .int(Int64(position))) }
  }
}
