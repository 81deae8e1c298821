/// A whole list, at one moment of the cluster.
struct KubernetesList: Sendable, Equatable {
  /// In the server's order. They lack `kind` and `apiVersion`, as in every list, and
  /// `metadata.managedFields`.
  let items: [JSONValue]
  /// From where a watch goes on.
  let resourceVersion: String
}

/// A list page by page: which request is next, and what its answer means. Pure.
///
/// The pages are those of one moment, which the server keeps for some 5 minutes; when it has
/// dropped it (410), the list begins anew.
struct KubernetesListing: Sendable {
  let selection: KubernetesSelection
  let pageItems: Int
  private var items: [JSONValue] = []
  private var pages = 0
  private var bytes = 0
  private var restarts = 0
  private var continuation: String?

  init(_ selection: KubernetesSelection, pageItems: Int = KubernetesLimits.pageItems) {
    self.selection = selection
    self.pageItems = pageItems
  }

  /// The next page's. Without a resourceVersion: the server reads its store, not a cache, so that
  /// the list is never older than what was seen before.
  var request: KubernetesRequest {
    var request = KubernetesRequest(method: .get, path: selection.path)
    request.query = selection.query + [("limit", "\(pageItems)")]
    if let continuation { request.query.append(("continue", continuation)) }
    return request
  }

  /// Takes a page; the list once it was the last one.
  mutating func take(_ answer: KubernetesAnswer) throws(KubernetesError) -> KubernetesList? {
    let page = answer.body
    let found = page["items"] ?? .null
    guard let found = found == .null ? [] : found.arrayValue,
      let version = page["metadata"]?["resourceVersion"]?.stringValue,
      KubernetesObject.isResourceVersion(version)
    else { throw .malformed("a page of \(selection.path) is no list") }
    pages += 1
    bytes += answer.byteCount
    items += found.map(KubernetesObject.withoutManagedFields)
    let next = page["metadata"]?["continue"]?.stringValue ?? ""
    if next.isEmpty { return KubernetesList(items: items, resourceVersion: version) }
    guard next.utf8.count <= KubernetesLimits.maxContinueBytes,
      pages < KubernetesLimits.maxListPages, items.count < KubernetesLimits.maxListItems,
      bytes < KubernetesLimits.maxListBytes
    else { throw .malformed("the list of \(selection.path) is too long") }
    continuation = next
    return nil
  }

  /// After 410: forgets the pages; false if that has happened too often.
  mutating func restart() -> Bool {
    restarts += 1
    items = []
    pages = 0
    bytes = 0
    continuation = nil
    return restarts <= KubernetesLimits.maxListRestarts
  }
}
