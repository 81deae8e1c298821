/// Lets one task at a time pass, in the order in which they came.
@LoopActor
final class Turns {
  private var isTaken = false
  private var waiting: [CheckedContinuation<Void, Never>] = []
  private var first = 0

  /// Waits for the caller's turn, which lasts until `leave`.
  func enter() async {
    if !isTaken {
      isTaken = true
      return
    }
    await withCheckedContinuation { waiting.append($0) }
  }

  func leave() {
    if first == waiting.count {
      isTaken = false
      waiting.removeAll()
      first = 0
      return
    }
    first += 1
    waiting[first - 1].resume()
  }
}
