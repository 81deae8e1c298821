/// `GET /healthz`: 200 with the body `ok` for as long as the loop turns.
@LoopActor
func healthz(_ server: Server, _ request: APIRequest) throws(APIError) -> APIResponse { healthy }

private let healthy = APIResponse.text(200, "ok", contentType: "text/plain; charset=utf-8")
