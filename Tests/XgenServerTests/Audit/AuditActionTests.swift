import Reactor
import Testing

@testable import XgenServer

@Suite struct AuditActionTests {
  /// A new route that changes something can't be forgotten.
  @Test func everyRouteThatChangesSomethingIsAudited() {
    let forgotten = Router.api.routes.filter {
      $0.method != .get && AuditAction.of($0.method, $0.template) == nil
    }
    #expect(forgotten.map { "\($0.method.name) \($0.template)" } == [])
  }

  @Test func readingIsNotAudited() {
    let audited = Router.api.routes.filter {
      $0.method == .get && AuditAction.of($0.method, $0.template) != nil
    }
    #expect(audited.map(\.template) == ["/api/v1/sandboxes/{id}/ws"])
  }

  @Test func theSameTemplateWithAnotherMethodIsAnotherThing() {
    #expect(AuditAction.of(.head, "/api/v1/sandboxes/{id}/ws") == nil)
    #expect(AuditAction.of(.delete, "/api/v1/sandboxes/{id}") == .sandboxDelete)
    #expect(AuditAction.of(.other("delete"), "/api/v1/sandboxes/{id}") == nil)
    #expect(AuditAction.of(.post, "unmatched") == nil)
  }
}
