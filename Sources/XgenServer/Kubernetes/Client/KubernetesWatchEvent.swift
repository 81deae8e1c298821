/// What a `KubernetesWatch` tells, in order.
///
/// Every change of the selected objects is either in a `.changed` or `.deleted` or lies between two
/// `.reset`s; a consumer that compares a reset with what it holds misses nothing.
enum KubernetesWatchEvent: Sendable, Equatable {
  /// All selected objects at one moment: at the start, and whenever events may have been missed.
  /// Objects that the consumer holds and that are not among them are gone. The items lack `kind`
  /// and `apiVersion`.
  case reset(items: [JSONValue], resourceVersion: String)
  /// The object as it is now: added, modified, or selected from now on.
  case changed(JSONValue)
  /// The object in its last state, or as it was when it ceased to be selected.
  case deleted(JSONValue)
  /// The watch is open: what follows is told as it happens.
  case connected
  /// The watch could not be opened again, and what is held may be old. The watch goes on trying.
  /// A connection that is cut and at once replaced is not told of.
  case disconnected(KubernetesError)
}
