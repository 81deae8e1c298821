/// What a request demands of the state of its target, and which part of it it wants (RFC 9110
/// §13, §14.2). Dates are not looked at: a tag says more.
public struct HTTPConditions: Sendable, Equatable {
  public let ifMatch: HTTPTagCondition?
  public let ifNoneMatch: HTTPTagCondition?
  /// The range asked for holds for this state only. Never weak, never without a range.
  public let ifRange: HTTPEntityTag?
  public let range: HTTPByteRange?

  /// A condition that can't be read: to go on as if it was not there would be wrong.
  public struct Malformed: Error, Equatable, Sendable {
    /// `If-Match` or `If-None-Match`.
    public let name: String
  }

  public init(_ headers: HTTPFields) throws(Malformed) {
    ifMatch = try Self.condition("If-Match", headers)
    ifNoneMatch = try Self.condition("If-None-Match", headers)
    let range = headers.count(of: "range") == 1 ? headers["range"].flatMap(HTTPByteRange.init) : nil
    guard range != nil, let state = headers["if-range"] else {
      self.range = range
      ifRange = nil
      return
    }
    // A date, or a weak tag, matches nothing here (§13.1.5): the whole is wanted.
    let tag = HTTPEntityTag(state).flatMap { $0.isWeak ? nil : $0 }
    ifRange = tag
    self.range = tag == nil || headers.count(of: "if-range") > 1 ? nil : range
  }

  private static func condition(
    _ name: String, _ headers: HTTPFields
  ) throws(Malformed) -> HTTPTagCondition? {
    let values = headers.values(name)
    if values.isEmpty { return nil }
    guard let condition = HTTPTagCondition(values.joined(separator: ", ")) else {
      throw Malformed(name: name)
    }
    return condition
  }

  /// The same conditions as headers of a request of ours.
  public var fields: [HTTPField] {
    [
      ("If-Match", ifMatch?.value), ("If-None-Match", ifNoneMatch?.value),
      ("Range", range?.value), ("If-Range", range == nil ? nil : ifRange?.value),
    ].compactMap { name, value in value.flatMap { HTTPField(name, $0) } }
  }

  public enum Outcome: Sendable, Equatable {
    /// The method is to be performed; on that part, if one is named.
    case proceed(HTTPByteRange?)
    /// 304.
    case notModified
    /// 412.
    case failed
  }

  /// What they come to (§13.2.2) for a target in that state; nil if there is none yet.
  public func outcome(_ method: HTTPMethod, _ tag: HTTPEntityTag?) -> Outcome {
    if let ifMatch, !ifMatch.matchesStrongly(tag) { return .failed }
    if let ifNoneMatch, ifNoneMatch.matchesWeakly(tag) {
      return method == .get || method == .head ? .notModified : .failed
    }
    guard method == .get, ifRange == nil || ifRange == tag else { return .proceed(nil) }
    return .proceed(range)
  }
}
