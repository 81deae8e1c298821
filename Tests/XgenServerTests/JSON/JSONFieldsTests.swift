import Testing

@testable import XgenServer

@Suite struct JSONFieldsTests {
  private func fields(_ text: String) throws -> JSONFields {
    try JSONFields(JSONParser.parse(Array(text.utf8)))
  }

  @Test func readsEveryTypeAndIgnoresUnknownMembers() throws {
    let fields = try fields(
      #"""
      {"s":"x","i":-3,"b":false,"env":{"Z":"1","A":""},"ports":[3000,8080],"args":["-e",""],
       "resources":{"cpu":"500m"},"unknown":[{}]}
      """#)
    #expect(try fields.string("s") == "x")
    #expect(try fields.requiredString("s") == "x")
    #expect(try fields.int("i") == -3)
    #expect(try fields.bool("b") == false)
    #expect(
      try fields.stringMembers("env") == [
        .init(name: "Z", value: "1"), .init(name: "A", value: ""),
      ])
    #expect(try fields.ints("ports") == [3000, 8080])
    #expect(try fields.strings("args") == ["-e", ""])
    #expect(try fields.fields("resources")?.string("cpu") == "500m")
  }

  @Test(arguments: ["{}", #"{"x":null}"#])
  func takesNullForAbsent(body: String) throws {
    let fields = try fields(body)
    #expect(try fields.string("x") == nil)
    #expect(try fields.int("x") == nil)
    #expect(try fields.bool("x") == nil)
    #expect(try fields.stringMembers("x") == nil)
    #expect(try fields.ints("x") == nil)
    #expect(try fields.strings("x") == nil)
    #expect(try fields.fields("x") == nil)
    #expect(throws: FieldError(field: "x", expectation: "is required")) {
      try fields.requiredString("x")
    }
  }

  @Test(arguments: [
    (#""3000""#, "must be an array of integers"), ("[3000,\"x\"]", "must be an array of integers"),
    ("[1.5]", "must be an array of integers"), ("[1e300]", "must be an array of integers"),
    ("[null]", "must be an array of integers"), ("{}", "must be an array of integers"),
    ("[9223372036854775808]", "must be an array of integers"),
  ])
  func namesTheFieldThatIsNotAnArrayOfIntegers(value: String, expectation: String) throws {
    let fields = try fields(#"{"ports":\#(value)}"#)
    let error = #expect(throws: FieldError.self) { try fields.ints("ports") }
    #expect(error?.description == "field 'ports': \(expectation)")
  }

  @Test func takesWholeNumbersHoweverTheyAreWritten() throws {
    let fields = try fields(#"{"a":[1.0,2e3,-0.0],"b":9007199254740992.0,"c":9007199254740994.0}"#)
    #expect(try fields.ints("a") == [1, 2000, 0])
    #expect(try fields.int("b") == 9_007_199_254_740_992)
    #expect(throws: FieldError.self) { try fields.int("c") }
  }

  @Test func refusesEveryOtherType() throws {
    let fields = try fields(#"{"x":[true],"o":{"A":1},"t":"true","f":1.5,"z":0}"#)
    #expect(throws: FieldError(field: "x", expectation: "must be a string")) {
      try fields.string("x")
    }
    #expect(throws: FieldError(field: "x", expectation: "must be a string")) {
      try fields.requiredString("x")
    }
    #expect(throws: FieldError(field: "f", expectation: "must be an integer")) {
      try fields.int("f")
    }
    #expect(throws: FieldError(field: "t", expectation: "must be true or false")) {
      try fields.bool("t")
    }
    #expect(throws: FieldError(field: "z", expectation: "must be true or false")) {
      try fields.bool("z")
    }
    #expect(throws: FieldError(field: "o", expectation: "must be an object of strings")) {
      try fields.stringMembers("o")
    }
    #expect(throws: FieldError(field: "x", expectation: "must be an array of strings")) {
      try fields.strings("x")
    }
    #expect(throws: FieldError(field: "x", expectation: "must be an object")) {
      try fields.fields("x")
    }
  }

  @Test func namesMembersOfNestedObjectsWithTheirPath() throws {
    let nested = try #require(try fields(#"{"resources":{"cpu":1}}"#).fields("resources"))
    let error = #expect(throws: FieldError.self) { try nested.string("cpu") }
    #expect(error?.description == "field 'resources.cpu': must be a string")
  }

  @Test(arguments: ["[]", "null", "1", "\"x\""])
  func refusesABodyThatIsNotAnObject(body: String) {
    let error = #expect(throws: FieldError.self) { try fields(body) }
    #expect(error?.description == "the body must be a JSON object")
  }
}
