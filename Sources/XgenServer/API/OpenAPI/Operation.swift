/// What the API's document says of a route beside its method, path and permission.
struct Operation: Sendable {
  /// Names the operation for generated clients: a verb and a noun in camel case.
  let id: String
  let tag: Tag
  let summary: String
  var description: String?
  var parameters: [Parameter] = []
  var body: Body?
  /// What a client hopes for; refusals are apart.
  let answers: [Answer]
  /// Beyond those that every route of its kind has.
  var refusals: [Refusal] = []

  enum Tag: String, CaseIterable, Sendable {
    case sandboxes, commands, files, authentication, administration, server
  }

  struct Parameter: Sendable {
    enum Place: String, Sendable { case path, query, header }
    let name: String
    let place: Place
    let description: String
    var isRequired = false
    let schema: JSONValue
  }

  struct Body: Sendable {
    let contentType: String
    let schema: JSONValue
    var isRequired = true
    /// What a reader can try.
    var example: JSONValue?
  }

  struct Answer: Sendable {
    let status: Int
    let description: String
    /// By content type; empty for an answer without a body.
    var content: [(type: String, schema: JSONValue)] = []
    var headers: [Header] = []
  }

  /// A header of an answer.
  struct Header: Sendable {
    let name: String
    let description: String
    var schema: JSONValue = ["type": "string"]
  }
}

extension Operation.Answer {
  static func json(
    _ status: Int, _ description: String, _ schema: JSONValue, _ headers: [Operation.Header] = []
  ) -> Self {
    .init(
      status: status, description: description, content: [("application/json", schema)],
      headers: headers)
  }

  static func empty(_ status: Int, _ description: String) -> Self {
    .init(status: status, description: description)
  }
}

extension Operation.Parameter {
  static let sandboxID = Self(
    name: "id", place: .path, description: "The sandbox's id.", isRequired: true,
    schema: ["type": "string", "minLength": 1])

  static func query(_ name: String, _ description: String, _ schema: JSONValue) -> Self {
    .init(name: name, place: .query, description: description, schema: schema)
  }

  static func header(
    _ name: String, _ description: String, _ schema: JSONValue, isRequired: Bool = false
  ) -> Self {
    .init(
      name: name, place: .header, description: description, isRequired: isRequired, schema: schema)
  }
}
