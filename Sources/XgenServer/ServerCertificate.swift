internal import Logging
internal import Reactor
internal import ReactorTLS

/// The certificate that listeners show: read at the start, and again whenever the operator asks
/// (SIGHUP). Connections keep the one that they began with.
@LoopActor
final class ServerCertificate {
  let files: TLSFiles
  /// For connections accepted from now on.
  private(set) var context: TLSContext
  private let workers: WorkerPool
  private let log: Logger
  private var isReading = false
  /// Asked again while the files were read: they may have changed behind the reader.
  private var isAskedAgain = false

  init(_ loaded: LoadedCertificate, workers: WorkerPool, log: Logger) {
    files = loaded.files
    context = loaded.context
    self.workers = workers
    self.log = log
  }

  /// Reads the files on a worker. What can't be used is logged, and nothing changes.
  func reload() async {
    isAskedAgain = isReading
    if isReading { return }
    isReading = true
    repeat {
      isAskedAgain = false
      await readOnce()
    } while isAskedAgain
    isReading = false
  }

  private func readOnce() async {
    let files = files
    let path: Logger.Metadata = ["certificate": "\(files.certificate)"]
    do {
      let read = try await workers.run { () -> Result<TLSContext, TLSFileError> in
        do throws(TLSFileError) { return .success(try TLSContext(server: files)) } catch {
          return .failure(error)
        }
      }
      context = try read.get()
      log.notice("the TLS certificate was read again", metadata: path)
    } catch {
      log.error(
        "the TLS certificate can't be renewed; the old one stays", metadata: ["error": "\(error)"])
    }
  }
}

/// Files of a certificate with what was read from them before the loop runs.
struct LoadedCertificate: Sendable {
  let files: TLSFiles
  let context: TLSContext

  /// Blocks. The error names the flag and the file.
  init(_ files: TLSFiles) throws(SettingError) {
    self.files = files
    do throws(TLSFileError) { context = try TLSContext(server: files) } catch {
      let flag = error.path == files.key ? "--tls-key" : "--tls-cert"
      throw SettingError(name: flag, problem: "\(error)")
    }
  }
}
