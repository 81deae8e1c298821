import Reactor
import XgenProtocol

/// What a request for a file asks, checked.
struct FileRequest: Sendable {
  /// As `WorkspacePath.relative` returns it.
  let path: String
  let conditions: HTTPConditions
  private let query: HTTPQuery

  init(_ head: HTTPRequestHead) throws(RequestFailure) {
    guard let query = try? head.decodedTarget().query, let path = query["path"] else {
      throw RequestFailure(.invalidPayload, "missing or malformed: path")
    }
    self.query = query
    self.path = try Session.relative(path)
    do throws(HTTPConditions.Malformed) { conditions = try HTTPConditions(head.headers) } catch {
      throw RequestFailure(.invalidPayload, "malformed: \(error.name)")
    }
  }

  /// Permissions in octal digits; nil where none are asked for.
  func mode() throws(RequestFailure) -> UInt32? {
    guard let text = query["mode"] else { return nil }
    guard let mode = FileMode.parse(text) else {
      throw RequestFailure(.invalidPayload, "mode: octal digits up to 7777")
    }
    return mode
  }

  func isRecursive() throws(RequestFailure) -> Bool {
    switch query["recursive"] {
    case nil, "false": return false
    case "true": return true
    default: throw RequestFailure(.invalidPayload, "recursive: true or false")
    }
  }
}
