/// What a client would like to have (RFC 9110 §12.5.1), as far as anything here depends on it.
enum Accept {
  /// Whether `text/event-stream` is named, and JSON not as much wanted by name.
  static func prefersEventStream(_ values: [String]) -> Bool {
    let stream = weight(of: "text/event-stream", in: values) ?? 0
    return stream > 0 && stream > (weight(of: "application/json", in: values) ?? 0)
  }

  /// The greatest weight that a media type has by its own name; nil if it is not named.
  private static func weight(of type: String, in values: [String]) -> Double? {
    var found: Double?
    for range in values.flatMap({ $0.split(separator: ",") }) {
      let parts = range.split(separator: ";").map { $0.trimmingBlanks().lowercased() }
      guard parts.first == type else { continue }
      let weight = parts.dropFirst().first { $0.hasPrefix("q=") }
        .map { Double($0.dropFirst(2)) ?? 0 }
      found = max(found ?? 0, weight ?? 1)
    }
    return found
  }
}

extension Substring {
  /// Without spaces and tabs at both ends.
  func trimmingBlanks() -> Substring {
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    guard let start = utf8.firstIndex(where: { !isBlank($0) }),
      let last = utf8.lastIndex(where: { !isBlank($0) })
    else { return "" }
    return self[start...last]
  }
}
