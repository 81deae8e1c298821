/// What every object of the API has in common. Pure.
enum KubernetesObject {
  /// Opaque; bounded, since it goes back to the server in a URL.
  static func isResourceVersion(_ text: String) -> Bool {
    1...KubernetesLimits.maxResourceVersionBytes ~= text.utf8.count
  }

  static func resourceVersion(_ object: JSONValue) -> String? {
    object["metadata"]?["resourceVersion"]?.stringValue.flatMap {
      isResourceVersion($0) ? $0 : nil
    }
  }

  static func name(_ object: JSONValue) -> String? { object["metadata"]?["name"]?.stringValue }

  static func uid(_ object: JSONValue) -> String? { object["metadata"]?["uid"]?.stringValue }

  /// The object without `metadata.managedFields`: half of its size, and of use to nobody here. A
  /// replace without them leaves them as they are.
  static func withoutManagedFields(_ object: JSONValue) -> JSONValue {
    guard let metadata = object["metadata"]?.objectValue, metadata["managedFields"] != nil,
      let members = object.objectValue?.members
    else { return object }
    let kept = metadata.members.filter { $0.name != "managedFields" }.map { ($0.name, $0.value) }
    return .members(
      members.map { ($0.name, $0.name == "metadata" ? .members(kept) : $0.value) })
  }
}
