/// An event of a text/event-stream (HTML Standard §9.2.6). Pure.
struct ServerSentEvent: Sendable, Equatable {
  let name: String
  /// One line, such as JSON without white space.
  let data: [UInt8]
  /// For Last-Event-ID.
  var id: String?

  /// A line that says nothing, to show that the stream lives.
  static let comment: [UInt8] = Array(":\n\n".utf8)

  init(_ name: String, data: [UInt8], id: String? = nil) {
    self.name = name
    self.data = data
    self.id = id
  }

  var bytes: [UInt8] {
    let id = id.map { "id: \($0)\n" } ?? ""
    return Array("\(id)event: \(name)\ndata: ".utf8) + data + Array("\n\n".utf8)
  }
}
