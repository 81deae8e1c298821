internal import Reactor

/// Our own answers on a preview's name: JSON as everywhere, or a small page for a browser.
@LoopActor
enum PreviewAnswer {
  private static let html = HTTPField(fixed: "Content-Type", "text/html; charset=utf-8")
  private static let common = [
    HTTPField(fixed: "Cache-Control", "no-store"),
    HTTPField(fixed: "X-Content-Type-Options", "nosniff"),
  ]
  private static let policy = HTTPField(
    fixed: "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")

  /// `refreshes`: what is missing may be there soon, so that a page asks again by itself.
  static func send(
    _ error: APIError, to exchange: HTTPExchange, of server: Server, refreshes: Bool = false
  ) {
    let id = server.requestIDs.id(of: exchange.head)
    let fields = common + [RequestID.field(id)] + error.fields
    if wantsPage(exchange.head) {
      let page = PreviewPage.html(error, refreshes: refreshes)
      exchange.respond(error.status, fields + [html, policy], body: Array(page.utf8))
    } else {
      exchange.respond(error.status, fields + [APIResponse.jsonType], body: error.body)
    }
  }

  /// To the same URL with another query. It is told whole: a path may begin with two slashes.
  static func redirect(
    _ exchange: HTTPExchange, of server: Server, query: PreviewQuery.Rest, setCookie: String?,
    isHTTPS: Bool
  ) {
    let head = exchange.head
    var location = "\(isHTTPS ? "https" : "http")://\(head.authority ?? "")\(head.path)"
    switch query {
    case .none: break
    case .same: location += head.query.map { "?\($0)" } ?? ""
    case .replaced(let rest): location += "?\(rest)"
    }
    let fields = [
      HTTPField("Location", location), setCookie.flatMap { HTTPField("Set-Cookie", $0) },
      HTTPField(fixed: "Referrer-Policy", "no-referrer"),
      RequestID.field(server.requestIDs.id(of: head)),
    ]
    exchange.respond(303, common + fields.compactMap { $0 })
  }

  /// A browser that goes somewhere, as opposed to a script.
  private static func wantsPage(_ head: HTTPRequestHead) -> Bool {
    guard head.method == .get || head.method == .head else { return false }
    return head.headers.values("accept").contains { $0.lowercased().contains("text/html") }
  }
}

/// The page that a person sees instead of a preview. Pure.
enum PreviewPage {
  /// Seconds.
  static let refreshAfter = 2

  static func html(_ error: APIError, refreshes: Bool) -> String {
    let refresh =
      refreshes ? "<meta http-equiv=\"refresh\" content=\"\(refreshAfter)\">\n" : ""
    let again = refreshes ? "<p>This page looks again by itself.</p>\n" : ""
    let details = error.details.map { "<p>\(escaped($0))</p>\n" } ?? ""
    return """
      <!DOCTYPE html>
      <html lang="en"><head><meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      \(refresh)<title>\(error.status) · preview</title>
      <style>
      :root { color-scheme: light dark; }
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 40em; margin: 15vh auto; padding: 0 1em; }
      h1 { font-size: 1.2em; } p { overflow-wrap: anywhere; } small { opacity: .6; }
      </style></head><body>
      <h1>\(escaped(title(error.status)))</h1>
      <p>\(escaped(error.message))</p>
      \(details)\(again)<p><small>\(error.status) \(escaped(error.code))</small></p>
      </body></html>

      """
  }

  private static func title(_ status: Int) -> String {
    switch status {
    case 401, 403: "This preview is private"
    case 404: "There is no such preview"
    case 409: "The sandbox is still starting"
    case 410: "The sandbox has ended"
    case 429, 503: "This preview is busy"
    case 502: "The preview does not answer"
    default: "This does not work here"
    }
  }

  static func escaped(_ text: String) -> String {
    var out = ""
    for character in text.unicodeScalars {
      switch character {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      case "'": out += "&#39;"
      default: out.unicodeScalars.append(character)
      }
    }
    return out
  }
}
