/// Which objects a list or a watch is of.
struct KubernetesSelection: Sendable, Equatable {
  let resource: KubernetesResource
  /// Nil: of every namespace, or a resource that has none.
  let namespace: String?
  /// Equality-based or set-based: `app=x,env in (a,b)`.
  var labelSelector: String?
  /// `metadata.name=x`, `status.phase!=Running`.
  var fieldSelector: String?

  /// The collection's path.
  var path: String { resource.path(in: namespace) }

  var query: [(name: String, value: String)] {
    [("labelSelector", labelSelector), ("fieldSelector", fieldSelector)].compactMap { item in
      item.1.map { (item.0, $0) }
    }
  }
}
