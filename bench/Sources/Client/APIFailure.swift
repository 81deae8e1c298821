import Reactor

/// Why a REST call, or a WebSocket's upgrade, did not do what was asked.
enum APIFailure: Error, CustomStringConvertible {
  /// No whole answer came.
  case transport(String, HTTPClientError)
  /// An answer with another status than the expected one.
  case status(String, Int, message: String)
  /// The right status, and a body that is not what it should be.
  case unexpected(String, String)

  /// For the answer to an upgrade as well as for a plain request.
  static func upgrade(_ what: String, _ error: HTTPClientError) -> APIFailure {
    guard case .refused(let status, let body) = error else { return .transport(what, error) }
    return .status(what, status, message: APIReply(status: status, body: Array(body.utf8)).problem)
  }

  var isRateLimit: Bool { status == 429 }

  var status: Int? {
    if case .status(_, let status, _) = self { return status }
    return nil
  }

  var description: String {
    switch self {
    case .transport(let what, let error): "\(what): \(error)"
    case .status(let what, let status, let message): "\(what): status \(status): \(message)"
    case .unexpected(let what, let problem): "\(what): \(problem)"
    }
  }
}

/// An answer: its status and its body as JSON, where it is JSON.
struct APIReply {
  let status: Int
  let json: JSON?
  private let body: [UInt8]

  init(status: Int, body: [UInt8]) {
    self.status = status
    self.body = body
    json = JSONParser.parse(body)
  }

  /// What an error answer says: `CODE: text (details)`, or the start of whatever it is.
  var problem: String {
    guard let text = json?["error"]?.text else {
      let line = body.prefix(200).prefix { $0 != 0x0A && $0 != 0x0D }
      return line.isEmpty ? "no body" : String(decoding: line, as: UTF8.self)
    }
    let code = json?["code"]?.text.map { "\($0): " } ?? ""
    let details = json?["details"]?.text.map { " (\($0))" } ?? ""
    return code + text + details
  }
}
