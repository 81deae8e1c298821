import Reactor
import XgenProtocol

/// How `/files` answers. Bodies that are no file are the wire protocol's payloads.
enum FileAnswer {
  static let payload = HTTPField(fixed: "Content-Type", "application/msgpack")

  static func tag(_ tag: HTTPEntityTag) -> HTTPField { field("ETag", tag.value) }

  static func contentRange(_ range: HTTPContentRange) -> HTTPField {
    field("Content-Range", range.value)
  }

  private static func field(_ name: String, _ value: String) -> HTTPField {
    guard let field = HTTPField(name, value) else {
      preconditionFailure("\(name) is of our own making")
    }
    return field
  }

  static func fail(_ exchange: HTTPExchange, _ failure: RequestFailure) {
    exchange.respond(status(failure.code), [payload], body: failure.payload.encode())
  }

  static func preconditionFailed(_ exchange: HTTPExchange) {
    exchange.respond(412)
  }

  private static func status(_ code: ErrorCode) -> Int {
    switch code {
    case .invalidPayload, .pathEscapesWorkspace, .fsError: 400
    case .notFound: 404
    case .tooLarge: 413
    case .limitReached: 429
    case .unknownMessage, .unknownProcess, .channelInUse, .execFailed, .watchError, .detached: 500
    }
  }
}
