internal import Reactor

/// `GET /openapi.json`: the API's description.
@LoopActor
func openAPI(_ server: Server, _ request: APIRequest) throws(APIError) -> APIResponse {
  .json(200, OpenAPIDocument.bytes)
}

/// `GET /docs`: the same for people.
@LoopActor
func docs(_ server: Server, _ request: APIRequest) throws(APIError) -> APIResponse {
  APIResponse(
    status: 200,
    fields: [
      HTTPField(fixed: "Content-Type", "text/html; charset=utf-8"),
      HTTPField(fixed: "Content-Security-Policy", DocsPage.policy),
      HTTPField(fixed: "X-Content-Type-Options", "nosniff"),
    ], body: .bytes(DocsPage.html))
}
