import Testing

@testable import XgenServer

@Suite struct JSONWriterTests {
  @Test func putsCommasBetweenMembersAndElementsOnly() {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("a")
    writer.beginArray()
    writer.endArray()
    writer.key("b")
    writer.beginArray()
    writer.int(1)
    writer.beginObject()
    writer.endObject()
    writer.null()
    writer.endArray()
    writer.key("c")
    writer.beginObject()
    writer.key("d")
    writer.bool(true)
    writer.key("e")
    writer.string(orNull: nil)
    writer.endObject()
    writer.key("f")
    writer.double(0.1)
    writer.endObject()
    let expected = #"{"a":[],"b":[1,{},null],"c":{"d":true,"e":null},"f":0.1}"#
    #expect(String(decoding: writer.bytes, as: UTF8.self) == expected)
  }

  @Test func appendsToWhatIsThere() {
    var writer = JSONWriter(appendingTo: Array("data: ".utf8))
    writer.string("x")
    #expect(writer.bytes == Array(#"data: "x""#.utf8))
  }

  @Test(arguments: [
    ("", #""""#), ("plain", #""plain""#), ("\"\\/", #""\"\\/""#),
    ("\0\u{1}\u{8}\u{C}\u{1F}", #""\u0000\u0001\u0008\u000c\u001f""#), ("\n\r\t", #""\n\r\t""#),
    ("a\u{2028}b\u{2029}", #""a\u2028b\u2029""#),
    ("\u{2027}\u{202A}€é😀\u{7F}", "\"\u{2027}\u{202A}€é😀\u{7F}\""),
  ])
  func escapesWhatMustBeAndNothingElse(text: String, expected: String) throws {
    let written = JSONValue.string(text).serialized()
    #expect(String(decoding: written, as: UTF8.self) == expected)
    #expect(try JSONParser.parse(written) == .string(text))
  }

  @Test func escapesNamesAsWell() {
    let object: JSONObject = ["a\"\n": .int(1)]
    #expect(JSONValue.object(object).serialized() == Array(#"{"a\"\n":1}"#.utf8))
  }

  @Test(arguments: [
    0, -0.5, 1e20, .leastNonzeroMagnitude, 0.1, .pi, 1e16, 123456789, .greatestFiniteMagnitude,
  ])
  func readsBackEveryDoubleThatItWrites(number: Double) throws {
    #expect(try JSONParser.parse(JSONValue.double(number).serialized()) == .double(number))
  }

  @Test(arguments: [Double.infinity, -.infinity, .nan])
  func writesNullForNumbersThatJSONDoesNotKnow(number: Double) {
    #expect(JSONValue.double(number).serialized() == Array("null".utf8))
  }

  @Test(arguments: [Int64.min, -1, 0, .max])
  func readsBackEveryInteger(number: Int64) throws {
    #expect(try JSONParser.parse(JSONValue.int(number).serialized()) == .int(number))
  }

  @Test func keepsTheOrderOfMembers() throws {
    let text = Array(#"{"z":[1,2.5,"x",null,true],"a":{"y":{},"b":[]}}"#.utf8)
    #expect(try JSONParser.parse(text).serialized() == text)
  }
}
