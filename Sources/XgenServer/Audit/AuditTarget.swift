/// Where the operator wants the audit log.
enum AuditTarget: Sendable, Equatable {
  /// `audit/audit.jsonl` in the data folder.
  case dataFolder
  case file(String)
  case standardError
  case none

  init(_ text: String) throws(SettingError) {
    switch text {
    case "stderr": self = .standardError
    case "none": self = .none
    case _ where text.isEmpty || text.hasSuffix("/") || text.utf8.contains(0):
      throw SettingError(name: "--audit-log", problem: "'\(text)' is not a file, stderr or none")
    default: self = .file(text)
    }
  }

  /// Makes the file, to find out at the start whether it can be written. Blocks. Nil for none.
  func open(in dataDirectory: String, fileBytes: Int) throws(SettingError) -> AuditSink? {
    switch self {
    case .none: return nil
    case .standardError: return .standardError
    case .file(let path): return try Self.files(AuditFiles(path: path, maxBytes: fileBytes))
    case .dataFolder:
      let folder = "\(dataDirectory)/audit"
      do throws(LocalError) { try HostFiles.makeFolder(folder, mode: 0o700) } catch {
        throw SettingError(name: "--audit-log", problem: "\(error)")
      }
      return try Self.files(AuditFiles(path: "\(folder)/audit.jsonl", maxBytes: fileBytes))
    }
  }

  private static func files(_ files: AuditFiles) throws(SettingError) -> AuditSink {
    do throws(LocalError) { try files.touch() } catch {
      throw SettingError(name: "--audit-log", problem: "\(error)")
    }
    return .files(files)
  }
}
