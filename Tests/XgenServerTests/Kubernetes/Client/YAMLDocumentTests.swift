import Testing

@testable import XgenServer

@Suite struct YAMLDocumentTests {
  private func parse(
    _ text: String, limits: YAMLLimits = YAMLLimits()
  ) throws(YAMLError) -> JSONValue {
    try YAMLDocument.parse(Array(text.utf8), limits: limits)
  }

  @Test(
    arguments: [
      ("", .null), ("# nothing\n", .null), ("---\n", .null), ("a: 1", ["a": 1]),
      ("a: {b: [1, x, \"2\"], c: }", ["a": ["b": [1, "x", "2"], "c": nil]]),
      ("- a\n- - b\n", ["a", ["b"]]), ("a: |\n  x\n  y\n", ["a": "x\ny\n"]),
      ("a: >-\n  x\n  y\n", ["a": "x y"]),
      (
        "t: [true, True, false, yes, no, on, y]",
        ["t": [true, true, false, "yes", "no", "on", "y"]]
      ),
      ("n: [~, null, Null, nil]", ["n": [nil, nil, nil, "nil"]]),
      (
        "i: [0, -3, 0755, 0x1f, 1_000, 12:30, +1, 1e3]",
        ["i": [0, -3, "0755", "0x1f", "1_000", "12:30", "+1", .double(1000)]]
      ),
      ("q: ['1', \"true\", '~']", ["q": ["1", "true", "~"]]),
      ("a: 2024-01-01", ["a": "2024-01-01"]),
      ("{\"json\": [1, {\"a\": null}]}", ["json": [1, ["a": nil]]]), ("\"é\\u00e9\"", "éé"),
      ("1: x\ntrue: y", ["1": "x", "true": "y"]),
    ] as [(String, JSONValue)])
  func readsWhatConfigurationFilesAreMadeOf(text: String, expected: JSONValue) throws {
    #expect(try parse(text) == expected)
  }

  @Test(arguments: [
    "a: [1", "a: b: c", "\ta: 1", "a: 1\na: 2", "a: \"x", "{a: 1, a: 2}", "a: *x",
    "%YAML 9.9\n--- a",
    "a: 1\n---\nb: 2", "a: &x 1", "a: &x [1]\nb: *x", "<<: {a: 1}", "? [a]\n: 1", "? {a: 1}\n: 1",
    "a: !!python/object x\n- y", "a: !x [1]", "a: !x {b: 1}", "@a", "a: `x`", "- a\nb: 1",
  ])
  func refusesWhatIsBrokenOrMakesASmallFileLarge(text: String) {
    #expect(throws: YAMLError.self) { try parse(text) }
  }

  @Test func anAliasBombIsRefused() {
    var bomb = "a0: &a0 [x, x]\n"
    for level in 1...30 {
      bomb += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n"
    }
    #expect(throws: YAMLError.self) { try parse(bomb) }
  }

  @Test func bytesDepthAndPartsAreBounded() throws {
    let limits = YAMLLimits(maxBytes: 100, maxDepth: 3, maxNodes: 6)
    #expect(try parse("[[[1]]]", limits: limits) == [[[1]]])
    #expect(throws: YAMLError.self) { try parse("[[[[1]]]]", limits: limits) }
    #expect(try parse("[1,2,3,4,5]", limits: limits).arrayValue?.count == 5)
    #expect(throws: YAMLError.self) { try parse("[1,2,3,4,5,6]", limits: limits) }
    #expect(throws: YAMLError.self) {
      try parse(String(repeating: " ", count: 101), limits: limits)
    }
    for text in [String(repeating: "[", count: 100_000), String(repeating: "- ", count: 100_000)] {
      #expect(throws: YAMLError.self) { try parse(text) }
    }
  }

  @Test func bytesThatAreNoTextAreRefused() {
    for bytes in [[0xFF, 0xFE], [0x61, 0x00], [0xC3], [0x61, 0x3A, 0x20, 0x01]] as [[UInt8]] {
      #expect(throws: YAMLError.self) { try YAMLDocument.parse(bytes) }
    }
  }

  @Test func errorsTellTheLineAndNoValue() {
    let error = #expect(throws: YAMLError.self) { try parse("a: 1\ntoken: \"s3cret\n") }
    #expect(error.map { "\($0)".contains("line") && !"\($0)".contains("s3cret") } == true)
  }
}
