internal import Reactor
internal import XgenProtocol

/// What the server asks of a sidecar about files.
extension SidecarClient {
  /// Streams a file to the client; HEAD as well.
  func download(
    _ order: FileOrder, from sandbox: Sandbox, for request: APIRequest
  ) async throws(APIError) -> APIResponse {
    try enter(sandbox)
    defer { leave(sandbox) }
    let download = FileDownload(request, order, timeouts: streamTimeouts) { [unowned self] in
      unreachable(sandbox, $0)
    } fault: { [unowned self] in
      fault(sandbox, $0)
    }
    return try await download.run { start($0, to: sandbox) }
  }

  /// Streams the request's body into a file.
  func upload(
    _ order: FileOrder, mode: UInt32?, to sandbox: Sandbox, for request: APIRequest
  ) async throws(APIError) -> APIResponse {
    try enter(sandbox)
    defer { leave(sandbox) }
    let upload = FileUpload(request, order, mode: mode, timeouts: streamTimeouts) {
      [unowned self] in
      unreachable(sandbox, $0)
    } fault: { [unowned self] in
      fault(sandbox, $0)
    }
    return try await upload.run { start($0, to: sandbox) }
  }

  private var streamTimeouts: HTTPClientTimeouts {
    var allowed = HTTPClientTimeouts()
    allowed.headMs = timeouts.answerMs
    allowed.bodyIdleMs = timeouts.fileStallMs
    return allowed
  }

  private func enter(_ sandbox: Sandbox) throws(APIError) {
    if sandbox.fileTransfers >= Limits.maxFileTransfersPerSandbox {
      throw .quotaExceeded(
        "\(Limits.maxFileTransfersPerSandbox) files of this sandbox are under way already",
        retryAfterSeconds: 1)
    }
    if fileTransfers >= Limits.maxFileTransfers {
      throw .capacityExhausted("\(Limits.maxFileTransfers) files are under way already")
    }
    sandbox.fileTransfers += 1
    fileTransfers += 1
  }

  private func leave(_ sandbox: Sandbox) {
    sandbox.fileTransfers -= 1
    fileTransfers -= 1
  }

  /// Removes a file or a folder.
  func removeFile(
    _ order: FileOrder, isRecursive: Bool, in sandbox: Sandbox
  ) async throws(APIError) {
    let more = isRecursive ? "&recursive=true" : ""
    var request = HTTPClientRequest(target: order.target("/files", more), host: Self.host)
    request.method = .delete
    request.fields = order.conditions.fields
    request.timeouts = HTTPClientTimeouts(wholeMs: timeouts.removalMs)
    request.maxResponseBytes = FileRefusal.maxBodyBytes
    let response = try await send(request, to: sandbox)
    if response.head.status == 204 { return }
    throw refusal(response, order, sandbox)
  }

  /// What a folder holds, checked.
  func listFiles(
    _ order: FileOrder, in sandbox: Sandbox
  ) async throws(APIError) -> (entries: [FsEntry], isCut: Bool) {
    var request = HTTPClientRequest(target: order.target("/files/list"), host: Self.host)
    request.timeouts = HTTPClientTimeouts(wholeMs: timeouts.answerMs)
    request.maxResponseBytes = Limits.maxListingBytes
    let response = try await send(request, to: sandbox)
    guard response.head.status == 200 else { throw refusal(response, order, sandbox) }
    guard let entries = FileListing.entries(response.body) else {
      throw fault(sandbox, "the sidecar's listing makes no sense")
    }
    return (entries, response.head.headers["x-xgen-truncated"] == "true")
  }

  private func refusal(
    _ response: HTTPClientResponse, _ order: FileOrder, _ sandbox: Sandbox
  ) -> APIError {
    FileRefusal.error(response.head, response.body, to: .get, order.conditions)
      ?? fault(sandbox, "the sidecar's refusal of a file makes no sense")
  }
}
