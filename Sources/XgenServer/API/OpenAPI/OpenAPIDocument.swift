internal import Reactor

/// The API's description (OpenAPI 3.1), made from the routes themselves: what is not there is not
/// served, and what is served is there.
enum OpenAPIDocument {
  static let bytes: [UInt8] = document(Router.api.routes).serialized()

  static func document(_ routes: [Route]) -> JSONValue {
    [
      "openapi": "3.1.0",
      "info": [
        "title": "XgenServer", "version": .string(Settings.version),
        "summary": "A self-hosted control plane for code-execution sandboxes",
        "license": ["name": "MIT", "identifier": "MIT"],
      ],
      "servers": [["url": "/"]],
      "tags": .array(Operation.Tag.allCases.map { ["name": .string($0.rawValue)] }),
      "paths": paths(routes),
      "components": [
        "securitySchemes": securitySchemes, "schemas": .members(Schemas.all),
        "responses": refusals(routes),
      ],
    ]
  }

  private static let securitySchemes: JSONValue = [
    "bearer": ["type": "http", "scheme": "bearer", "bearerFormat": "JWT"],
    "apiKey": [
      "type": "apiKey", "in": "header", "name": "Authorization",
      "description": "`ApiKey <key>`",
    ],
    "token": [
      "type": "apiKey", "in": "query", "name": "token",
      "description": "A token, on the WebSocket only.",
    ],
  ]

  private static func paths(_ routes: [Route]) -> JSONValue {
    var templates: [String] = []
    for route in routes where !templates.contains(route.template) {
      templates.append(route.template)
    }
    return .members(
      templates.map { template in
        let members = routes.filter { $0.template == template }.map {
          ($0.method.name.lowercased(), operation($0))
        }
        return (template, .members(members))
      })
  }

  private static func operation(_ route: Route) -> JSONValue {
    let operation = route.operation
    var members: [(String, JSONValue)] = [
      ("operationId", .string(operation.id)), ("tags", [.string(operation.tag.rawValue)]),
      ("summary", .string(operation.summary)),
    ]
    if let text = operation.description { members.append(("description", .string(text))) }
    members += access(route.access)
    if !operation.parameters.isEmpty {
      members.append(("parameters", .array(operation.parameters.map(parameter))))
    }
    if let body = operation.body { members.append(("requestBody", requestBody(body))) }
    members.append(("responses", responses(route)))
    return .members(members)
  }

  private static func access(_ access: Route.Access) -> [(String, JSONValue)] {
    switch access {
    case .open: [("security", [])]
    case .permission(let permission):
      [
        ("security", [["bearer": []], ["apiKey": []]]),
        ("x-permission", .string(permission.rawValue)),
      ]
    case .webSocket(let permission):
      [
        ("security", [["bearer": []], ["apiKey": []], ["token": []]]),
        ("x-permission", .string(permission.rawValue)),
      ]
    }
  }

  private static func parameter(_ parameter: Operation.Parameter) -> JSONValue {
    [
      "name": .string(parameter.name), "in": .string(parameter.place.rawValue),
      "required": .bool(parameter.isRequired), "description": .string(parameter.description),
      "schema": parameter.schema,
    ]
  }

  private static func requestBody(_ body: Operation.Body) -> JSONValue {
    var content: [(String, JSONValue)] = [("schema", body.schema)]
    if let example = body.example { content.append(("example", example)) }
    return [
      "required": .bool(body.isRequired),
      "content": .members([(body.contentType, .members(content))]),
    ]
  }
}

// MARK: Responses

extension OpenAPIDocument {
  private static func responses(_ route: Route) -> JSONValue {
    let good = route.operation.answers.map { (String($0.status), answer($0)) }
    let bad = Refusal.all(of: route).map { refusal -> (String, JSONValue) in
      let name = name(refusal.status, refusal.codes)
      return (String(refusal.status), ["$ref": .string("#/components/responses/\(name)")])
    }
    return .members(good + bad)
  }

  /// Of a component: most routes share their refusals.
  private static func name(_ status: Int, _ codes: [String]) -> String {
    "\(status)." + codes.joined(separator: ".")
  }

  private static func refusals(_ routes: [Route]) -> JSONValue {
    var members: [(String, JSONValue)] = []
    for (status, codes) in routes.flatMap(Refusal.all) {
      let name = name(status, codes)
      if !members.contains(where: { $0.0 == name }) {
        members.append((name, refusal(status, codes)))
      }
    }
    return .members(members.sorted { $0.0 < $1.0 })
  }

  private static func answer(_ answer: Operation.Answer) -> JSONValue {
    var members: [(String, JSONValue)] = [
      ("description", .string(answer.description)),
      ("headers", headers([.requestID] + answer.headers)),
    ]
    if !answer.content.isEmpty {
      members.append(
        ("content", .members(answer.content.map { ($0.type, ["schema": $0.schema]) })))
    }
    return .members(members)
  }

  private static func refusal(_ status: Int, _ codes: [String]) -> JSONValue {
    let base = Schemas.reference(status == 504 ? "ExecTimeout" : "Error")
    let known: JSONValue = [
      "properties": ["code": ["enum": .array(codes.map { .string($0) })]]
    ]
    var extra: [Operation.Header] = [.requestID]
    if status == 401 { extra.append(.authenticate) }
    if status == 429 || status == 503 { extra.append(.retryAfter) }
    return [
      "description": .string(Refusal.meaning(status)),
      "headers": headers(extra),
      "content": ["application/json": ["schema": ["allOf": [base, known]]]],
    ]
  }

  private static func headers(_ headers: [Operation.Header]) -> JSONValue {
    .members(
      headers.map {
        ($0.name, ["description": .string($0.description), "schema": $0.schema])
      })
  }
}
