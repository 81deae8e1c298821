/// Lets one task at a time pass, or a few, in the order in which they came.
@LoopActor
final class Turns {
  private var free: Int
  private var waiting: [CheckedContinuation<Void, Never>] = []
  private var first = 0

  init(places: Int = 1) { free = places }

  /// Waits for the caller's turn, which lasts until `leave`.
  func enter() async {
    if free > 0 {
      free -= 1
      return
    }
    await withCheckedContinuation { waiting.append($0) }
  }

  func leave() {
    if first == waiting.count {
      free += 1
      waiting.removeAll()
      first = 0
      return
    }
    first += 1
    waiting[first - 1].resume()
  }
}
