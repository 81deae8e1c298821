extension Operation {
  /// Of every route about a file.
  private static let refusals: [Refusal] = Refusal.running + [.notFound, .quota, .capacity]

  static let fileGet = Operation(
    id: "readFile", tag: .files, summary: "Stream a file, or a range of it",
    description: """
      `Range` (one range of bytes), `If-Range`, `If-Match` and `If-None-Match` as in RFC 9110.
      """,
    parameters: [.sandboxID, .path],
    answers: [
      .file(200, "The file."), .file(206, "The range."),
      .init(status: 304, description: "It has not changed.", headers: [.entityTag]),
    ],
    refusals: refusals + [.preconditionFailed, .rangeNotSatisfiable])

  static let filePut = Operation(
    id: "writeFile", tag: .files, summary: "Stream a file in; it takes its place when it is whole",
    description: """
      `If-None-Match: *` only makes a new file, `If-Match` only replaces one that is still the same.
      """,
    parameters: [
      .sandboxID, .path,
      .query(
        "mode", "Permissions in octal.", ["type": "string", "pattern": "^[0-7]{1,4}$"]),
    ],
    body: Body(
      contentType: "application/octet-stream", schema: ["type": "string", "format": "binary"],
      isRequired: false),
    answers: [.empty(201, "It is new."), .empty(204, "It was replaced.")],
    refusals: refusals + [.preconditionFailed])

  static let fileDelete = Operation(
    id: "removeFile", tag: .files, summary: "Remove a file, a link or a folder",
    parameters: [
      .sandboxID, .path,
      .query(
        "recursive", "A folder with all that is in it.", ["enum": ["true", "false"]]),
    ],
    answers: [.empty(204, "It is gone.")], refusals: refusals + [.preconditionFailed])

  static let fileList = Operation(
    id: "listFiles", tag: .files, summary: "List a folder",
    description: "At most 10,000 entries, by name; links are not followed.",
    parameters: [.sandboxID, .folder],
    answers: [
      .json(200, "The entries.", Schemas.list(of: "FileEntry"), [.truncated])
    ],
    refusals: refusals)
}

extension Operation.Parameter {
  // What leaves the workspace is 400, which no pattern says.
  fileprivate static let path = Self(
    name: "path", place: .query, description: "Relative to the workspace.", isRequired: true,
    schema: [
      "type": "string", "minLength": 1, "maxLength": 255, "pattern": .string(Schemas.withoutNUL),
    ])
  fileprivate static let folder = Self(
    name: "path", place: .query, description: "Relative to the workspace, which itself is `/`.",
    isRequired: true,
    schema: ["type": "string", "maxLength": 255, "pattern": .string(Schemas.withoutNUL)])
}

extension Operation.Answer {
  fileprivate static func file(_ status: Int, _ description: String) -> Self {
    .init(
      status: status, description: description,
      content: [("application/octet-stream", ["type": "string", "format": "binary"])],
      headers: [.entityTag])
  }
}

extension Operation.Header {
  fileprivate static let entityTag = Self(name: "ETag", description: "Names this state of it.")
  fileprivate static let truncated = Self(
    name: "X-Xgen-Truncated", description: "`true` if there is more than is listed.")
}
