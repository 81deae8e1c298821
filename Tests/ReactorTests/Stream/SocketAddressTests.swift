import Glibc
import Reactor
import TestSupport
import Testing

@Suite struct SocketAddressTests {
  @Test(
    arguments: [
      ("127.0.0.1:8080", "127.0.0.1:8080", "127.0.0.1", 8080, true),
      ("0.0.0.0:0", "0.0.0.0:0", "0.0.0.0", 0, false),
      ("10.1.2.3:65535", "10.1.2.3:65535", "10.1.2.3", 65535, false),
      ("localhost:80", "127.0.0.1:80", "127.0.0.1", 80, true),
      ("[::1]:8080", "[::1]:8080", "::1", 8080, true),
      ("[2001:DB8::1]:1", "[2001:db8::1]:1", "2001:db8::1", 1, false),
      (":8080", "[::]:8080", "::", 8080, false),
      ("unix:/run/x.sock", "unix:/run/x.sock", "/run/x.sock", nil, true),
      ("unix:x:1", "unix:x:1", "x:1", nil, true),
    ] as [(String, String, String, UInt16?, Bool)])
  func readsAndWrites(
    text: String, description: String, host: String, port: UInt16?, isLoopback: Bool
  ) throws {
    let address = try #require(SocketAddress(parsing: text))
    #expect(address.description == description)
    #expect(address.host == host)
    #expect(address.port == port)
    #expect(address.isLoopback == isLoopback)
    #expect(SocketAddress(parsing: description) == address)
  }

  @Test(arguments: [
    "", ":", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
    "127.0.0.1:+1", "127.0.0.1: 1", "127.0.0.1:8080 ", "127.0.0.1:000080", "127.1:80",
    "127.0.0.256:80", "127.0.0.1\0x:80", "example.com:80", "::1:80", "[::1]", "[::1:80",
    "[127.0.0.1]:80", "[::1%lo]:80", "[]:80", "unix:", "http://127.0.0.1:80", "unix:/a\0b",
  ])
  func refuses(text: String) {
    #expect(SocketAddress(parsing: text) == nil)
  }

  @Test func takesAPathThatFitsWithItsNUL() {
    let fits = String(repeating: "a", count: SocketAddress.maxPathBytes - 1)
    #expect(SocketAddress(parsing: "unix:" + fits) == .unix(path: fits))
    #expect(SocketAddress(parsing: "unix:" + fits + "a") == nil)
  }

  @Test func aPathThatDoesNotFitIsRefusedAtTheSocketToo() async throws {
    try await withLoop { loop in
      for path in [String(repeating: "a", count: 200), "/tmp/a\0b"] {
        #expect(throws: UVError(-ENAMETOOLONG)) {
          try SocketStream.connect(loop: loop, to: .unix(path: path))
        }
        #expect(throws: UVError(-ENAMETOOLONG)) {
          try SocketListener.listen(loop: loop, at: .unix(path: path)) { _ in }
        }
      }
    }
  }
}
