import Reactor
import Testing

/// The head of `GET /` with these header lines, as the server's parser reads it.
func requestHead(_ lines: String...) throws -> HTTPRequestHead {
  let text = (["GET / HTTP/1.1", "Host: test"] + lines).joined(separator: "\r\n") + "\r\n\r\n"
  var parser = HTTPRequestParser()
  let parsed = try Array(text.utf8).withUnsafeBytes { try parser.parse($0) }
  return try #require(parsed?.head)
}
