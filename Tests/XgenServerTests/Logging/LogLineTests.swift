import Testing

@testable import XgenServer

/// Lines of the log with whatever clients, sidecars and files put into their values.
@Suite struct LogLineTests {
  static let hostile = [
    "", "plain", "two words", "quo\"te", "back\\slash", "a\nb", "a\r\nb", "nul\0", "tab\t",
    "\u{1B}[2J", "del\u{7F}", "\u{9B}31m", "\u{202E}txt.exe", "\u{2028}", "\u{2029}", "\u{FEFF}",
    "\u{E0001}", "é 漢字 🦊", String(repeating: "x", count: 10_000), "key=value", "{\"a\":1}",
    String(decoding: [0xFF, 0xC0, 0x80], as: UTF8.self),
  ]

  private func line(_ value: String, key: String = "value") -> LogLine {
    LogLine(time: "t", level: "info", message: "said", metadata: [(key, value)])
  }

  @Test(arguments: hostile)
  func jsonIsOneObjectOnOneLineThatReadsBack(value: String) throws {
    let bytes = line(value).json
    #expect(bytes.filter { $0 == 0x0A }.count == 1 && bytes.last == 0x0A)
    let read = try JSONParser.parse(Array(bytes.dropLast())).objectValue
    #expect(read?["value"] == .string(value))
    #expect(read?.members.map(\.name) == ["time", "level", "message", "value"])
  }

  @Test(arguments: hostile)
  func textStaysOneLineWithoutControls(value: String) {
    let scalars = String(decoding: line(value).text, as: UTF8.self).unicodeScalars
    let controls = scalars.dropLast().filter {
      [.control, .format, .lineSeparator, .paragraphSeparator].contains(
        $0.properties.generalCategory)
    }
    #expect(controls.isEmpty && scalars.last == "\n")
  }

  @Test func textQuotesWhatCouldHideTheNextKey() {
    let metadata = [("a", "1 b=2"), ("b", "3"), ("c", "")]
    let line = LogLine(time: "t", level: "info", message: "x\u{1B}y", metadata: metadata)
    let text = String(decoding: line.text, as: UTF8.self)
    #expect(text == "t info x\\u001by a=\"1 b=2\" b=3 c=\"\"\n")
  }

  @Test(arguments: ["time", "level", "message"])
  func metadataNeverDoublesAName(key: String) throws {
    let read = try JSONParser.parse(Array(line("v", key: key).json.dropLast()))
    #expect(read.objectValue?["metadata.\(key)"] == .string("v"))
  }
}
