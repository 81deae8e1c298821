/// Where the API keys come from: read at the start, and again at every SIGHUP.
struct APIKeySource: Sendable {
  /// The one admin key beside those of a file.
  enum AdminKey: Sendable, Equatable {
    case none
    case given(String)
    /// A file of the data folder, made where it is missing.
    case stored(path: String)
  }

  /// Of `APIKeyFile`.
  var file: String?
  var adminKey: AdminKey

  private static let maxFileBytes = 4 * 1024 * 1024

  /// Blocks. The error names the file and what is wrong in it, never a key.
  func load() throws(SettingError) -> APIKeyStore {
    let entries = try fileBytes()
    let admin = try adminKeyText()
    do throws(APIKeyError) { return try APIKeyStore(file: entries, adminKey: admin) } catch {
      throw SettingError(name: "--api-keys", problem: "\(error)")
    }
  }

  private func fileBytes() throws(SettingError) -> [UInt8]? {
    guard let file else { return nil }
    guard let bytes = try Secrets.readBytes(file, maxBytes: Self.maxFileBytes) else {
      throw SettingError(name: "--api-keys", problem: "'\(file)' is not there")
    }
    return bytes
  }

  private func adminKeyText() throws(SettingError) -> String? {
    switch adminKey {
    case .none: nil
    case .given(let key): key
    case .stored(let path): try Secrets.load(path)
    }
  }
}
