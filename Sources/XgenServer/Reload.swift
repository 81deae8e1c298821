internal import Logging
internal import Reactor

/// What SIGHUP does: the files that an operator may change under a running server are read again,
/// and the audit log's is opened anew. What can't be used is logged in one line and changes
/// nothing; sandboxes and connections go on.
@LoopActor
final class Reload {
  private let keys: APIKeySource
  private let certificate: ServerCertificate?
  private let server: Server
  private let workers: WorkerPool
  private let log: Logger
  private var isRunning = false
  /// Asked again meanwhile: the files may have changed behind the reader.
  private var isAskedAgain = false

  init(
    keys: APIKeySource, certificate: ServerCertificate?, server: Server, workers: WorkerPool,
    log: Logger
  ) {
    self.keys = keys
    self.certificate = certificate
    self.server = server
    self.workers = workers
    self.log = log
  }

  func run() async {
    isAskedAgain = isRunning
    if isRunning { return }
    isRunning = true
    repeat {
      isAskedAgain = false
      // Keys first: taking a right away waits for no disk of the audit log's.
      await reloadKeys()
      await certificate?.reload()
      await server.audit?.reopen()
    } while isAskedAgain
    isRunning = false
  }

  private func reloadKeys() async {
    let keys = keys
    do {
      let read = try await workers.run { () -> Result<APIKeyStore, SettingError> in
        do throws(SettingError) { return .success(try keys.load()) } catch {
          return .failure(error)
        }
      }
      let store = try read.get()
      let cut = server.replaceKeys(store)
      log.notice(
        "the API keys were read again",
        metadata: ["keys": "\(store.count)", "connections_closed": "\(cut)"])
    } catch {
      log.error(
        "the API keys can't be read again; the old ones stay", metadata: ["error": "\(error)"])
    }
  }
}
