// JSON written as Swift literals, for documents of our own.

extension JSONValue: ExpressibleByStringLiteral {
  init(stringLiteral text: String) { self = .string(text) }
}

extension JSONValue: ExpressibleByIntegerLiteral {
  init(integerLiteral number: Int64) { self = .int(number) }
}

extension JSONValue: ExpressibleByBooleanLiteral {
  init(booleanLiteral flag: Bool) { self = .bool(flag) }
}

extension JSONValue: ExpressibleByNilLiteral {
  init(nilLiteral: ()) { self = .null }
}

extension JSONValue: ExpressibleByArrayLiteral {
  init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
}

extension JSONValue: ExpressibleByDictionaryLiteral {
  /// Members keep their order; a literal that repeats a name is our own bug.
  init(dictionaryLiteral elements: (String, JSONValue)...) { self = .members(elements) }
}

extension JSONValue {
  /// An object of members made at run time, in their order. Precondition: no name is repeated.
  static func members(_ members: [(String, JSONValue)]) -> JSONValue {
    var object = JSONObject()
    for (name, value) in members {
      let isNew = object.append(name, value)
      precondition(isNew, "duplicate name in a JSON object: \(name)")
    }
    return .object(object)
  }
}
