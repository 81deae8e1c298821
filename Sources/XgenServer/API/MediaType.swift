internal import Reactor

/// What a request says that its body is.
enum MediaType {
  /// Throws 415 for a body that is clearly no JSON in UTF-8, or that is compressed.
  ///
  /// Without a type it is taken for JSON, and so is what clients send who were not told otherwise:
  /// `curl -d` says that it is a form, `fetch` with a string that it is text.
  static func checkJSON(_ head: HTTPRequestHead) throws(APIError) {
    for coding in head.headers.values("content-encoding") where !coding.isSpelled("identity") {
      throw .unsupportedMediaType("the body must not be compressed (Content-Encoding)")
    }
    let values = head.headers.values("content-type")
    guard let value = values.first else { return }
    guard values.count == 1, isJSON(value) else {
      throw .unsupportedMediaType("the body must be application/json, in UTF-8 (Content-Type)")
    }
  }

  private static func isJSON(_ value: String) -> Bool {
    let parts = value.split(separator: ";", omittingEmptySubsequences: false)
      .map { $0.trimmingBlanks().lowercased() }
    let isKnown =
      ["application/json", "application/x-www-form-urlencoded", "text/plain", ""]
      .contains(parts[0]) || parts[0].hasPrefix("application/") && parts[0].hasSuffix("+json")
    let charset = parts.dropFirst().first { $0.hasPrefix("charset=") }?.dropFirst(8)
    return isKnown
      && (charset.map { ["utf-8", "\"utf-8\"", "utf8", "us-ascii"].contains($0) } ?? true)
  }
}
