internal import Reactor

/// Our parameter in a query. Pure; what is not ours stays as it came, byte for byte.
enum PreviewQuery {
  static let name = "token"

  /// A query without some of its items.
  enum Rest: Equatable, Sendable {
    case same
    /// Nothing is left, nor the `?`.
    case none
    case replaced(String)
  }

  /// Values of the parameter, decoded.
  static func tokens(in query: String) -> [String] { items(query).compactMap { token(of: $0) } }

  /// The query without the items whose token `isOurs`.
  static func without(_ query: String, where isOurs: (String) -> Bool) -> Rest {
    let all = items(query)
    let kept = all.filter { item in token(of: item).map { !isOurs($0) } ?? true }
    if kept.count == all.count { return .same }
    return kept.isEmpty ? .none : .replaced(kept.joined(separator: "&"))
  }

  private static func items(_ query: String) -> [Substring] {
    query.split(separator: "&", omittingEmptySubsequences: false)
  }

  private static func token(of item: Substring) -> String? {
    if item.utf8.starts(with: "\(name)=".utf8), !item.utf8.contains(UInt8(ascii: "%")) {
      return String(item.dropFirst(name.utf8.count + 1))
    }
    guard item.utf8.contains(UInt8(ascii: "%")) else { return nil }
    return (try? HTTPQuery(String(item)))?[name]
  }
}
