/// The answer to an exec that was not streamed. Pure; it may be large.
struct ExecAnswer: Sendable {
  let order: ExecOrder
  let end: ExecEnd
  let output: CapturedOutput

  var response: APIResponse {
    if end.timedOut {
      let error = timeout
      return .json(error.status, error.body, error.fields)
    }
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("exit_code")
    writer.int(end.exitCode)
    writer.key("stdout")
    writer.string(order.text(output.stdout))
    writer.key("stderr")
    writer.string(order.text(output.stderr))
    if output.isTruncated {
      writer.key("truncated")
      writer.bool(true)
    }
    writer.endObject()
    return .json(200, writer.bytes)
  }

  private var timeout: APIError {
    var error = APIError.execTimeout(order.timeoutSeconds)
    error.extra = [
      ("stdout", .string(order.text(output.stdout))),
      ("stderr", .string(order.text(output.stderr))), ("truncated", .bool(output.isTruncated)),
    ]
    return error
  }
}
