import Reactor
import Testing
import XgenProtocol

@testable import XgenServer

@Suite struct FileOrderTests {
  private func order(_ query: String, _ fields: String...) throws -> FileOrder {
    let head = try requestHead(["GET /?\(query) HTTP/1.1", "Host: x"] + fields)
    return try FileOrder(head.decodedTarget().query, head.headers)
  }

  private func requestHead(_ lines: [String]) throws -> HTTPRequestHead {
    var parser = HTTPRequestParser()
    let text = lines.joined(separator: "\r\n") + "\r\n\r\n"
    return try Array(text.utf8).withUnsafeBytes { try #require(try parser.parse($0)).head }
  }

  /// The status and code of the refusal.
  private func refusal(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "none"
    } catch let error as APIError {
      return "\(error.status) \(error.code)"
    } catch {
      return "\(error)"
    }
  }

  @Test(arguments: [
    ("path=a/b", "a/b", "b"), ("path=/a//./b/", "a/b", "b"), ("path=a/../b%20c", "b c", "b c"),
    ("path=/home/sandbox/workspace/x", "x", "x"), ("path=", "", ""), ("path=%2F", "", ""),
  ])
  func readsThePath(_ query: String, _ path: String, _ name: String) throws {
    let order = try order(query)
    #expect(order.path == path && order.name == name)
  }

  @Test(arguments: [
    "", "path", "x=1", "path=..", "path=a/../..", "path=a&path=a",
    "path=" + String(repeating: "x", count: 256),
  ])
  func refusesOddPaths(_ query: String) {
    let expected = query == "path" ? "none" : "400 INVALID_PARAMETER"  // an empty one
    #expect(refusal { _ = try order(query) } == expected)
  }

  @Test func targetIsEncodedAnew() throws {
    let order = try order("path=%C3%A4/+%26%3Fx%3D%23%0D%0A%25")
    #expect(order.target() == "/files?path=%C3%A4/%20%26%3Fx%3D%23%0D%0A%25")
    #expect(order.target("/files/list", "&a=b").hasPrefix("/files/list?path="))
    let back = try requestHead(["GET \(order.target()) HTTP/1.1", "Host: x"])
    #expect(try back.decodedTarget().query["path"] == order.path)
  }

  @Test func readsModeAndRecursive() throws {
    #expect(try order("path=x").mode() == nil && order("path=x&mode=0755").mode() == 0o755)
    #expect(try order("path=x&mode=7777").mode() == 0o7777)
    #expect(try !order("path=x").isRecursive() && order("path=x&recursive=true").isRecursive())
    for more in ["mode=", "mode=8", "mode=10000", "mode=+7", "mode=777777", "mode=7&mode=7"] {
      #expect(refusal { _ = try order("path=x&\(more)").mode() } == "400 INVALID_PARAMETER")
    }
    for more in ["recursive=", "recursive=1", "recursive=true&recursive=true"] {
      #expect(refusal { _ = try order("path=x&\(more)").isRecursive() } == "400 INVALID_PARAMETER")
    }
  }

  @Test func refusesConditionsThatCantBeRead() throws {
    #expect(refusal { _ = try order("path=x", "If-Match: x") } == "400 INVALID_REQUEST")
    #expect(try order("path=x", "Range: bytes=1-").conditions.range != nil)
    #expect(refusal { try order("path=/").requireFile() } == "400 INVALID_REQUEST")
  }

  @Test func listingsAreBoundedBeforeTheyAreRead() {
    #expect(FileListing.entries([0x90])?.isEmpty == true)
    #expect(FileListing.entries([]) == nil)
    #expect(FileListing.entries([0x80]) == nil)
    #expect(FileListing.entries([0xDD, 0xFF, 0xFF, 0xFF, 0xFF]) == nil)
  }
}
