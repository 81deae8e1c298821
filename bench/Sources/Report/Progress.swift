import Reactor

/// The line on stderr that tells how far a run is: rewritten each second on a terminal, a new one
/// every five seconds elsewhere.
final class Progress {
  private let isTerminal = Console.errorIsTerminal
  private var timer: Timer?
  private var isShown = false

  func start(_ loop: Loop, _ text: @escaping () -> String) {
    timer = loop.every(ms: isTerminal ? 1000 : 5000) { [unowned self] in show(text()) }
  }

  private func show(_ text: String) {
    Console.error(isTerminal ? "\r\u{1B}[K\(text)" : "\(text)\n")
    isShown = true
  }

  /// A line of its own, above the progress line.
  func note(_ text: String) {
    clear()
    Console.error("xgen-bench: \(text)\n")
  }

  func stop() {
    timer?.cancel()
    timer = nil
    clear()
  }

  private func clear() {
    if isTerminal && isShown { Console.error("\r\u{1B}[K") }
    isShown = false
  }
}
