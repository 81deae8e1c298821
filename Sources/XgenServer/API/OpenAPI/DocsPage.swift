internal import Reactor

/// The document as a page for people: HTML without scripts, and nothing from another host.
enum DocsPage {
  static let html: [UInt8] = Array(page(Router.api.routes).utf8)

  static let policy: StaticString =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"

  static func page(_ routes: [Route]) -> String {
    let groups = Operation.Tag.allCases.map { tag in
      (tag, routes.filter { $0.operation.tag == tag })
    }
    var body = "<h1>XgenServer \(escaped(Settings.version))</h1>\n"
    body += "<p>The same as <a href=\"/openapi.json\">OpenAPI 3.1</a>. Errors are "
    body += "<code>{\"error\", \"code\", \"details\"?}</code>.</p>\n"
    for (tag, routes) in groups where !routes.isEmpty {
      body += "<h2>\(escaped(tag.rawValue))</h2>\n" + routes.map(section).joined()
    }
    body += "<h2>shapes</h2>\n" + Schemas.all.map(schema).joined()
    return """
      <!doctype html>
      <html lang="en"><meta charset="utf-8"><title>XgenServer API</title>
      <meta name="viewport" content="width=device-width">
      <style>\(style)</style>
      <main>
      \(body)</main></html>

      """
  }

  private static let style = """
    body{font:16px/1.5 system-ui,sans-serif;margin:0;color:#222;background:#fff}
    main{max-width:56rem;margin:auto;padding:1rem}
    h2{border-bottom:1px solid #ccc;margin-top:2.5rem}
    h3{font-size:1rem;margin:1.5rem 0 .25rem}
    code,pre{font:14px/1.5 ui-monospace,monospace;background:#f4f4f4;border-radius:4px}
    code{padding:0 .25rem}pre{padding:.5rem;overflow:auto}
    table{border-collapse:collapse}td,th{padding:.1rem .75rem .1rem 0;text-align:left;\
    vertical-align:top}
    @media(prefers-color-scheme:dark){body{color:#ddd;background:#1a1a1a}\
    code,pre{background:#2a2a2a}a{color:#8bf}}
    """

  private static func section(_ route: Route) -> String {
    let operation = route.operation
    var text = "<h3 id=\"\(escaped(operation.id))\"><code>\(escaped(route.method.name)) "
    text += "\(escaped(route.template))</code></h3>\n<p>\(escaped(operation.summary))."
    if let description = operation.description { text += " \(escaped(description))" }
    text += " \(permission(route.access))</p>\n"
    text += parameters(operation.parameters)
    if let body = operation.body { text += example(body) }
    return text + answers(route)
  }

  private static func permission(_ access: Route.Access) -> String {
    switch access {
    case .open: "Needs no credentials."
    case .permission(let permission), .webSocket(let permission):
      "Permission <code>\(escaped(permission.rawValue))</code>."
    }
  }

  private static func parameters(_ parameters: [Operation.Parameter]) -> String {
    if parameters.isEmpty { return "" }
    let rows = parameters.map {
      "<tr><td><code>\(escaped($0.name))</code><td>\($0.place.rawValue)"
        + "<td>\(escaped($0.description))\n"
    }
    return "<table>\n\(rows.joined())</table>\n"
  }

  private static func example(_ body: Operation.Body) -> String {
    let example = body.example.map { String(decoding: $0.serialized(), as: UTF8.self) }
    return "<p>Body: <code>\(escaped(body.contentType))</code>"
      + (example.map { ", such as <code>\(escaped($0))</code>" } ?? "") + "</p>\n"
  }

  private static func answers(_ route: Route) -> String {
    let good = route.operation.answers.map { ($0.status, $0.description) }
    let bad = Refusal.all(of: route).map {
      ($0.status, "\(Refusal.meaning($0.status)) \($0.codes.joined(separator: ", "))")
    }
    let rows = (good + bad).map { "<tr><td><code>\($0.0)</code><td>\(escaped($0.1))\n" }
    return "<table>\n\(rows.joined())</table>\n"
  }

  private static func schema(_ name: String, _ schema: JSONValue) -> String {
    let text = String(decoding: schema.serialized(), as: UTF8.self)
    return "<h3 id=\"\(escaped(name))\">\(escaped(name))</h3>\n<pre>\(escaped(text))</pre>\n"
  }

  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { out, character in
      switch character {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      default: out.append(character)
      }
    }
  }
}
