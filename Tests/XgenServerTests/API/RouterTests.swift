import Reactor
import Testing

@testable import XgenServer

@Suite struct RouterTests {
  private func match(_ method: HTTPMethod, _ path: String) throws -> Router.Match {
    Router.api.match(method, try HTTPTarget(path: path, query: nil).segments)
  }

  private func template(_ method: HTTPMethod, _ path: String) throws -> String? {
    if case .found(let route, _) = try match(method, path) { return route.template }
    return nil
  }

  private func id(_ path: String) throws -> String? {
    if case .found(_, let parameters) = try match(.get, path) { return parameters["id"] }
    return nil
  }

  private func allowed(_ method: HTTPMethod, _ path: String) throws -> String? {
    if case .methodNotAllowed(let allowed) = try match(method, path) { return allowed }
    return nil
  }

  @Test func everyRouteIsFoundByItsOwnTemplate() throws {
    for route in Router.api.routes {
      let path = route.template.replacing("{id}", with: "abc").replacing("{port}", with: "80")
      #expect(try template(route.method, path) == route.template)
    }
  }

  @Test func headIsAnsweredWhereGetIs() throws {
    #expect(try template(.head, "/api/v1/sandboxes") == "/api/v1/sandboxes")
    #expect(try template(.head, "/healthz") == "/healthz")
    #expect(try template(.head, "/api/v1/auth/token") == nil)
  }

  @Test(
    arguments: [
      (.put, "/api/v1/sandboxes", "POST, GET, HEAD, OPTIONS"),
      (.options, "/api/v1/sandboxes", "POST, GET, HEAD, OPTIONS"),
      (.post, "/api/v1/sandboxes/abc", "GET, HEAD, DELETE, OPTIONS"),
      (.get, "/api/v1/auth/token", "POST, OPTIONS"), (.head, "/api/v1/auth/token", "POST, OPTIONS"),
      (.get, "/api/v1/sandboxes/abc/exec", "POST, OPTIONS"),
      (.other("get"), "/healthz", "GET, HEAD, OPTIONS"),
    ] as [(HTTPMethod, String, String)])
  func anotherMethodIsToldTheRightOnes(
    method: HTTPMethod, path: String, expected: String
  ) throws {
    #expect(try allowed(method, path) == expected)
  }

  @Test(arguments: [
    "/", "/api", "/api/v1", "/api/v2/sandboxes", "/API/v1/sandboxes", "/healthz/", "/healthz/x",
    "/api/v1/sandboxes/", "/api/v1/sandboxes//", "/api/v1/sandboxes/abc/", "//healthz",
    "/api/v1/sandboxes//exec", "/api/v1/sandboxes/a/b/exec", "/api/v1/sandboxes/abc/execs",
    "/api%2Fv1/sandboxes", "/api/v1/sandboxes/a%2Fexec/x", "/api/v1/sandboxes/..",
  ])
  func nothingElseIsFound(path: String) throws {
    guard case .notFound = try match(.get, path) else {
      Issue.record("\(path) was found")
      return
    }
  }

  @Test func aSlashInsideASegmentStaysInIt() throws {
    #expect(try id("/api/v1/sandboxes/a%2Fexec") == "a/exec")
    #expect(try id("/api/v1/sandboxes/%7Bid%7D") == "{id}")
    #expect(try id("/api/v1/sandboxes/a-b%20c") == "a-b c")
    #expect(try id("/api/v1/x/../sandboxes/%2e/abc") == "abc")
  }
}
