import Foundation
import Reactor
import Testing

@testable import XgenServer

@Suite struct OpenAPITests {
  private let document = OpenAPIDocument.document(Router.api.routes)

  private func described(_ route: Route) -> JSONObject? {
    document.objectValue?["paths"]?.objectValue?[route.template]?
      .objectValue?[route.method.name.lowercased()]?.objectValue
  }

  @Test func everyRouteIsThereWithItsPermission() throws {
    for route in Router.api.routes {
      let operation = try #require(described(route), "\(route.method.name) \(route.template)")
      switch route.access {
      case .open: #expect(operation["security"] == [])
      case .permission(let permission), .webSocket(let permission):
        #expect(operation["x-permission"] == .string(permission.rawValue))
        let responses = operation["responses"]?.objectValue
        #expect(responses?["401"] != nil && responses?["403"] != nil)
      }
    }
  }

  @Test func everyParameterOfATemplateIsDescribed() throws {
    for route in Router.api.routes {
      let inTemplate = route.parts.filter { $0.hasPrefix("{") }.map {
        String($0.dropFirst().dropLast())
      }
      let described = route.operation.parameters.filter { $0.place == .path }.map(\.name)
      #expect(described == inTemplate, "\(route.template)")
    }
  }

  @Test func operationIdsAreUnique() {
    let ids = Router.api.routes.map(\.operation.id)
    #expect(Set(ids).count == ids.count)
  }

  @Test func everyReferenceLeadsSomewhere() {
    let components = document.objectValue?["components"]?.objectValue?.members ?? []
    let names = Set(
      components.flatMap { kind in
        (kind.value.objectValue?.members ?? []).map { "#/components/\(kind.name)/\($0.name)" }
      })
    func check(_ value: JSONValue) {
      for element in value.arrayValue ?? [] { check(element) }
      for member in value.objectValue?.members ?? [] {
        if member.name == "$ref", let text = member.value.stringValue {
          #expect(names.contains(text))
        }
        check(member.value)
      }
    }
    check(document)
  }

  @Test func theCopyInDocsIsTheSame() throws {
    let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
    let file = try #require(FileManager.default.contents(atPath: "/\(root)/docs/openapi.json"))
    let limits = JSONLimits(maxDepth: 64, maxElements: 100_000)
    let copy = try JSONParser.parse([UInt8](file), limits: limits)
    let isSame = copy == document  // not in the expectation, which would print both
    #expect(isSame, "renew it: make openapi")
  }

  @Test func thePageNamesEveryOperationAndNoOtherHost() {
    let page = String(decoding: DocsPage.html, as: UTF8.self)
    for route in Router.api.routes {
      #expect(page.contains("<h3 id=\"\(route.operation.id)\">"))
    }
    #expect(!page.contains("<script") && !page.contains("//"))
  }
}
