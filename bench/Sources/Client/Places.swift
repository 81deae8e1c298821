import Reactor

/// What a connection asks for, and as whom.
struct Place {
  let path: String
  /// Such as the credential.
  let fields: [HTTPField]
  /// Of the Host header, where it is not the target's.
  var host: String?
}

/// Finds where connections are to go: before the first, sandboxes may have to be made.
struct Places {
  typealias Found = ([Place]) -> Void

  /// Calls back once, with none if there is nowhere to go; the run has then been told why.
  let find: (Run, @escaping Found) -> Void

  /// One that is there, such as a proxy's path.
  static func fixed(_ path: String, _ fields: [HTTPField] = []) -> Places {
    Places { _, found in found([Place(path: path, fields: fields)]) }
  }

  /// Something of so many new sandboxes, such as `ws`.
  static func sandboxes(_ count: Int, _ resource: String = "ws") -> Places {
    Places { run, found in
      SandboxMaker(count, run) { ids in
        found(
          ids.map {
            let path = "/api/v1/sandboxes/\($0)\(resource.isEmpty ? "" : "/")\(resource)"
            return Place(path: path, fields: run.api.authorization)
          })
      }.start()
    }
  }

  /// A path of the server on a port of new sandboxes, by its preview's name.
  static func previews(_ sandboxes: Int, port: Int, _ path: String, domain: String) -> Places {
    Places { run, found in
      SandboxMaker(sandboxes, run) { ids in
        found(ids.map { Place(path: path, fields: [], host: "sbx-\($0)-\(port).\(domain)") })
      }.start()
    }
  }

  /// The path of a proxy, where one is given, else new sandboxes.
  static func direct(_ path: String?, orSandboxes count: Int) -> Places {
    path.map { .fixed($0) } ?? .sandboxes(count)
  }

  /// The same, with other paths.
  func map(_ path: @escaping (String) -> String) -> Places {
    Places { run, found in
      find(run) { found($0.map { Place(path: path($0.path), fields: $0.fields) }) }
    }
  }

  /// The same with a token in place of the API key: what clients show at each connection.
  func withToken() -> Places {
    Places { run, found in
      run.api.fetchToken { result in
        switch result {
        case .failure(let failure):
          run.fail(failure)
          found([])
        case .success(let bearer):
          find(run) { found($0.map { Place(path: $0.path, fields: [bearer]) }) }
        }
      }
    }
  }
}

/// Makes sandboxes, a few at a time.
final class SandboxMaker {
  private let count: Int
  private let run: Run
  private let made: ([String]) -> Void
  private var ids: [String] = []
  private var creating: Parallel?

  private static let createsAtOnce = 4
  /// WebSockets that a server allows to one sandbox.
  private static let connectionsEach = 256

  /// So many are needed for so many WebSockets.
  static func count(for connections: Int) -> Int {
    (connections + connectionsEach - 1) / connectionsEach
  }

  /// `made` gets none if not all could be made.
  init(_ count: Int, _ run: Run, _ made: @escaping ([String]) -> Void) {
    self.count = count
    self.run = run
    self.made = made
  }

  func start() {
    let creating = Parallel(total: count) { [self] _ in
      run.sandboxes.create { [self] in didCreate($0) }
    } onEnd: { [self] in
      made(ids.count < count ? [] : ids)
    }
    self.creating = creating
    creating.start(Self.createsAtOnce)
  }

  private func didCreate(_ result: Result<String, APIFailure>) {
    if run.isOver { return }
    switch result {
    case .failure(let failure): run.fail(failure)
    case .success(let id): ids.append(id)
    }
    creating?.didEnd()
  }
}
