/// The paths of WebSockets to new sandboxes, or the one of a proxy that has none.
final class SandboxPaths {
  private let count: Int
  private let direct: String?
  private var creating: Parallel?
  private var paths: [String] = []

  private static let createsAtOnce = 4

  init(_ count: Int, instead direct: String?) {
    self.count = count
    self.direct = direct
  }

  /// `then` gets none if a sandbox could not be made.
  func make(_ run: Run, _ then: @escaping ([String]) -> Void) {
    if let direct { return then([direct]) }
    let creating = Parallel(total: count) { [self] _ in
      run.sandboxes.create { [self] result in
        if run.isOver { return }
        switch result {
        case .failure(let failure): run.fail(failure)
        case .success(let id): paths.append("/api/v1/sandboxes/\(id)/ws")
        }
        self.creating?.didEnd()
      }
    } onEnd: { [self] in
      then(paths.count < count ? [] : paths)
    }
    self.creating = creating
    creating.start(Self.createsAtOnce)
  }
}
