/// A member of a request body that is not what it must be.
struct FieldError: Error, Equatable, Sendable {
  /// The member's name; inside another object `resources.cpu`. Empty for the body itself.
  let field: String
  /// What it must be: "must be an array of integers".
  let expectation: String
}

extension FieldError: CustomStringConvertible {
  var description: String {
    field.isEmpty ? "the body \(expectation)" : "field '\(field)': \(expectation)"
  }
}

/// Typed access to the members of a JSON object.
///
/// An absent member and null are the same: nil. Another type than the asked one is an error that
/// names the member. Members that nobody asks for are ignored.
struct JSONFields: Sendable {
  /// A member of an object of strings, such as one environment variable.
  struct StringMember: Equatable, Sendable {
    let name: String
    let value: String
  }

  private let object: JSONObject
  /// Put before names in errors: empty, or `resources.`.
  private let prefix: String

  /// Throws if `body` is not an object.
  init(_ body: JSONValue) throws(FieldError) {
    guard let object = body.objectValue else {
      throw FieldError(field: "", expectation: "must be a JSON object")
    }
    self.init(object)
  }

  init(_ object: JSONObject, prefix: String = "") {
    self.object = object
    self.prefix = prefix
  }

  /// An error about a member, for checks beyond its type.
  func error(_ name: String, _ expectation: String) -> FieldError {
    FieldError(field: prefix + name, expectation: expectation)
  }
}

// MARK: Scalars

extension JSONFields {
  func string(_ name: String) throws(FieldError) -> String? {
    guard let value = present(name) else { return nil }
    guard let text = value.stringValue else { throw error(name, "must be a string") }
    return text
  }

  func requiredString(_ name: String) throws(FieldError) -> String {
    guard let text = try string(name) else { throw error(name, "is required") }
    return text
  }

  /// An integer, which may be written as `3.0` (as JSON Schema has it); numbers beyond 64 bits are
  /// refused.
  func int(_ name: String) throws(FieldError) -> Int? {
    guard let value = present(name) else { return nil }
    guard let number = value.wholeValue else { throw error(name, "must be an integer") }
    return Int(number)
  }

  /// Unix time in milliseconds, in the years 1970 to 9999.
  func moment(_ name: String) throws(FieldError) -> Int64? {
    guard let number = try int(name) else { return nil }
    let moment = Int64(number)
    guard Timestamp.unixMilliseconds.contains(moment) else {
      throw error(name, "must be Unix time in milliseconds")
    }
    return moment
  }

  func bool(_ name: String) throws(FieldError) -> Bool? {
    guard let value = present(name) else { return nil }
    guard case .bool(let flag) = value else { throw error(name, "must be true or false") }
    return flag
  }

  /// The member's value, unless it is null.
  private func present(_ name: String) -> JSONValue? {
    let value = object[name]
    return value == .null ? nil : value
  }
}

// MARK: Objects and arrays

extension JSONFields {
  /// A nested object, whose errors say `name.member`.
  func fields(_ name: String) throws(FieldError) -> JSONFields? {
    guard let value = present(name) else { return nil }
    guard let nested = value.objectValue else { throw error(name, "must be an object") }
    return JSONFields(nested, prefix: "\(prefix)\(name).")
  }

  /// An object of strings, in its order. Not a dictionary, whose keys may fall together: JSON
  /// tells names apart that Swift holds for equal.
  func stringMembers(_ name: String) throws(FieldError) -> [StringMember]? {
    guard let value = present(name) else { return nil }
    let fault = error(name, "must be an object of strings")
    guard let nested = value.objectValue else { throw fault }
    var members: [StringMember] = []
    for member in nested.members {
      guard let text = member.value.stringValue else { throw fault }
      members.append(StringMember(name: member.name, value: text))
    }
    return members
  }

  func strings(_ name: String) throws(FieldError) -> [String]? {
    try elements(name, "must be an array of strings") { $0.stringValue }
  }

  func ints(_ name: String) throws(FieldError) -> [Int]? {
    try elements(name, "must be an array of integers") { $0.wholeValue.map(Int.init) }
  }

  private func elements<Element>(
    _ name: String, _ expectation: String, as convert: (JSONValue) -> Element?
  ) throws(FieldError) -> [Element]? {
    guard let value = present(name) else { return nil }
    guard let values = value.arrayValue else { throw error(name, expectation) }
    let elements = values.compactMap(convert)
    guard elements.count == values.count else { throw error(name, expectation) }
    return elements
  }
}
