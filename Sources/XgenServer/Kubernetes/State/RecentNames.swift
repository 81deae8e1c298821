/// The last so many names that were added: a set that forgets. Pure.
struct RecentNames {
  let limit: Int
  private var known: Set<String> = []
  /// In the order of their coming, as a ring once it is full.
  private var order: [String] = []
  private var next = 0

  init(limit: Int) { self.limit = limit }

  func contains(_ name: String) -> Bool { known.contains(name) }

  mutating func insert(_ name: String) {
    guard known.insert(name).inserted else { return }
    if order.count < limit { return order.append(name) }
    known.remove(order[next])
    order[next] = name
    next = (next + 1) % limit
  }

  /// Its place in the order stays until it is its turn.
  mutating func remove(_ name: String) {
    guard known.remove(name) != nil, let place = order.firstIndex(of: name) else { return }
    order.remove(at: place)
    if place < next { next -= 1 }
    if next >= limit { next = 0 }
  }
}
