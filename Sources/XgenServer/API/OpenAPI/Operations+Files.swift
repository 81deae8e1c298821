extension Operation {
  /// Of every route about a file.
  private static let refusals: [Refusal] = Refusal.running + [.notFound, .quota, .capacity]

  static let fileGet = Operation(
    id: "readFile", tag: .files, summary: "Stream a file, or a range of it",
    parameters: [
      .sandboxID, .path, .ifMatch, .ifNoneMatch,
      .header("Range", "One range of bytes; another unit is ignored.", Schemas.text),
      .header("If-Range", "An entity tag: the range only if it still holds.", Schemas.text),
    ],
    answers: [
      .file(200, "The file."), .file(206, "The range."),
      .init(status: 304, description: "It has not changed.", headers: [.entityTag]),
    ],
    refusals: refusals + [.preconditionFailed, .rangeNotSatisfiable])

  static let filePut = Operation(
    id: "writeFile", tag: .files, summary: "Stream a file in; it takes its place when it is whole",
    parameters: [
      .sandboxID, .path, .ifMatch, .ifNoneMatch,
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
    answers: [.empty(204, "It is gone.")], refusals: refusals)

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
  /// What can't be a path is 400; `..` that stays inside is fine but not worth a pattern.
  private static let pathSchema: JSONValue = [
    "type": "string", "minLength": 1, "maxLength": 255,
    "pattern": #"^(?!\.{1,2}(/|$))[^\u0000/]+(/(?!\.{1,2}(/|$))[^\u0000/]+)*$"#,
  ]

  fileprivate static let path = Self(
    name: "path", place: .query, description: "Relative to the workspace.", isRequired: true,
    schema: pathSchema)
  fileprivate static let folder = Self(
    name: "path", place: .query, description: "Relative to the workspace, which itself is `/`.",
    isRequired: true, schema: ["anyOf": [["const": "/"], pathSchema]])
  fileprivate static let ifMatch = header(
    "If-Match", "`*` or entity tags: only if the file is one of these.", entityTags)
  fileprivate static let ifNoneMatch = header(
    "If-None-Match", "`*` or entity tags: only if the file is none of these.", entityTags)

  private static let entityTags: JSONValue = [
    "type": "string", "pattern": #"^(\*|(W/)?"[!#-~]*"(, ?(W/)?"[!#-~]*")*)$"#,
  ]
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
