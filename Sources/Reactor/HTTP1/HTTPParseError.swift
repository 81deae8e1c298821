/// Why bytes are not the message that they should be. One error for the whole protocol layer:
/// heads, chunked bodies, targets, and what a caller wants written.
///
/// `status` is a server's answer to such a request. For a response, the fault is the upstream's
/// and the answer 502, whatever `status` says.
public enum HTTPParseError: Error, Equatable, Sendable, CaseIterable {
  // The start line.
  case invalidMethod, methodTooLong
  case invalidTarget, targetTooLong
  case invalidVersion, unsupportedVersion
  case invalidStatusLine
  // Fields.
  case invalidLineEnd
  case invalidFieldName, blankBeforeColon, obsoleteFold, invalidFieldValue
  case headTooLarge, tooManyFields
  case missingHost, repeatedHost, invalidHost
  case unsupportedExpectation
  case tooManyConnectionOptions
  // Framing.
  case invalidContentLength, repeatedContentLength
  case invalidTransferEncoding, unsupportedTransferEncoding, transferEncodingInHTTP10
  case conflictingFraming
  // Chunked bodies.
  case invalidChunkSize, chunkTooLarge
  case invalidChunkExtension, chunkExtensionTooLong
  case invalidChunkEnd
  case invalidTrailer, trailersTooLarge
  // Decoded targets.
  case tooManyPathSegments, tooManyQueryItems

  /// The status of a server's answer.
  public var status: Int {
    switch self {
    case .targetTooLong, .tooManyPathSegments, .tooManyQueryItems: 414
    case .unsupportedExpectation: 417
    case .headTooLarge, .tooManyFields, .trailersTooLarge: 431
    case .methodTooLong, .unsupportedTransferEncoding: 501
    case .unsupportedVersion: 505
    default: 400
    }
  }

  /// A short text for the answer's body and for logs; it quotes nothing of what was received.
  public var reason: String {
    switch self {
    case .invalidMethod: "the method is no token"
    case .methodTooLong: "the method is too long"
    case .invalidTarget: "the request target is malformed"
    case .targetTooLong: "the request target is too long"
    case .invalidVersion: "the HTTP version is malformed"
    case .unsupportedVersion: "this HTTP version is not spoken here"
    case .invalidStatusLine: "the status line is malformed"
    case .invalidLineEnd: "a line does not end in CRLF"
    case .invalidFieldName: "a header name is no token"
    case .blankBeforeColon: "there is a blank before a header's colon"
    case .obsoleteFold: "a header is folded over lines"
    case .invalidFieldValue: "a header value holds a control character"
    case .headTooLarge: "the head is too large"
    case .tooManyFields: "there are too many headers"
    case .missingHost: "Host is missing"
    case .repeatedHost: "Host is repeated"
    case .invalidHost: "Host is malformed"
    case .tooManyConnectionOptions: "Connection has too many options"
    case .unsupportedExpectation: "this expectation can't be met"
    case .invalidContentLength: "Content-Length is no number in range"
    case .repeatedContentLength: "Content-Length is repeated"
    case .invalidTransferEncoding: "Transfer-Encoding is malformed"
    case .unsupportedTransferEncoding: "this Transfer-Encoding is not spoken here"
    case .transferEncodingInHTTP10: "HTTP/1.0 has no Transfer-Encoding"
    case .conflictingFraming: "there are both Content-Length and Transfer-Encoding"
    case .invalidChunkSize: "a chunk size is malformed"
    case .chunkTooLarge: "a chunk is too large"
    case .invalidChunkExtension: "a chunk extension is malformed"
    case .chunkExtensionTooLong: "a chunk extension is too long"
    case .invalidChunkEnd: "a chunk does not end in CRLF"
    case .invalidTrailer: "a trailer is malformed"
    case .trailersTooLarge: "the trailers are too large"
    case .tooManyPathSegments: "the path has too many segments"
    case .tooManyQueryItems: "the query has too many items"
    }
  }
}
