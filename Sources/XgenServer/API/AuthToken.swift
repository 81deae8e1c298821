/// `POST /api/v1/auth/token`: an API key for a JWT of 15 minutes.
@LoopActor
func authToken(_ server: Server, _ request: APIRequest) async throws(APIError) -> APIResponse {
  let fields = try await request.jsonBody()
  let key: String
  do throws(FieldError) { key = try fields.requiredString("api_key") } catch {
    throw .invalidParameter(error)
  }
  let principal: Principal
  do throws(AuthenticationError) { principal = try server.tokens.authenticate(apiKey: key) } catch {
    throw .unauthorized("this API key is not known", .unknownKey)
  }
  request.context.principal = principal
  let issued = server.tokens.issue(for: principal, now: server.authorizer.now())
  var writer = JSONWriter()
  writer.beginObject()
  writer.key("token")
  writer.string(issued.token)
  writer.key("expires_at")
  writer.string("\(Timestamp(unixSeconds: issued.expiresAt))")
  writer.endObject()
  return .json(200, writer.bytes)
}
