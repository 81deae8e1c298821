/// Where in the workspace a client's path points, by its letters alone. Symbolic links are the
/// sidecar's business, which resolves the result beneath the workspace's descriptor.
public enum WorkspacePath {
  /// Where the workspace lies in every sandbox.
  public static let root = "/home/sandbox/workspace"

  /// The path relative to the workspace, its components joined by `/`; empty for the workspace.
  ///
  /// A leading `/` means the workspace too, and so does `root` at the start of an absolute path.
  /// `..` is resolved here. A path that leaves the workspace at any place, even to come back,
  /// throws `pathEscapesWorkspace`; NUL bytes and what is longer than Linux allows throw
  /// `invalidField(field, …)`.
  public static func relative(
    _ path: String, field: String = "path"
  ) throws(ProtocolError) -> String {
    let bytes = path.utf8
    guard bytes.count <= WireLimits.maxPathBytes else { throw .invalidField(field, .tooLong) }
    guard !bytes.contains(0) else { throw .invalidField(field, .containsNUL) }
    var components = bytes.split(separator: UInt8(ascii: "/")).filter { !isCurrent($0) }
    if bytes.first == UInt8(ascii: "/") { dropRoot(&components) }
    guard components.allSatisfy({ $0.count <= WireLimits.maxPathComponentBytes }) else {
      throw .invalidField(field, .tooLong)
    }
    return try resolve(components).map { String(Substring($0)) }.joined(separator: "/")
  }

  private static func resolve(
    _ components: [Substring.UTF8View]
  ) throws(ProtocolError) -> [Substring.UTF8View] {
    var resolved: [Substring.UTF8View] = []
    for component in components {
      if !isParent(component) {
        resolved.append(component)
      } else if resolved.popLast() == nil {
        throw .pathEscapesWorkspace
      }
    }
    return resolved
  }

  /// Bytes are compared, not `String`s: those are equal when they look the same.
  private static func dropRoot(_ components: inout [Substring.UTF8View]) {
    let prefix = root.utf8.split(separator: UInt8(ascii: "/"))
    let isBelowRoot = components.starts(with: prefix) { $0.elementsEqual($1) }
    if isBelowRoot { components.removeFirst(prefix.count) }
  }

  private static func isCurrent(_ component: Substring.UTF8View) -> Bool {
    component.elementsEqual(".".utf8)
  }

  private static func isParent(_ component: Substring.UTF8View) -> Bool {
    component.elementsEqual("..".utf8)
  }
}
