/// A JSON value (RFC 8259 §3).
///
/// A number is `int` where it is written as an integer and fits, else `double`.
enum JSONValue: Equatable, Sendable {
  case null
  case bool(Bool)
  case int(Int64)
  case double(Double)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)
}

extension JSONValue {
  /// The member of that name; nil if there is none, or this is no object.
  subscript(name: String) -> JSONValue? { objectValue?[name] }

  /// The text of a string; nil for every other kind.
  var stringValue: String? {
    if case .string(let text) = self { text } else { nil }
  }

  /// The value of an integer; nil for every other kind, a double included.
  var intValue: Int64? {
    if case .int(let number) = self { number } else { nil }
  }

  /// A whole number, also one that is written as `3.0`; nil beyond what a double holds exactly.
  var wholeValue: Int64? {
    guard case .double(let number) = self, number.magnitude <= 9_007_199_254_740_992 else {
      return intValue
    }
    return Int64(exactly: number)
  }

  /// The elements of an array; nil for every other kind.
  var arrayValue: [JSONValue]? {
    if case .array(let elements) = self { elements } else { nil }
  }

  /// The members of an object; nil for every other kind.
  var objectValue: JSONObject? {
    if case .object(let object) = self { object } else { nil }
  }
}
