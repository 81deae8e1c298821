internal import Reactor
internal import XgenProtocol

/// What a request about a file asks, checked: nothing of it reaches a sidecar as it came.
struct FileOrder: Sendable {
  /// Relative to the workspace, without dots; empty for the workspace itself.
  let path: String
  let conditions: HTTPConditions
  private let query: HTTPQuery

  init(_ query: HTTPQuery, _ headers: HTTPFields) throws(APIError) {
    self.query = query
    guard let path = try Self.value("path", query) else { throw Self.fault("path", "is required") }
    do throws(ProtocolError) { self.path = try WorkspacePath.relative(path) } catch {
      switch error {
      case .pathEscapesWorkspace: throw Self.fault("path", "must stay inside the workspace")
      case .malformed, .missingField, .duplicateField: throw Self.fault("path", "is malformed")
      case .invalidField(_, let fault): throw Self.fault("path", "\(fault)")
      }
    }
    do throws(HTTPConditions.Malformed) { conditions = try HTTPConditions(headers) } catch {
      throw .invalidRequest("the header \(error.name) must be * or a list of entity tags")
    }
  }

  /// Throws if it is the workspace itself, which is nobody's to read or replace.
  func requireFile() throws(APIError) {
    if path.isEmpty { throw .invalidRequest("the path is the workspace itself") }
  }

  /// Permissions that a file is to have; nil where none are asked for.
  func mode() throws(APIError) -> UInt32? {
    guard let text = try Self.value("mode", query) else { return nil }
    guard let mode = FileMode.parse(text) else {
      throw Self.fault("mode", "must be octal digits, at most 7777")
    }
    return mode
  }

  func isRecursive() throws(APIError) -> Bool {
    switch try Self.value("recursive", query) {
    case nil, "false": return false
    case "true": return true
    default: throw Self.fault("recursive", "must be true or false")
    }
  }

  private static func value(_ name: String, _ query: HTTPQuery) throws(APIError) -> String? {
    let values = query.values(name)
    if values.count > 1 { throw fault(name, "must be given once") }
    return values.first
  }

  private static func fault(_ name: String, _ expectation: String) -> APIError {
    .invalidParameter(FieldError(field: name, expectation: expectation))
  }

  // MARK: The sidecar's side

  /// The target of the request to the sidecar.
  func target(_ place: String = "/files", _ more: String = "") -> String {
    "\(place)?path=\(PercentEncoding.queryValue(path))\(more)"
  }

  /// The name under which a browser saves it.
  var name: String { path.split(separator: "/").last.map { String($0) } ?? "" }
}

extension APIRequest {
  /// What it asks about a file or a folder.
  func fileOrder() throws(APIError) -> FileOrder {
    try FileOrder(query, exchange.head.headers)
  }

  /// A part of a file, as clients send it to resume, would become all of it (RFC 9110 §14.5).
  func refusePartialBody() throws(APIError) {
    if exchange.head.headers.count(of: "content-range") > 0 {
      throw .invalidRequest("a PUT with Content-Range: files are replaced as a whole")
    }
  }
}
