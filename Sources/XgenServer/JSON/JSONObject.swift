/// The members of a JSON object in the order in which they were written.
///
/// Names are compared as bytes. Swift's own string equality takes canonically equivalent texts
/// for equal (U+212A KELVIN SIGN and "K"), which no other JSON reader does.
struct JSONObject: Sendable {
  struct Member: Equatable, Sendable {
    let name: String
    let value: JSONValue
  }

  /// Up to here a scan is cheaper than hashing.
  private static let scanLimit = 16

  private(set) var members: [Member] = []
  /// Positions in `members` by name; empty up to `scanLimit` members.
  private var positions: [Name: Int] = [:]

  init() {}

  /// The value of the member called `name`, if there is one.
  subscript(name: String) -> JSONValue? {
    position(of: name).map { members[$0].value }
  }

  /// Adds a member at the end; false, and no change, if the name is taken.
  mutating func append(_ name: String, _ value: JSONValue) -> Bool {
    guard position(of: name) == nil else { return false }
    members.append(Member(name: name, value: value))
    index()
    return true
  }

  private func position(of name: String) -> Int? {
    if members.count > Self.scanLimit { return positions[Name(text: name)] }
    return members.firstIndex { Name(text: $0.name) == Name(text: name) }
  }

  /// Brings `positions` up to date after an append.
  private mutating func index() {
    let last = members.count - 1
    if last > Self.scanLimit {
      positions[Name(text: members[last].name)] = last
    } else if last == Self.scanLimit {
      for (position, member) in members.enumerated() {
        positions[Name(text: member.name)] = position
      }
    }
  }
}

extension JSONObject: Equatable {
  static func == (left: JSONObject, right: JSONObject) -> Bool { left.members == right.members }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  /// A literal that repeats a name is our own bug.
  init(dictionaryLiteral elements: (String, JSONValue)...) {
    for (name, value) in elements {
      let isNew = append(name, value)
      precondition(isNew, "duplicate name in a JSON object literal")
    }
  }
}

/// A member's name, equal to another if their UTF-8 is.
private struct Name: Hashable {
  let text: String

  static func == (left: Name, right: Name) -> Bool {
    left.text.utf8.elementsEqual(right.text.utf8)
  }

  func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}
